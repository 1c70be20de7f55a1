"""The shapes that have parts of their own: conditions, cases, webhook sign-in, notices."""

from collections.abc import Iterator, Sequence
from typing import Final

from automate.lib.expressions import OPERATORS
from automate.lib.jsontypes import JSON
from workflows.engine.list_shapes import OPS_SHAPE
from workflows.engine.shapes import (
    CASE_RESERVED,
    KEY_PATTERN,
    PLAIN_SHAPES,
    Complaint,
    Field,
    Seed,
    Shape,
    complaints_by,
    is_expression,
    object_complaints,
    schema_by,
    shown,
)
from workflows.engine.words import did_you_mean, listed

OPS: Final = tuple(OPERATORS)
BINARY_OPS: Final = frozenset(name for name, info in OPERATORS.items() if info.arity > 1)
GROUPS: Final = ("all", "any", "not")

AUTH_FIELDS: Final = (
    Field("type", "choice", "How callers prove who they are.", choices=("basic", "header", "hmac", "jwt")),
    Field("connection", "key", "The slot of the connection that holds the secret."),
    Field("header", "text", "The header that carries the secret or signature.", literal=True),
    Field("algorithm", "text", "The algorithm, such as sha256 or RS256.", literal=True),
    Field("encoding", "choice", "How the signature is written.", choices=("hex", "base64"), default="hex"),
    Field("prefix", "text", "Text before the signature, such as sha256=.", literal=True),
    Field("timestamp_header", "text", "The header with the time of sending.", literal=True),
    Field("tolerance_s", "count", "How old a call may be, in seconds.", low=1, high=86_400, default=300),
)


def complaints(field: Field, value: JSON) -> Iterator[Complaint]:
    """Everything wrong with the value's shape. An expression passes where the field allows one."""
    return complaints_by(SHAPES, field, value)


def schema_of(field: Field) -> Seed:
    """The field as JSON Schema, with its help as description."""
    return schema_by(SHAPES, field)


def _condition(_field: Field, value: JSON) -> Iterator[Complaint]:
    if isinstance(value, (str, bool)):
        return
    if not isinstance(value, dict):
        yield (
            "",
            f"must be an expression, or an object with all, any, not or left/op/right, not {shown(value)}",
        )
        return
    groups = [name for name in GROUPS if name in value]
    if groups:
        yield from _group(groups, value)
    else:
        yield from _comparison(value)


def _group(groups: Sequence[str], value: dict[str, JSON]) -> Iterator[Complaint]:
    if len(value) > 1:
        yield "", f"must hold {groups[0]} alone; put the other parts inside it"
        return
    inner = value[groups[0]]
    if groups[0] == "not":
        yield from ((f".not{path}", words) for path, words in _condition(_NO_FIELD, inner))
    elif not isinstance(inner, list):
        yield f".{groups[0]}", f"must be a list of conditions, not {shown(inner)}"
    else:
        for index, part in enumerate(inner):
            yield from (
                (f".{groups[0]}[{index}]{path}", words) for path, words in _condition(_NO_FIELD, part)
            )


def _comparison(value: dict[str, JSON]) -> Iterator[Complaint]:
    for name in value:
        if name not in ("left", "op", "right"):
            yield (
                f".{name}",
                f"is not a part of a condition. {did_you_mean(name, ('left', 'op', 'right', *GROUPS))}",
            )
    op = value.get("op")
    if "left" not in value or op is None:
        yield (
            "",
            'needs left and op, such as {left: "{{ trigger.body.total }}", op: greater_than, right: 500}',
        )
    elif not isinstance(op, str) or op not in OPS:
        yield ".op", f"must be one of {listed(OPS)}, not {shown(op)}. {did_you_mean(str(op), OPS)}".rstrip()
    elif op in BINARY_OPS and "right" not in value:
        yield "", f"compares with {op}, which needs right, the value to compare with"
    elif op == "between":
        yield from _range(value["right"])


def _range(right: JSON) -> Iterator[Complaint]:
    if not is_expression(right) and not (isinstance(right, list) and len(right) == 2):
        yield ".right", f"must be a list of two, [low, high], for between, not {shown(right)}"


