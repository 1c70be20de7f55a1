"""The shapes a field of a document may have: what is wrong with a value, in words, and the same as JSON Schema."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from automate.lib.jsontypes import JSON
from workflows.engine.words import did_you_mean, listed

KEY_PATTERN: Final = r"^[a-z][a-z0-9_]{0,39}$"
WORKFLOW_KEY_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,79}$"
SLUG_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,79}$"
NAME_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$"
RESERVED: Final = frozenset(
    ("trigger", "steps", "vars", "run", "loop", "error", "now", "input", "result", "item")
)
CASE_RESERVED: Final = RESERVED | {"main", "else"}

MAX_STRANGE: Final = 20  # unknown keys of one object that are named; looking for what was meant costs time

Where = Literal["attr", "flat", "config"]
Complaint = tuple[str, str]  # the path below the field, and "must be …"
Seed = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a step, a trigger or the settings.

    `where`: an attribute of the dataclass, a key beside `type`, or a key under `config:`.
    `required` is not empty when the key may not be missing; it then says what to do.
    `expr`: an expression may stand in place of the number, flag or choice. `literal`: text that is never evaluated.
    """

    name: str
    shape: str
    help: str
    where: Where = "flat"
    default: JSON = None
    required: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    expr: bool = False
    literal: bool = False


def is_expression(value: JSON) -> bool:
    """Whether this is text with `{{ … }}` in it."""
    return isinstance(value, str) and "{{" in value


