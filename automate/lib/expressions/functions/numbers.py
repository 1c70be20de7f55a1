"""Numbers: rounding, sums, percentages, and how they look."""

import math
import secrets
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext

from automate.lib.expressions.compare import as_number
from automate.lib.expressions.converters import Items, Mismatch, Number
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.operators import finite, guarded
from automate.lib.expressions.operators import power as raise_to
from automate.lib.expressions.paths import get_path, parse_path
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run
from automate.lib.expressions.values import a_kind
from automate.lib.jsontypes import JSON

MAX_DIGITS = 300
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def rounded(value: Decimal, digits: int, rounding: str) -> Decimal:
    """`value` with `digits` places after the point; digits are kept within ±300."""
    with localcontext() as context:
        context.prec = 3 * MAX_DIGITS
        return value.quantize(
            Decimal(1).scaleb(-max(min(digits, MAX_DIGITS), -MAX_DIGITS)), rounding=rounding
        )


def _number(value: Decimal, whole: bool) -> Number:
    return (
        int(value)
        if whole or (value == value.to_integral_value() and abs(value) < 2**53)
        else finite(float(value))
    )


@function("Numbers", "{{ 2.345 | round(2) }}", 2.35)
def round_(value: Decimal, digits: int = 0) -> Number:
    """Rounded to that many places, 5 always up (away from zero); without places an integer."""
    return _number(rounded(value, digits, ROUND_HALF_UP), digits <= 0)


@function("Numbers", "{{ 2.9 | floor }}", 2, aliases=("round_down",))
def floor(value: Decimal, digits: int = 0) -> Number:
    """Rounded down to that many places."""
    return _number(rounded(value, digits, ROUND_FLOOR), digits <= 0)


@function("Numbers", "{{ 2.1 | ceil }}", 3, aliases=("ceiling", "round_up"))
def ceil(value: Decimal, digits: int = 0) -> Number:
    """Rounded up to that many places."""
    return _number(rounded(value, digits, ROUND_CEILING), digits <= 0)


@function("Numbers", "{{ abs(-4) }}", 4)
def abs_(value: Number) -> Number:
    """The number without its sign."""
    return abs(value)


@function("Numbers", "{{ sign(-3.2) }}", -1)
def sign(value: Number) -> int:
    """-1 for negative numbers, 0 for zero, 1 for positive ones."""
    return (value > 0) - (value < 0)


@function("Numbers", "{{ 120 | clamp(0, 100) }}", 100)
def clamp(value: Number, lowest: Number, highest: Number) -> Number:
    """The number, but never below the lowest or above the highest."""
    return max(lowest, min(value, highest))


@function("Numbers", "{{ sqrt(9) }}", 3.0)
def sqrt(value: Number) -> float:
    """The square root."""
    if value < 0:
        raise ExpressionTypeError("`sqrt` cannot take the root of a negative number.")
    return math.sqrt(value)


@function("Numbers", "{{ power(2, 10) }}", 1024, aliases=("pow",))
def power(run: Run, value: Number, exponent: Number) -> JSON:
    """The number raised to the exponent, the same as `value ** exponent`."""
    return guarded(raise_to)(value, exponent, run)


@function("Numbers", "{{ log(1000, 10) }}", 3.0)
def log(value: Number, base: Number = math.e) -> float:
    """The logarithm of the number, natural unless a base is given."""
    if value <= 0 or base <= 0 or base == 1:
        raise ExpressionTypeError("`log` needs numbers above zero, and a base other than 1.")
    return math.log10(value) if base == 10 else math.log(value, base)


@function("Numbers", "{{ percent(1, 8) }}", 12.5)
def percent(part: Decimal, whole: Decimal, digits: int = 2) -> Number:
    """How many per cent of the whole the part is, rounded; 0 of 0 is 0."""
    if not whole:
        if part:
            raise ExpressionTypeError("`percent` cannot work with a whole of zero.")
        return 0
    return _number(rounded(part * 100 / whole, digits, ROUND_HALF_UP), digits <= 0)


@function("Numbers", '{{ 1234567.5 | format_number(2, ".", ",") }}', "1.234.567,50")
def format_number(value: Decimal, decimals: int | None = None, thousands: str = ",", point: str = ".") -> str:
    """The number as people write it, with a sign between thousands and a decimal point."""
    if decimals is not None:
        value = rounded(value, min(max(decimals, 0), 30), ROUND_HALF_UP)
    text = f"{value:,f}"
    return text.translate({ord(","): thousands, ord("."): point})


