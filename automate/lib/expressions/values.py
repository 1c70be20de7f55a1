"""What JSON values are called, how they look as text, and when they are the same."""

import json
from collections.abc import Iterable

from automate.lib.expressions.errors import BudgetExceeded, ExpressionTypeError
from automate.lib.jsontypes import JSON, dumps

_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "text",
    list: "list",
    dict: "object",
}
_PHRASES = {
    "null": "null",
    "boolean": "true or false",
    "number": "a number",
    "text": "text",
    "list": "a list",
    "object": "an object",
}
MAX_COMPARED = 300_000  # parts of two values looked at before a comparison is given up


def kind(value: object) -> str:
    """One of null, boolean, number, text, list, object; for anything else the name of its Python type."""
    return _KINDS.get(type(value)) or type(value).__name__


def a_kind(value: object) -> str:
    """The kind as it stands in a sentence: `a number`, `text`, `null`."""
    return _PHRASES.get(kind(value), kind(value))


def shown(value: object, length: int = 40) -> str:
    """A value as it may stand in a message: short, as JSON."""
    if isinstance(value, str):
        return json.dumps(value if len(value) <= length else value[: length - 1] + "…", ensure_ascii=False)
    if isinstance(value, list | dict):
        return a_kind(value)
    return to_text(value)[:length] or "null"


def to_text(value: object) -> str:
    """A value inside text: null is empty, 2.0 is 2, lists and objects are JSON. Measure containers before."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | dict):
        return dumps(value)
    raise ExpressionTypeError(f"A {type(value).__name__} cannot be written as text.")


def is_number(value: object) -> bool:
    """True for integers and fractions; true and false are no numbers."""
    return type(value) is int or type(value) is float


def json_equal(left: JSON, right: JSON) -> bool:
    """Equal as JSON: 1 equals 1.0; true never equals 1, "1" never equals 1; objects regardless of order."""
    return _equal(left, right, [MAX_COMPARED])


def position_of(value: JSON, items: list[JSON]) -> int:
    """Where an equal element stands in the list, -1 when there is none."""
    allowance = [MAX_COMPARED]
    return next((at for at, item in enumerate(items) if _equal(item, value, allowance)), -1)


def _equal(left: JSON, right: JSON, allowance: list[int]) -> bool:
    if left is right:
        return True
    if isinstance(left, list) and isinstance(right, list):
        _use(allowance, len(left))
        return len(left) == len(right) and _all_equal(zip(left, right, strict=True), allowance)
    if isinstance(left, dict) and isinstance(right, dict):
        _use(allowance, len(left))
        return left.keys() == right.keys() and _all_equal(
            ((left[key], right[key]) for key in left), allowance
        )
    if isinstance(left, str) and isinstance(right, str) and len(left) == len(right):
        _use(allowance, len(left) >> 10)
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _all_equal(pairs: Iterable[tuple[JSON, JSON]], allowance: list[int]) -> bool:
    return all(_equal(one, other, allowance) for one, other in pairs)


def _use(allowance: list[int], parts: int) -> None:
    allowance[0] -= parts
    if allowance[0] < 0:
        raise BudgetExceeded(
            f"The values have more than {MAX_COMPARED:,} parts, which is too many to compare."
        )


def identity(value: JSON) -> object:
    """A hashable stand-in: two values have the same one exactly when they are equal as JSON. Measure before."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, list):
        return ("list", tuple(identity(item) for item in value))
    if isinstance(value, dict):
        return ("object", frozenset((key, identity(item)) for key, item in value.items()))
    return value
