"""The comparisons shared by conditions, `where` and the operators of expressions."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.moments import parse_iso
from automate.lib.expressions.patterns import pattern
from automate.lib.expressions.suggest import did_you_mean
from automate.lib.expressions.values import a_kind, is_number, json_equal, position_of, shown
from automate.lib.jsontypes import JSON

_NUMBER = re.compile(r"\s*[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,4})?\s*", re.ASCII)


@dataclass(frozen=True)
class OperatorInfo:
    """An operator for the editor. `arity` counts the values compared; `types` are the kinds it is offered for.

    With `allows_missing`, a left side that does not exist counts as null instead of being an error.
    """

    name: str
    label: str
    arity: int
    types: tuple[str, ...]
    allows_missing: bool = False


def compare(op: str, left: JSON, right: JSON = None, *, zone: tzinfo = UTC) -> bool:
    """Whether `left op right` holds; `right` is ignored by operators of arity 1.

    Dates without an offset are local to `zone`. Raises ExpressionTypeError for an unknown operator and for values
    the operator cannot compare.
    """
    try:
        test = _TESTS[op]
    except KeyError:
        raise ExpressionTypeError(
            f"There is no comparison called `{op}`.{did_you_mean(op, OPERATORS) or ' Use one of ' + ', '.join(OPERATORS) + '.'}"
        ) from None
    return test(left, right, zone)


def order(left: JSON, right: JSON, zone: tzinfo = UTC) -> int:
    """-1, 0 or 1. Numeric text counts as a number and ISO text as a moment; other pairs raise ExpressionTypeError."""
    one, other = as_number(left), as_number(right)
    if one is not None and other is not None:
        return (one > other) - (one < other)
    first, second = _as_moment(left, zone), _as_moment(right, zone)
    if first is not None and second is not None:
        return (first > second) - (first < second)
    raise ExpressionTypeError(
        f"There is no order between {_side(left)} and {_side(right)}. "
        "Numbers (also as text) and dates in ISO form can be ordered."
    )


def as_number(value: JSON) -> int | float | None:
    """The number a value is or spells; None for anything else."""
    if type(value) is int or type(value) is float:
        return value
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return None
    try:
        return int(value)
    except ValueError:
        number = float(value)
    return number if number - number == 0 else None


def _as_moment(value: JSON, zone: tzinfo) -> datetime | None:
    return parse_iso(value, zone) if isinstance(value, str) else None


def _side(value: JSON) -> str:
    return (
        f"{a_kind(value)} ({shown(value)})" if isinstance(value, str) or is_number(value) else a_kind(value)
    )


def _between(left: JSON, right: JSON, zone: tzinfo) -> bool:
    if not isinstance(right, list) or len(right) != 2:
        raise ExpressionTypeError("`between` needs a list of two values, [lowest, highest].")
    return order(left, right[0], zone) >= 0 and order(left, right[1], zone) <= 0


def _contains(left: JSON, right: JSON, op: str = "contains") -> bool:
    if left is None:
        return False
    if isinstance(left, list):
        return position_of(right, left) >= 0
    if isinstance(left, str | dict):
        if isinstance(right, str):
            return right in left
        where = "text" if isinstance(left, str) else "the keys of an object"
        raise ExpressionTypeError(
            f"`{op}` looks for text in {where}, but was given {a_kind(right)} to look for."
        )
    raise ExpressionTypeError(f"`{op}` looks into text, lists and objects, but was given {a_kind(left)}.")


def _texts(op: str, left: JSON, right: JSON) -> tuple[str, str]:
    for value in (left, right):
        if not isinstance(value, str) and not (value is None and value is left):
            raise ExpressionTypeError(f"`{op}` compares text with text, but was given {a_kind(value)}.")
    return left if isinstance(left, str) else "", right if isinstance(right, str) else ""


def _starts(left: JSON, right: JSON) -> bool:
    text, start = _texts("starts_with", left, right)
    return left is not None and text.startswith(start)


def _ends(left: JSON, right: JSON) -> bool:
    text, end = _texts("ends_with", left, right)
    return left is not None and text.endswith(end)


def _matches(left: JSON, right: JSON) -> bool:
    text, wanted = _texts("matches", left, right)
    return left is not None and pattern(wanted, text).search(text) is not None


def _truth(op: str, value: JSON) -> bool:
    if value is None or isinstance(value, bool):
        return value is (op == "is_true")
    raise ExpressionTypeError(
        f"`{op}` needs true or false, but was given {a_kind(value)} ({shown(value)}). Convert it with boolean(…) first."
    )


def _moments(op: str, left: JSON, right: JSON, zone: tzinfo) -> tuple[datetime, datetime]:
    one, other = _as_moment(left, zone), _as_moment(right, zone)
    if one is None or other is None:
        wrong = left if one is None else right
        raise ExpressionTypeError(
            f"`{op}` compares dates in ISO form like 2026-11-20T10:30:00Z, but was given {a_kind(wrong)} ({shown(wrong)})."
        )
    return one, other


def _before(left: JSON, right: JSON, zone: tzinfo) -> bool:
    one, other = _moments("before", left, right, zone)
    return one < other


def _after(left: JSON, right: JSON, zone: tzinfo) -> bool:
    one, other = _moments("after", left, right, zone)
    return one > other


def _is_empty(value: JSON) -> bool:
    return value is None or value == "" or value == [] or value == {}


_TESTS: dict[str, Callable[[JSON, JSON, tzinfo], bool]] = {
    "equals": lambda left, right, zone: json_equal(left, right),
    "not_equals": lambda left, right, zone: not json_equal(left, right),
    "greater_than": lambda left, right, zone: order(left, right, zone) > 0,
    "at_least": lambda left, right, zone: order(left, right, zone) >= 0,
    "less_than": lambda left, right, zone: order(left, right, zone) < 0,
    "at_most": lambda left, right, zone: order(left, right, zone) <= 0,
    "between": _between,
    "contains": lambda left, right, zone: _contains(left, right),
    "not_contains": lambda left, right, zone: not _contains(left, right, "not_contains"),
    "starts_with": lambda left, right, zone: _starts(left, right),
    "ends_with": lambda left, right, zone: _ends(left, right),
    "matches": lambda left, right, zone: _matches(left, right),
    "in": lambda left, right, zone: _contains(right, left, "in"),
    "not_in": lambda left, right, zone: not _contains(right, left, "not_in"),
    "is_empty": lambda left, right, zone: _is_empty(left),
    "is_not_empty": lambda left, right, zone: not _is_empty(left),
    "exists": lambda left, right, zone: left is not None,
    "not_exists": lambda left, right, zone: left is None,
    "is_true": lambda left, right, zone: _truth("is_true", left),
    "is_false": lambda left, right, zone: _truth("is_false", left),
    "before": _before,
    "after": _after,
}

_ANY = ("null", "boolean", "number", "text", "list", "object")
_ORDERED = ("number", "text")
_TEXT = ("text",)

OPERATORS: dict[str, OperatorInfo] = {
    info.name: info
    for info in (
        OperatorInfo("equals", "is equal to", 2, _ANY),
        OperatorInfo("not_equals", "is not equal to", 2, _ANY),
        OperatorInfo("greater_than", "is greater than", 2, _ORDERED),
        OperatorInfo("at_least", "is at least", 2, _ORDERED),
        OperatorInfo("less_than", "is less than", 2, _ORDERED),
        OperatorInfo("at_most", "is at most", 2, _ORDERED),
        OperatorInfo("between", "is between", 2, _ORDERED),
        OperatorInfo("contains", "contains", 2, ("text", "list", "object")),
        OperatorInfo("not_contains", "does not contain", 2, ("text", "list", "object")),
        OperatorInfo("starts_with", "starts with", 2, _TEXT),
        OperatorInfo("ends_with", "ends with", 2, _TEXT),
        OperatorInfo("matches", "matches the pattern", 2, _TEXT),
        OperatorInfo("in", "is one of", 2, _ANY),
        OperatorInfo("not_in", "is none of", 2, _ANY),
        OperatorInfo("is_empty", "is empty", 1, _ANY, allows_missing=True),
        OperatorInfo("is_not_empty", "is not empty", 1, _ANY, allows_missing=True),
        OperatorInfo("exists", "exists", 1, _ANY, allows_missing=True),
        OperatorInfo("not_exists", "does not exist", 1, _ANY, allows_missing=True),
        OperatorInfo("is_true", "is true", 1, ("boolean",)),
        OperatorInfo("is_false", "is false", 1, ("boolean",)),
        OperatorInfo("before", "is before", 2, _TEXT),
        OperatorInfo("after", "is after", 2, _TEXT),
    )
}
SYMBOLS = {
    "==": "equals",
    "!=": "not_equals",
    ">": "greater_than",
    ">=": "at_least",
    "<": "less_than",
    "<=": "at_most",
}
