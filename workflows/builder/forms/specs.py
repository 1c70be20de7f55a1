"""What a form asks for: one `Spec` per field, made from an action's JSON Schema or from the engine's table of types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from automate.lib.expressions import references
from workflows.engine import shapes
from workflows.engine.structures import AUTH_FIELDS
from workflows.engine.words import humanise

Schema = Mapping[str, Any]
Choice = tuple[str, str]  # stored value as JSON text or plain text, and what people read

FORMATS: Final = {"date": "date", "email": "email", "uri": "url", "url": "url", "time": "time"}
MAX_NESTING: Final = 3  # objects inside objects drawn as fields; deeper ones are edited as JSON


@dataclass(frozen=True)
class Spec:
    """One field. `name` is its key in the object it belongs to.

    Kinds: text, area, source, number, integer, flag, choice, multi, options, secret, any, json, list, rows, items, sums, object,
    condition, cases, ops, auth, schema, slot, workflow. `data`: expressions are allowed, so the picker and the preview serve it.
    """

    name: str
    kind: str
    label: str
    help: str = ""
    required: bool = False
    advanced: bool = False
    data: bool = True
    default: Any = None
    choices: tuple[Choice, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)  # choice → stored value, where that is no text
    input_type: str = "text"
    placeholder: str = ""
    low: float | None = None
    high: float | None = None
    options: Mapping[str, Any] | None = None
    children: tuple[Spec, ...] = ()
    redraws: bool = False  # choosing another one saves, and shows the fields that go with it


# --- from an action's JSON Schema -----------------------------------------------------------------


def from_schema(schema: Schema, *, depth: int = 0) -> tuple[Spec, ...]:
    """Required fields first, then the optional ones, the advanced ones last; each group as the schema has it."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return ()
    required = schema.get("required") or []
    found = [
        _property(name, part, name in required, depth)
        for name, part in properties.items()
        if isinstance(part, Mapping)
    ]
    return tuple(sorted(found, key=lambda spec: (spec.advanced, not spec.required)))


def _property(name: str, schema: Schema, required: bool, depth: int) -> Spec:
    kind, extra = _kind(schema, depth)
    return Spec(
        name=name,
        kind=kind,
        label=str(schema.get("title") or humanise(name)),
        help=str(schema.get("description") or ""),
        required=required,
        advanced=bool(schema.get("x-advanced")) and not required,
        data=not schema.get("x-literal"),
        default=schema.get("default"),
        placeholder=_example(schema),
        low=schema.get("minimum"),
        high=schema.get("maximum"),
        **extra,
    )


def _kind(schema: Schema, depth: int) -> tuple[str, dict[str, Any]]:
    if schema.get("x-secret"):
        return "secret", {}
    if isinstance(schema.get("x-options"), Mapping) and schema.get("type") != "array":
        return "options", {"options": schema["x-options"], "input_type": str(schema.get("type") or "text")}
    if schema.get("enum"):
        raw = {_plain(value): value for value in schema["enum"] if not isinstance(value, str)}
        return "choice", {"choices": _choices(schema), "raw": raw}
    kind = schema.get("type")
    if isinstance(kind, list):
        kinds = [one for one in kind if one != "null"]
        kind = kinds[0] if len(kinds) == 1 else None
    if kind == "string":
        return _text_kind(schema)
    if kind in ("number", "integer"):
        return str(kind), {}
    if kind == "boolean":
        return "flag", {}
    if kind == "object":
        return _object_kind(schema, depth)
    if kind == "array":
        return _array_kind(schema, depth)
    return "any", {}


def _text_kind(schema: Schema) -> tuple[str, dict[str, Any]]:
    if schema.get("x-multiline"):
        return "area", {}
    return "text", {"input_type": FORMATS.get(str(schema.get("format")), "text")}


def _object_kind(schema: Schema, depth: int) -> tuple[str, dict[str, Any]]:
    if schema.get("properties") and depth < MAX_NESTING:
        return "object", {"children": from_schema(schema, depth=depth + 1)}
    return ("json", {}) if schema.get("properties") else ("rows", {})


def _array_kind(schema: Schema, depth: int) -> tuple[str, dict[str, Any]]:
    items = schema.get("items")
    if isinstance(items, Mapping) and items.get("properties") and depth < MAX_NESTING:
        return "items", {"children": from_schema(items, depth=depth + 1)}
    if isinstance(items, Mapping) and items.get("enum"):
        return "multi", {"choices": _choices(items)}
    if (
        isinstance(items, Mapping)
        and items.get("type") in ("string", "number", "integer", None)
        and "properties" not in items
    ):
        return "list", {}
    return "json", {}


def _choices(schema: Schema) -> tuple[Choice, ...]:
    names = schema.get("x-enum-titles")
    values = [value if isinstance(value, str) else _plain(value) for value in schema["enum"]]
    titles = [value if value.isupper() else humanise(value) for value in values]
    if isinstance(names, list) and len(names) == len(values):
        titles = names
    return tuple(zip(values, (str(title) for title in titles), strict=True))