def shown(value: JSON) -> str:
    """A value as a message shows it, cut at 40 characters."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:38] + "…" + ('"' if isinstance(value, str) else "")


def _span(field: Field) -> str:
    low, high = (f"{bound:,.10g}" if bound is not None else None for bound in (field.low, field.high))
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of at least {low}"
    return f" of at most {high}" if high is not None else ""


def _outside(field: Field, value: float) -> bool:
    return (field.low is not None and value < field.low) or (field.high is not None and value > field.high)


def _a_number(field: Field, value: JSON, kinds: type | tuple[type, ...], words: str) -> Iterator[Complaint]:
    fits = isinstance(value, kinds) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or _outside(field, value):  # type: ignore[arg-type]  # it is a number here
        either = " or an expression" if field.expr else ""
        yield "", f"must be {words}{_span(field)}{either}, not {shown(value)}"


def _count(field: Field, value: JSON) -> Iterator[Complaint]:
    return _a_number(field, value, int, "a whole number")


def _number(field: Field, value: JSON) -> Iterator[Complaint]:
    return _a_number(field, value, (int, float), "a number")


def _text(_field: Field, value: JSON) -> Iterator[Complaint]:
    if not isinstance(value, str):
        hint = "; put it in quotes" if isinstance(value, (int, float)) else ""
        yield "", f"must be text, not {shown(value)}{hint}"


def _flag(field: Field, value: JSON) -> Iterator[Complaint]:
    if not isinstance(value, bool):
        yield "", f"must be true or false, not {shown(value)}"


def _object(_field: Field, value: JSON) -> Iterator[Complaint]:
    if not isinstance(value, dict):
        yield "", f"must be an object (names and values), not {shown(value)}"


def _list(_field: Field, value: JSON) -> Iterator[Complaint]:
    if not isinstance(value, list):
        yield "", f"must be a list, not {shown(value)}"


def _texts(field: Field, value: JSON) -> Iterator[Complaint]:
    if not isinstance(value, list):
        yield "", f"must be a list of texts, not {shown(value)}"
        return
    for index, entry in enumerate(value):
        if not isinstance(entry, str) or (field.choices and entry not in field.choices):
            allowed = f"one of {listed(field.choices)}" if field.choices else "text"
            yield f"[{index}]", f"must be {allowed}, not {shown(entry)}"


def _choice(field: Field, value: JSON) -> Iterator[Complaint]:
    if not isinstance(value, str) or value not in field.choices:
        yield "", f"must be one of {listed(field.choices)}, not {shown(value)}"


def _pattern(pattern: str, words: str) -> Callable[[Field, JSON], Iterator[Complaint]]:
    compiled = re.compile(pattern)

    def check(_field: Field, value: JSON) -> Iterator[Complaint]:
        if not isinstance(value, str) or not compiled.match(value) or value.endswith("\n"):
            yield "", f"must be {words}, not {shown(value)}"

    return check


def _anything(_field: Field, _value: JSON) -> Iterator[Complaint]:
    return iter(())


def _workflows(_field: Field, value: JSON) -> Iterator[Complaint]:
    if value == "all":
        return
    if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
        yield "", f'must be "all" or a list of workflow keys, not {shown(value)}'


def _name_or_names(_field: Field, value: JSON) -> Iterator[Complaint]:
    if not isinstance(value, str) and not (
        isinstance(value, list) and all(isinstance(name, str) for name in value)
    ):
        yield "", f"must be a name or a list of names, not {shown(value)}"


def _need(_field: Field, value: JSON) -> Iterator[Complaint]:
    if value in ("all", "any") or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return
    yield "", f'must be "all", "any" or how many people must approve, not {shown(value)}'


@dataclass(frozen=True, slots=True)
class Shape:
    check: Callable[[Field, JSON], Iterator[Complaint]]
    schema: Callable[[Field], Seed]


def _plain(**seed: Any) -> Callable[[Field], Seed]:
    return lambda _field: dict(seed)


def _numeric(kind: str) -> Callable[[Field], Seed]:
    def schema(field: Field) -> Seed:
        seed: Seed = {"type": kind}
        if field.low is not None:
            seed["minimum"] = field.low
        if field.high is not None:
            seed["maximum"] = field.high
        return seed

    return schema


def _texts_schema(field: Field) -> Seed:
    return {"type": "array", "items": {"enum": list(field.choices)} if field.choices else {"type": "string"}}


PLAIN_SHAPES: Final[dict[str, Shape]] = {
    "any": Shape(_anything, _plain()),
    "text": Shape(_text, _plain(type="string")),
    "source": Shape(_text, _plain(type="string")),  # of a program
    "flag": Shape(_flag, _plain(type="boolean")),
    "count": Shape(_count, _numeric("integer")),
    "number": Shape(_number, _numeric("number")),
    "object": Shape(_object, _plain(type="object")),
    "schema": Shape(_object, _plain(type="object")),
    "list": Shape(_list, _plain(type="array")),
    "texts": Shape(_texts, _texts_schema),
    "choice": Shape(_choice, lambda field: {"enum": list(field.choices)}),
    "key": Shape(
        _pattern(
            KEY_PATTERN, "lower-case letters, digits and _, starting with a letter, at most 40 characters"
        ),
        _plain(type="string", pattern=KEY_PATTERN),
    ),
    "workflow": Shape(
        _pattern(WORKFLOW_KEY_PATTERN, "the key of a workflow (lower-case letters, digits, - and _)"),
        _plain(type="string", pattern=WORKFLOW_KEY_PATTERN),
    ),
    "slug": Shape(
        _pattern(SLUG_PATTERN, "the short name of an integration, such as slack"),
        _plain(type="string", pattern=SLUG_PATTERN),
    ),
    "name": Shape(
        _pattern(NAME_PATTERN, "a name made of letters, digits, _, - and ."),
        _plain(type="string", pattern=NAME_PATTERN),
    ),
    "workflows": Shape(
        _workflows, _plain(anyOf=[{"const": "all"}, {"type": "array", "items": {"type": "string"}}])
    ),
    "name_or_names": Shape(
        _name_or_names, _plain(anyOf=[{"type": "string"}, {"type": "array", "items": {"type": "string"}}])
    ),
    "need": Shape(_need, _plain(anyOf=[{"enum": ["all", "any"]}, {"type": "integer", "minimum": 1}])),
}


def complaints_by(shapes: Mapping[str, Shape], field: Field, value: JSON) -> Iterator[Complaint]:
    """Everything wrong with the value's shape. An expression passes where the field allows one."""
    if not (field.expr and is_expression(value)):
        yield from shapes[field.shape].check(field, value)


def schema_by(shapes: Mapping[str, Shape], field: Field) -> Seed:
    """The field as JSON Schema, with its help as description."""
    seed = shapes[field.shape].schema(field)
    if field.expr:
        seed = {"anyOf": [seed, {"type": "string", "pattern": r"\{\{"}]}
    seed = {**seed, "description": field.help}
    if field.default is not None:
        seed["default"] = field.default
    return seed


def object_complaints(
    shapes: Mapping[str, Shape], fields: tuple[Field, ...], value: JSON, what: str
) -> Iterator[Complaint]:
    """Hold an object against its fields: unknown names, missing ones, and the shape of each value."""
    if not isinstance(value, dict):
        yield "", f"must be {what}, not {shown(value)}"
        return
    known = {field.name: field for field in fields}
    for name in [name for name in value if name not in known][:MAX_STRANGE]:
        yield f".{name[:80]}", f"is not a key of {what}. {did_you_mean(name, known)}".rstrip(" .")
    for name, inner in value.items():
        if name in known and inner is not None:
            for path, words in complaints_by(shapes, known[name], inner):
                yield f".{name}{path}", words
    for field in fields:
        if field.required and value.get(field.name) in (None, ""):
            yield f".{field.name}", f"is missing. {field.required}".rstrip(".")
