"""The fields that people fill in, out of a JSON Schema and back: forms, approvals and the builder read this.

`properties` in the order of `x-order` (a stored object keeps no order); `title` is the label, `description` the help.
Long text is `x-multiline`, a file `x-file` (with `x-accept`, the endings taken), a choice has an `enum`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflows.engine.words import humanise

KINDS: Final = {
    "text": "Text", "long": "Long text", "number": "Number", "integer": "Whole number", "choice": "Choice",
    "checkbox": "Checkbox", "date": "Date", "email": "E-mail address", "file": "File",
}  # fmt: skip
_BY_FORMAT: Final = {"date": "date", "email": "email"}
_KNOWN: Final = frozenset(
    {"type", "title", "description", "format", "enum", "default", "minimum", "maximum", "maxLength", "minLength",
     "x-multiline", "x-file", "x-accept"}
)  # fmt: skip


@dataclass(frozen=True)
class FormField:
    """One question. `choices` are the values as the schema has them; `limits` = {minimum, maximum, maxLength …}."""

    key: str
    kind: str = "text"
    label: str = ""
    help: str = ""
    required: bool = False
    choices: tuple[Any, ...] = ()
    default: Any = None
    accept: tuple[str, ...] = ()
    limits: tuple[tuple[str, float], ...] = ()

    @property
    def shown_label(self) -> str:
        return self.label or humanise(self.key)

    def limit(self, name: str) -> float | None:
        return dict(self.limits).get(name)


def fields_of(schema: Any) -> tuple[FormField, ...]:
    """Every property that a person can fill in; other shapes (lists, objects) are left out."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return ()
    needed = schema.get("required")
    required = set(needed) if isinstance(needed, list) else set()
    order = schema.get("x-order")
    first = [key for key in order if key in properties] if isinstance(order, list) else []
    keys = list(dict.fromkeys([*first, *properties]))
    found = [_field(key, properties[key], key in required) for key in keys]
    return tuple(field for field in found if field is not None)


def schema_of(fields: Iterable[FormField]) -> dict[str, Any]:
    """The schema that `fields_of` reads back as these fields."""
    listed = list(fields)
    made: dict[str, Any] = {
        "type": "object",
        "properties": {field.key: _property(field) for field in listed},
        "x-order": [field.key for field in listed],
    }
    required = [field.key for field in listed if field.required]
    return {**made, "required": required} if required else made


def is_plain(schema: Any) -> bool:
    """Whether the fields say all that the schema says: a richer one is edited as JSON."""
    if schema in (None, {}):
        return True
    if not isinstance(schema, Mapping) or not set(schema) <= {"type", "properties", "required", "x-order"}:
        return False
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping) or len(fields_of(schema)) != len(properties):
        return False
    return all(set(part) <= _KNOWN for part in properties.values())


def _field(key: str, part: Any, required: bool) -> FormField | None:
    kind = _kind(part)
    if kind is None:
        return None
    names = ("minimum", "maximum", "minLength", "maxLength")
    limits = tuple((name, part[name]) for name in names if isinstance(part.get(name), int | float))
    accept = part.get("x-accept")
    return FormField(
        key=key,
        kind=kind,
        label=str(part.get("title", "")),
        help=str(part.get("description", "")),
        required=required,
        choices=tuple(part["enum"]) if kind == "choice" else (),
        default=part.get("default"),
        accept=tuple(map(str, accept)) if isinstance(accept, list) else (),
        limits=limits,
    )


def _kind(part: Any) -> str | None:
    if not isinstance(part, Mapping):
        return None
    if part.get("x-file") is True:
        return "file"
    if isinstance(part.get("enum"), list) and part["enum"]:
        return "choice"
    plain = {"number": "number", "integer": "integer", "boolean": "checkbox"}
    word = part.get("type", "string")
    if word != "string":
        return plain.get(word) if isinstance(word, str) else None
    return "long" if part.get("x-multiline") is True else _BY_FORMAT.get(str(part.get("format")), "text")


_TYPES: Final[dict[str, dict[str, Any]]] = {
    "text": {"type": "string"}, "long": {"type": "string", "x-multiline": True}, "number": {"type": "number"},
    "integer": {"type": "integer"}, "choice": {"type": "string"}, "checkbox": {"type": "boolean"},
    "date": {"type": "string", "format": "date"}, "email": {"type": "string", "format": "email"},
    "file": {"type": "object", "x-file": True},
}  # fmt: skip


def _property(field: FormField) -> dict[str, Any]:
    made: dict[str, Any] = dict(_TYPES[field.kind])
    if field.kind == "choice":
        made["enum"] = list(field.choices)
        if not all(isinstance(choice, str) for choice in field.choices):
            del made["type"]
    more = {"title": field.label, "description": field.help, "x-accept": list(field.accept)}
    made |= {name: value for name, value in more.items() if value}
    if field.default is not None:
        made["default"] = field.default
    return made | dict(field.limits)