def _plain(value: Any) -> str:
    return json.dumps(value)


def _example(schema: Schema) -> str:
    examples = schema.get("examples")
    example = examples[0] if isinstance(examples, list) and examples else schema.get("x-placeholder")
    return str(example) if isinstance(example, (str, int, float)) else ""


def needs(spec: Spec) -> list[str]:
    """The fields beside it that its choices depend on: `{{ input.project }}` → project."""
    found = [path for text in _texts((spec.options or {}).get("input")) for path in references(text)]
    return list(dict.fromkeys(path[1] for path in found if len(path) > 1 and path[0] == "input"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)


# --- from the engine's table of types -------------------------------------------------------------

_KINDS: Final = {
    "any": "any", "text": "text", "source": "source", "flag": "flag", "count": "integer", "number": "number", "object": "rows",
    "schema": "schema", "list": "any", "texts": "list", "choice": "choice", "key": "text", "slug": "text",
    "name": "text", "workflow": "workflow", "workflows": "any", "name_or_names": "any", "need": "any", "condition": "condition",
    "cases": "cases", "ops": "ops", "auth": "auth", "notify": "json",
}  # fmt: skip
LABELS: Final = {
    "over": "List to go through", "while": "Repeat while", "as": "Name of the item", "batch": "Items per round",
    "parallel": "Items at once", "on_item_error": "When an item fails", "collect": "Collect from each item",
    "max_items": "Most items", "state": "Values renewed each round", "when": "Go on only if", "join": "Wait for",
    "until": "Until", "workflow": "Workflow", "input": "Input", "wait": "Wait for its end", "set": "Fields",
    "items": "List to work on", "ops": "Operations", "as_": "End as", "effect": "May it be sent again?",
    "after_unknown": "If nobody knows whether it happened", "value": "Compare this value", "mode": "Take",
    "first_poll": "What is there already starts", "first_items": "How many of the newest",
    "cron": "Times (cron)", "every_s": "Every … seconds", "time_zone": "Time zone", "missed": "Times missed while down",
    "dedup": "What makes two calls the same", "max_bytes": "Largest body in bytes", "methods": "Methods",
    "respond": "Answer the caller", "auth": "Who may call", "input_schema": "Input fields", "status": "Status",
    "timeout_s": "Time limit in seconds", "attempts": "Tries in all", "backoff_s": "Wait before the second try (seconds)",
    "source": "Program", "language": "Language", "memory_mb": "Memory limit in megabytes", "give": "Give",
    "expires_s": "Forget after (seconds)", "keep": "Keep the newest", "get": "Name", "delete": "Names to forget",
    "increment": "Names and what to add", "append": "Names and what to add", "default": "If nothing is kept yet",
    "factor": "Each further wait times", "max_s": "Longest wait (seconds)", "retry_if": "Try again only if",
}  # fmt: skip
WORDS: Final = {
    "safe": "Yes: sending it twice does no harm", "unsafe": "No: it must not happen twice", "ask": "Ask me",
    "rerun": "Run it again", "fail": "Let it fail", "first": "The first case that holds", "all": "All branches",
    "any": "The first branch that arrives", "stop": "Stop the loop", "continue": "Go on with the next item",
    "immediately": "At once", "when_done": "When the run has ended", "step": 'With a step "Answer the caller"',
    "completed": "Succeeded", "failed": "Failed", "next_item": "Go on with the next item", "break": "Leave the loop",
    "last": "Run once, for the last one", "skip": "Leave them out",
}  # fmt: skip
OWN_WORDS: Final = {
    ("mode", "all"): "All cases that hold", ("missed", "all"): "Run for each of them",
    ("language", "javascript"): "JavaScript", ("give", "list"): "The list", ("give", "first"): "Its first item alone",
    ("first_poll", "nothing"): "Nothing: only what appears from now on", ("first_poll", "last"): "The newest items",
    ("first_poll", "all"): "Everything that is there",
}  # fmt: skip


def from_field(field: shapes.Field) -> Spec:
    """A field of a step's or trigger's type."""
    choices = tuple(
        (value, OWN_WORDS.get((field.name, value)) or WORDS.get(value) or humanise(value))
        for value in field.choices
    )
    kind = _KINDS[field.shape]
    return Spec(
        name=field.name,
        kind="multi" if kind == "list" and choices else kind,
        label=LABELS.get(field.name) or humanise(field.name),
        help=field.help,
        required=bool(field.required),
        data=not field.literal,
        default=field.default,
        choices=choices if kind in ("choice", "list") else (),
        low=field.low,
        high=field.high,
    )


def from_fields(
    fields: Iterable[shapes.Field], *, advanced: Iterable[str] = (), leave: Iterable[str] = ()
) -> tuple[Spec, ...]:
    """Several fields in their order; those named in `advanced` go under "More options"."""
    hidden, gone = set(advanced), set(leave)
    specs = [from_field(field) for field in fields if field.name not in gone]
    return tuple(replace(spec, advanced=spec.name in hidden) for spec in specs)


AUTH_SPECS: Final = from_fields(AUTH_FIELDS)