@function("Numbers", "{{ ordinal(22) }}", "22nd")
def ordinal(value: int) -> str:
    """An English ordinal number: 1st, 2nd, 3rd, 4th."""
    ending = (
        "th" if abs(value) % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(abs(value) % 10, "th")
    )
    return f"{value}{ending}"


@function("Numbers", "{{ file_size(1536000) }}", "1.5 MB")
def file_size(size_bytes: Number) -> str:
    """A number of bytes as people read it, in steps of 1,000."""
    size, unit = float(size_bytes), 0
    while abs(size) >= 999.95 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"


@function("Numbers", '{{ from_base("ff", 16) }}', 255)
def from_base(text: str, base: int = 16) -> int:
    """The integer that the text spells in a base from 2 to 36."""
    try:
        return int(text[:1000].strip(), min(max(base, 2), 36))
    except ValueError:
        raise ExpressionTypeError(
            f"`from_base` cannot read this text as a number to the base {base}."
        ) from None


@function("Numbers", "{{ to_base(255, 2) }}", "11111111")
def to_base(value: int, base: int = 16) -> str:
    """An integer written in a base from 2 to 36."""
    if not 2 <= base <= 36 or value.bit_length() > 1024:
        raise ExpressionTypeError("`to_base` works with bases from 2 to 36 and integers of up to 1,024 bits.")
    digits, rest = "", abs(value)
    while rest:
        rest, digit = divmod(rest, base)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return ("-" if value < 0 else "") + (digits or "0")


def collected(run: Run, name: str, values: tuple[JSON, ...]) -> list[Number]:
    """The numbers among `values`: a list with an optional path into its elements, or the values themselves.

    Null is passed over; anything else that is no number raises ExpressionTypeError.
    """
    found: Items = list(values)
    if values and isinstance(values[0], list):
        found = values[0]
        if len(values) > 1:
            keys = parse_path(values[1]) if isinstance(values[1], str) else ()
            found = [get_path(item, keys) for item in found]
    run.spend(len(found))
    numbers: list[Number] = []
    for item in found:
        number = as_number(item)
        if number is not None:
            numbers.append(number)
        elif item is not None:
            raise ExpressionTypeError(f"`{name}` needs numbers, but one of the values is {a_kind(item)}.")
    return numbers


def total(numbers: list[Number]) -> Number:
    """The sum, exact for integers and free of piled-up rounding for fractions."""
    return finite(sum(numbers) if all(isinstance(number, int) for number in numbers) else math.fsum(numbers))


@function("Numbers", '{{ [{"n": 1}, {"n": 2.5}] | sum("n") }}', 3.5)
def sum_(run: Run, *values: JSON) -> Number:
    """The sum of a list of numbers, of a field of its elements, or of the values given."""
    return total(collected(run, "sum", values))


@function("Numbers", "{{ avg([1, 2, 6]) }}", 3.0, aliases=("average", "mean"))
def avg(run: Run, *values: JSON) -> Number | None:
    """The average of a list of numbers or of a field of its elements; null when there are none."""
    numbers = collected(run, "avg", values)
    return total(numbers) / len(numbers) if numbers else None


@function("Numbers", "{{ median([5, 1, 9, 2]) }}", 3.5)
def median(run: Run, *values: JSON) -> Number | None:
    """The middle value, or the average of the two in the middle; null when there are none."""
    numbers = sorted(collected(run, "median", values))
    if not numbers:
        return None
    half = len(numbers) // 2
    return numbers[half] if len(numbers) % 2 else total(numbers[half - 1 : half + 1]) / 2


@function("Numbers", "{{ min(3, 1, 2) }}", 1, aliases=("minimum",))
def min_(run: Run, *values: JSON) -> Number | None:
    """The smallest of a list of numbers, of a field of its elements, or of the values; null when there are none."""
    return min(collected(run, "min", values), default=None)


@function("Numbers", '{{ [{"n": 4}, {"n": 9}] | max("n") }}', 9, aliases=("maximum",))
def max_(run: Run, *values: JSON) -> Number | None:
    """The largest of a list of numbers, of a field of its elements, or of the values; null when there are none."""
    return max(collected(run, "max", values), default=None)


@function("Numbers", '{{ is_number("12.5") }}', True)
def is_number(value: JSON) -> bool:
    """Whether the value is a number or a text that spells one."""
    return as_number(value) is not None


@function("Numbers", "{{ random(5, 5) }}", 5, aliases=("random_integer",))
def random(lowest: int = 0, highest: int = 100) -> int:
    """A random integer from the lowest to the highest, both included."""
    if highest < lowest:
        raise Mismatch("a highest number that is not below the lowest one")
    return lowest + secrets.randbelow(highest - lowest + 1)
