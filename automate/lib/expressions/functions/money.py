"""Amounts of money: exact decimals in and out, as text, so that no cent is lost to binary fractions."""

from decimal import ROUND_HALF_UP, Decimal

from automate.lib.expressions.converters import Items, as_decimal
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.functions.numbers import rounded
from automate.lib.expressions.paths import get_path, parse_path
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "CHF": "CHF", "PLN": "zł", "SEK": "kr"}
_WITHOUT_CENTS = frozenset(("JPY", "KRW", "CLP", "VND", "ISK", "HUF"))
MAX_PARTS = 10_000


def _places(decimals: int) -> int:
    return min(max(decimals, 0), 12)


def _amount(value: Decimal, decimals: int) -> str:
    return f"{rounded(value, _places(decimals), ROUND_HALF_UP):f}"


@function("Money", "{{ money(1.005) }}", "1.01")
def money(amount: Decimal, decimals: int = 2) -> str:
    """The exact amount with two (or other) decimals, as text; half a cent is rounded up."""
    return _amount(amount, decimals)


@function("Money", "{{ money_add(0.1, 0.2) }}", "0.30")
def money_add(*amounts: Decimal) -> str:
    """The exact sum of the amounts."""
    return _amount(sum(amounts, Decimal(0)), 2)


@function("Money", '{{ [{"price": "9.99"}, {"price": 0.01}] | money_sum("price") }}', "10.00")
def money_sum(run: Run, items: Items, path: str = "", decimals: int = 2) -> str:
    """The exact sum of a list of amounts, or of a field of its elements; null counts as nothing."""
    keys = parse_path(path)
    amounts = (get_path(item, keys) for item in run.each(items))
    return _amount(
        sum((as_decimal(amount, run) for amount in amounts if amount is not None), Decimal(0)), decimals
    )


@function("Money", "{{ money_subtract(10, 0.1) }}", "9.90")
def money_subtract(amount: Decimal, less: Decimal, decimals: int = 2) -> str:
    """The exact difference of two amounts."""
    return _amount(amount - less, decimals)


@function("Money", "{{ money_multiply(19.99, 3) }}", "59.97")
def money_multiply(amount: Decimal, factor: Decimal, decimals: int = 2) -> str:
    """The amount times a factor, rounded once."""
    return _amount(amount * factor, decimals)


@function("Money", "{{ money_divide(10, 3) }}", "3.33")
def money_divide(amount: Decimal, divisor: Decimal, decimals: int = 2) -> str:
    """The amount divided, rounded once. `money_split` shares without losing cents."""
    if not divisor:
        raise ExpressionTypeError("`money_divide` cannot divide by zero.")
    return _amount(amount / divisor, decimals)


@function("Money", "{{ money_split(10, 3) }}", ["3.34", "3.33", "3.33"])
def money_split(run: Run, amount: Decimal, parts: int, decimals: int = 2) -> Items:
    """The amount in equal parts that add up to it again; the first ones take the spare cents."""
    if not 0 < parts <= MAX_PARTS:
        raise ExpressionTypeError(f"`money_split` makes between 1 and {MAX_PARTS:,} parts.")
    run.room_for_items(parts)
    cents = to_cents(amount, decimals)
    share, spare = divmod(cents, parts)
    return [from_cents(share + (at < spare), decimals) for at in range(parts)]


@function("Money", "{{ to_cents(12.5) }}", 1250)
def to_cents(amount: Decimal, decimals: int = 2) -> int:
    """The amount in its smallest unit, as many services want it."""
    return int(rounded(amount.scaleb(_places(decimals)), 0, ROUND_HALF_UP))


@function("Money", "{{ from_cents(1250) }}", "12.50")
def from_cents(cents: int, decimals: int = 2) -> str:
    """An amount given in its smallest unit, with decimals."""
    return _amount(Decimal(cents).scaleb(-_places(decimals)), decimals)


@function("Money", '{{ format_money(1234.5, "EUR", "de") }}', "1.234,50 €")
def format_money(amount: Decimal, currency: str = "USD", language: str = "en") -> str:
    """The amount with its currency as people write it in English (en) or like German, Spanish, Italian (de), French (fr)."""
    code = currency.strip().upper()[:12]
    text = f"{rounded(amount, 0 if code in _WITHOUT_CENTS else 2, ROUND_HALF_UP):,f}"
    sign = _SIGNS.get(code, code)
    if language[:2].lower() == "en":
        minus, text = ("-", text[1:]) if text.startswith("-") else ("", text)
        return minus + sign + (" " if sign.isalpha() else "") + text
    thousands = "\u202f" if language[:2].lower() == "fr" else "."
    return text.translate({ord(","): thousands, ord("."): ","}) + f" {sign}"
