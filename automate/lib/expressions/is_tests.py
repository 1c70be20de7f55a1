"""The words after `is`: `x is number`, `x is not empty`. (`is defined` is the compiler's own.)"""

from collections.abc import Callable
from dataclasses import dataclass

from automate.lib.expressions.compare import compare
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.suggest import did_you_mean, shortened
from automate.lib.expressions.values import a_kind, kind
from automate.lib.jsontypes import JSON


@dataclass(frozen=True)
class Test:
    """`arity` counts the value before `is` too."""

    arity: int
    holds: Callable[..., bool]


def _is(*kinds: str) -> Test:
    return Test(1, lambda value: kind(value) in kinds)


def _rest(value: JSON, divisor: JSON) -> int:
    if type(value) is not int or type(divisor) is not int or not divisor:
        wrong = value if type(value) is not int else divisor
        raise ExpressionTypeError(
            f"`is odd`, `is even` and `is divisibleby` need whole numbers, not {a_kind(wrong)}."
        )
    return value % divisor


def _comparison(op: str) -> Test:
    return Test(2, lambda value, other: compare(op, value, other))


TESTS: dict[str, Test] = {
    "null": _is("null"),
    "none": _is("null"),
    "text": _is("text"),
    "string": _is("text"),
    "number": _is("number"),
    "integer": Test(1, lambda value: type(value) is int),
    "float": Test(1, lambda value: type(value) is float),
    "boolean": _is("boolean"),
    "list": _is("list"),
    "sequence": _is("list"),
    "object": _is("object"),
    "mapping": _is("object"),
    "iterable": _is("list", "object", "text"),
    "true": Test(1, lambda value: value is True),
    "false": Test(1, lambda value: value is False),
    "empty": Test(1, lambda value: compare("is_empty", value)),
    "odd": Test(1, lambda value: _rest(value, 2) == 1),
    "even": Test(1, lambda value: _rest(value, 2) == 0),
    "divisibleby": Test(2, lambda value, divisor: _rest(value, divisor) == 0),
    "in": _comparison("in"),
    "eq": _comparison("equals"),
    "ne": _comparison("not_equals"),
    "gt": _comparison("greater_than"),
    "ge": _comparison("at_least"),
    "lt": _comparison("less_than"),
    "le": _comparison("at_most"),
    "before": _comparison("before"),
    "after": _comparison("after"),
    "containing": _comparison("contains"),
    "matching": _comparison("matches"),
}


def unknown_test(name: str) -> str:
    """The sentence about a word after `is` that means nothing here."""
    return f"`is {shortened(name)}` means nothing here.{did_you_mean(name, ['defined', *TESTS])}"
