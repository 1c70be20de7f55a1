"""Arithmetic and text operators on JSON values, exact for integers and safe from results that are too large."""

from collections.abc import Callable

from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.scope import Run, check_fraction, text_bytes
from automate.lib.expressions.values import a_kind, to_text
from automate.lib.jsontypes import JSON, MAX_INT_BITS

Number = int | float
TOO_LARGE = "The result is too large a number."


def numbers(left: JSON, right: JSON, sign: str) -> tuple[Number, Number]:
    """Both sides, if they are numbers. Raises ExpressionTypeError."""
    for value in (left, right):
        if type(value) is not int and type(value) is not float:
            raise ExpressionTypeError(_not_a_number(value, sign))
    return left, right  # type: ignore[return-value]  # checked above


def _not_a_number(value: JSON, sign: str) -> str:
    if isinstance(value, str):
        hint = " Convert it with number(…)" + (", or join texts with `~`." if sign == "+" else ".")
    else:
        hint = " Give a value for it with default(…)." if value is None else ""
    return f"`{sign}` works on numbers, but was given {a_kind(value)}.{hint}"


def finite(value: Number) -> Number:
    """The result of arithmetic, if JSON can hold it."""
    if isinstance(value, float):
        check_fraction(value)
    elif value.bit_length() > MAX_INT_BITS:
        raise ExpressionTypeError(TOO_LARGE)
    return value


def add(left: JSON, right: JSON, run: Run) -> JSON:
    """Numbers are summed, texts and lists put one after the other."""
    if isinstance(left, str) and isinstance(right, str):
        run.room_for_text(text_bytes(left) + text_bytes(right))
        return run.made(left + right)
    if isinstance(left, list) and isinstance(right, list):
        run.room_for_items(len(left) + len(right))
        return left + right
    one, other = numbers(left, right, "+")
    return finite(one + other)


def subtract(left: JSON, right: JSON, run: Run) -> JSON:
    """The difference of two numbers."""
    one, other = numbers(left, right, "-")
    return finite(one - other)


def multiply(left: JSON, right: JSON, run: Run) -> JSON:
    """The product of two numbers; texts are repeated by `repeat`, not by `*`."""
    one, other = numbers(left, right, "*")
    if (
        isinstance(one, int)
        and isinstance(other, int)
        and one.bit_length() + other.bit_length() > MAX_INT_BITS + 1
    ):
        raise ExpressionTypeError(TOO_LARGE)
    return finite(one * other)


def divide(left: JSON, right: JSON, run: Run) -> JSON:
    """An integer when integers divide without a rest, otherwise a fraction."""
    one, other = numbers(left, right, "/")
    _not_zero(other, "/")
    if isinstance(one, int) and isinstance(other, int) and one % other == 0:
        return one // other
    return finite(one / other)


def divide_down(left: JSON, right: JSON, run: Run) -> JSON:
    """Division rounded down."""
    one, other = numbers(left, right, "//")
    _not_zero(other, "//")
    return finite(one // other)


def modulo(left: JSON, right: JSON, run: Run) -> JSON:
    """The rest of the division rounded down; it has the sign of the right side."""
    one, other = numbers(left, right, "%")
    _not_zero(other, "%")
    return finite(one % other)


def power(left: JSON, right: JSON, run: Run) -> JSON:
    """Integers stay exact; what would grow too large is refused before it is computed."""
    one, other = numbers(left, right, "**")
    if one == 0 and other < 0:
        raise ExpressionTypeError("`**` cannot raise zero to a negative power.")
    if isinstance(one, int) and isinstance(other, int) and other > 0:
        if one.bit_length() > 1 and (one.bit_length() - 1) * other > MAX_INT_BITS:
            raise ExpressionTypeError(TOO_LARGE)
        return finite(one**other)
    result = float(one) ** float(other)
    if isinstance(result, complex):
        raise ExpressionTypeError("`**` cannot take an even root of a negative number.")
    return finite(result)


def _not_zero(value: Number, sign: str) -> None:
    if value == 0:
        raise ExpressionTypeError(f"`{sign}` cannot divide by zero.")


def negative(value: JSON, run: Run) -> JSON:
    """The number with its sign changed."""
    return -numbers(value, 0, "-")[0]


def positive(value: JSON, run: Run) -> JSON:
    """The number itself."""
    return numbers(value, 0, "+")[0]


def as_part_of_text(value: JSON, run: Run) -> str:
    """A value as it appears inside text, once it is known to be of bearable size."""
    if type(value) is str:
        return value
    if type(value) is list or type(value) is dict:
        run.measure(value)
        return str(run.made(to_text(value)))
    return to_text(value)


def concatenate(parts: list[JSON], run: Run) -> str:
    """All parts as one text."""
    texts = [as_part_of_text(part, run) for part in parts]
    run.room_for_text(sum(map(text_bytes, texts)))
    return str(run.made("".join(texts)))


def guarded(operator: Callable[[JSON, JSON, Run], JSON]) -> Callable[[JSON, JSON, Run], JSON]:
    """The operator with Python's arithmetic errors turned into ours."""

    def compute(left: JSON, right: JSON, run: Run) -> JSON:
        try:
            return operator(left, right, run)
        except ArithmeticError:
            raise ExpressionTypeError(TOO_LARGE) from None

    return compute
