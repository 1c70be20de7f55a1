"""A simple JSON Schema as rows of name, type and required; a richer one is edited as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflows.builder.forms.fields import MAX_ROWS, Post
from workflows.builder.forms.values import ABSENT, BadValue, clean, json_from_text, pretty

TYPES: Final = (
    ("string", "Text"), ("number", "Number"), ("integer", "Whole number"), ("boolean", "Yes or no"),
    ("array", "List"), ("object", "Object"),
)  # fmt: skip
_TYPE_WORDS: Final = {word for word, _ in TYPES}


@dataclass(frozen=True)
class Property:
    at: int
    name: str = ""
    type: str = "string"
    title: str = ""
    required: bool = False


@dataclass(frozen=True)
class SchemaForm:
    """`text` instead of rows where the schema says more than rows can."""

    rows: tuple[Property, ...] = ()
    text: str = ""
    types: tuple[tuple[str, str], ...] = TYPES


def show_schema(schema: Any) -> SchemaForm:
    if schema is ABSENT or schema in (None, {}):
        return SchemaForm((Property(0),))
    rows = _rows(schema)
    return SchemaForm(text=pretty(schema)) if rows is None else SchemaForm((*rows, Property(len(rows))))


def read_schema(name: str, post: Post, old: Any) -> Any:
    """The schema that was typed; ABSENT without any field. Raises BadValue."""
    if f"{name}.text" in post:
        made = json_from_text(clean(post[f"{name}.text"]))
        if made is not ABSENT and not isinstance(made, dict):
            raise BadValue('A JSON Schema is an object, such as {"type": "object", "properties": {}}.')
        return made
    if f"{name}.name.0" not in post:
        return old
    properties: dict[str, Any] = {}
    required = []
    for at in range(MAX_ROWS):
        key = clean(post.get(f"{name}.name.{at}", "")).strip()
        if not key:
            continue
        if key in properties:
            raise BadValue(f'The name "{key}" is used twice. Give each field its own name.')
        properties[key] = _property(name, at, post)
        required += [key] if f"{name}.req.{at}" in post else []
    if not properties:
        return ABSENT
    made = {"type": "object", "properties": properties}
    return {**made, "required": required} if required else made


def _property(name: str, at: int, post: Post) -> dict[str, Any]:
    kind = post.get(f"{name}.type.{at}", "string")
    if kind not in _TYPE_WORDS:
        raise BadValue(f'There is no type "{kind}".')
    title = clean(post.get(f"{name}.title.{at}", "")).strip()
    return {"type": kind, "title": title} if title else {"type": kind}


def _rows(schema: Any) -> list[Property] | None:
    if not isinstance(schema, Mapping) or not set(schema) <= {"type", "properties", "required"}:
        return None
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if (
        schema.get("type", "object") != "object"
        or not isinstance(properties, Mapping)
        or not isinstance(required, list)
    ):
        return None
    if not all(_is_plain(part) for part in properties.values()) or not set(required) <= set(properties):
        return None
    return [
        Property(at, key, part["type"], part.get("title", ""), key in required)
        for at, (key, part) in enumerate(properties.items())
    ]


def _is_plain(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") in _TYPE_WORDS and set(part) <= {"type", "title"}
