"""A document as a plain dict: one canonical way to write each thing, defaults left out."""

from typing import Any

from workflows.engine.kinds import RETRY_FIELDS, SETTINGS_FIELDS, STEP_KINDS, TRIGGER_KINDS
from workflows.engine.parts import FORMAT, Config, Document, Retry, Settings, Step, Trigger, ports
from workflows.engine.words import humanise

_ATTRIBUTES = ("integration", "action", "connection", "when", "input", "output")


def write(document: Document) -> Config:
    """The canonical plain dict. Values are shared with the document, not copied."""
    data: Config = {"format": FORMAT, "key": document.key, "name": document.name}
    _put(data, "description", document.description)
    _put(
        data,
        "settings",
        _only_changed(document.settings, Settings(), [field.name for field in SETTINGS_FIELDS]),
    )
    _put(
        data,
        "connections",
        {key: {"integration": slot.integration} for key, slot in document.connections.items()},
    )
    _put(data, "triggers", [_trigger(trigger) for trigger in document.triggers])
    _put(data, "start", shortest(document.start))
    _put(data, "steps", [_step(step) for step in document.steps])
    _put(data, "layout", document.layout)
    return data


def shortest(targets: tuple[str, ...]) -> str | list[str]:
    """One key as text, several as a list."""
    return targets[0] if len(targets) == 1 else list(targets)


def _put(data: Config, name: str, value: Any) -> None:
    if value is not None and value != "" and value != [] and value != {}:
        data[name] = value


def _only_changed(given: Any, default: Any, names: list[str]) -> Config:
    return {name: getattr(given, name) for name in names if getattr(given, name) != getattr(default, name)}


def _trigger(trigger: Trigger) -> Config:
    data: Config = {"key": trigger.key}
    if trigger.name != humanise(trigger.key):
        data["name"] = trigger.name
    data["type"] = trigger.type
    for name in ("integration", "event", "connection"):
        _put(data, name, getattr(trigger, name))
    known = TRIGGER_KINDS[trigger.type].by_name if trigger.type in TRIGGER_KINDS else {}
    _put(data, "config", _ordered(trigger.config, list(known)))
    _put(data, "next", shortest(trigger.next))
    if not trigger.enabled:
        data["enabled"] = False
    return data


def _step(step: Step) -> Config:
    data: Config = {"key": step.key}
    if step.name != humanise(step.key):
        data["name"] = step.name
    data["type"] = step.type
    _put_own(data, step)
    if step.retry is not None:
        data["retry"] = _only_changed(step.retry, Retry(), [field.name for field in RETRY_FIELDS])
    _put(data, "timeout_s", step.timeout_s)
    _put_links(data, step)
    if not step.enabled:
        data["enabled"] = False
    _put(data, "notes", step.notes)
    return data


def _put_own(data: Config, step: Step) -> None:
    """The keys of the type in their order, then what does not belong to the type (which the loader refuses)."""
    kind = STEP_KINDS.get(step.type)
    fields = kind.fields if kind else ()
    inner = [field.name for field in fields if field.where == "config"]
    values = _ordered(_attributes(step) | step.config, [field.name for field in fields])
    data.update({name: value for name, value in values.items() if name not in inner})
    _put(data, "config", {name: step.config[name] for name in inner if name in step.config})


def _attributes(step: Step) -> Config:
    given = {name: getattr(step, name) for name in _ATTRIBUTES}
    return {name: value for name, value in given.items() if value is not None and (value or name != "input")}


def _put_links(data: Config, step: Step) -> None:
    order = _ordered(step.next, list(ports(step)))
    following = {port: shortest(targets) for port, targets in order.items() if port != "error"}
    if list(following) == ["main"]:
        data["next"] = following["main"]
    else:
        _put(data, "next", following)
    if "error" in step.next:
        data["on_error"] = shortest(step.next["error"])


def _ordered(given: dict[str, Any], known: list[str]) -> dict[str, Any]:
    """Known names first, in their order; then the others, sorted."""
    names = [name for name in known if name in given] + sorted(set(given) - set(known))
    return {name: given[name] for name in names}