def _cases(_field: Field, value: JSON) -> Iterator[Complaint]:
    if not isinstance(value, list):
        yield "", f"must be a list of cases, not {shown(value)}"
        return
    seen: set[str] = set()
    for index, case in enumerate(value):
        yield from (
            (f"[{index}]{path}", words)
            for path, words in object_complaints(SHAPES, CASE_FIELDS, case, "a case")
        )
        key = case.get("key") if isinstance(case, dict) else None
        if isinstance(key, str):
            if key in CASE_RESERVED:
                yield (
                    f"[{index}].key",
                    f'may not be "{key}", which has a meaning of its own; choose another key',
                )
            if key in seen:
                yield f"[{index}].key", f'"{key}" is used twice; give each case its own key'
            seen.add(key)


def _auth(_field: Field, value: JSON) -> Iterator[Complaint]:
    if value == "none":
        return
    yield from object_complaints(SHAPES, AUTH_FIELDS, value, "auth")
    if isinstance(value, dict):
        for name in ("type", "connection"):
            if value.get(name) is None:
                yield f".{name}", 'is missing. Give {type: …, connection: <slot>}, or write auth: "none"'


def _notify(_field: Field, value: JSON) -> Iterator[Complaint]:
    if not isinstance(value, list):
        yield "", f"must be a list of email, inbox or {{connection, channel}}, not {shown(value)}"
        return
    for index, entry in enumerate(value):
        if isinstance(entry, dict):
            yield from (
                (f"[{index}]{path}", words)
                for path, words in object_complaints(SHAPES, NOTIFY_FIELDS, entry, "a notice")
            )
        elif entry not in ("email", "inbox"):
            yield f"[{index}]", f"must be email, inbox or {{connection, channel}}, not {shown(entry)}"


_NO_FIELD: Final = Field("when", "condition", "")
CASE_FIELDS: Final = (
    Field("key", "key", "The case's port.", required="Give each case a key."),
    Field("name", "text", "What people read.", literal=True),
    Field("when", "condition", "The case holds when this does."),
    Field("equals", "any", "Short form: the case holds when `value` equals this."),
)
NOTIFY_FIELDS: Final = (
    Field("connection", "key", "The slot to send with.", required="Name a connection slot."),
    Field("channel", "text", "Where to send.", required="Name the channel."),
)


def _cases_schema(_field: Field) -> Seed:
    properties: Seed = {field.name: schema_of(field) for field in CASE_FIELDS}
    item = {"type": "object", "properties": properties, "required": ["key"], "additionalProperties": False}
    return {"type": "array", "items": item}


def _auth_schema(_field: Field) -> Seed:
    properties: Seed = {field.name: schema_of(field) for field in AUTH_FIELDS}
    spec = {
        "type": "object",
        "properties": properties,
        "required": ["type", "connection"],
        "additionalProperties": False,
    }
    return {"anyOf": [{"const": "none"}, spec]}


def _notify_schema(_field: Field) -> Seed:
    slot = {"type": "string", "pattern": KEY_PATTERN}
    spec = {
        "type": "object",
        "properties": {"connection": slot, "channel": {"type": "string"}},
        "required": ["connection", "channel"],
    }
    return {"type": "array", "items": {"anyOf": [{"enum": ["email", "inbox"]}, spec]}}


CONDITION_SCHEMA: Final[Seed] = {
    "description": "An expression, or all/any/not of comparisons.",
    "anyOf": [
        {"type": ["string", "boolean"]},
        *(
            {
                "type": "object",
                "properties": {name: {"type": "array", "items": {"$ref": "#/$defs/condition"}}},
                "required": [name],
                "additionalProperties": False,
            }
            for name in ("all", "any")
        ),
        {
            "type": "object",
            "properties": {"not": {"$ref": "#/$defs/condition"}},
            "required": ["not"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"left": {}, "op": {"enum": list(OPS)}, "right": {}},
            "required": ["left", "op"],
            "additionalProperties": False,
        },
    ],
}

SHAPES: Final[dict[str, Shape]] = {
    **PLAIN_SHAPES,
    "condition": Shape(_condition, lambda _field: {"$ref": "#/$defs/condition"}),
    "cases": Shape(_cases, _cases_schema),
    "ops": OPS_SHAPE,
    "auth": Shape(_auth, _auth_schema),
    "notify": Shape(_notify, _notify_schema),
}
