"""Drop-downs that an action of the same service fills (`x-options` in an input schema)."""

from automate.lib.jsontypes import JSON
from integrations.errors import ActionError
from integrations.manifest import Action, Trigger

MAX_CHOICES = 5000


def options_of(action: Action | Trigger, field: str) -> dict[str, JSON]:
    """The `x-options` of a field. Raises ActionError when it has none."""
    properties = action.input.get("properties")
    part = properties.get(field) if isinstance(properties, dict) else None
    found = part.get("x-options") if isinstance(part, dict) else None
    if not isinstance(found, dict):
        raise ActionError(f"The field {field} has no list of choices.", code="no_options", sent=False)
    return found


def choices(items: JSON, value: str, label: str) -> list[dict[str, JSON]]:
    """`[{value, label}]`; `value` and `label` are dotted paths into each item."""
    found = [(_at(item, value), _at(item, label)) for item in (items if isinstance(items, list) else [])]
    return [
        {"value": key, "label": str(key if name is None else name)}
        for key, name in found[:MAX_CHOICES]
        if key is not None
    ]


def _at(item: JSON, path: str) -> JSON:
    for key in path.split("."):
        item = item.get(key) if isinstance(item, dict) else None
    return item
