"""What an argument of a function may be, by the annotation of its parameter, and what becomes of it."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

from automate.lib.expressions.compare import as_number
from automate.lib.expressions.moments import parse_iso
from automate.lib.expressions.scope import Run
from automate.lib.expressions.values import to_text
from automate.lib.jsontypes import JSON

Number: TypeAlias = int | float
Items: TypeAlias = list[JSON]
Object: TypeAlias = dict[str, JSON]
Converter: TypeAlias = Callable[[Any, Run], Any]

MAX_TIMESTAMP = 1e15  # milliseconds; far beyond the calendar
MAX_DECIMAL_EXPONENT = 300  # 10**300 is beyond any amount, and decimals of more digits only cost time


class Mismatch(Exception):
    """An argument is of the wrong kind; says what was wanted, as in `needs …`."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted


def as_is(value: JSON, run: Run) -> JSON:
    """Any value."""
    return value


def as_text(value: JSON, run: Run) -> str:
    """Text; numbers, true and false are written out, null is empty."""
    if isinstance(value, list | dict):
        raise Mismatch("text")
    return to_text(value)


def as_number_strict(value: JSON, run: Run) -> Number:
    """A number, or text that spells one."""
    number = as_number(value)
    if number is None:
        raise Mismatch("a number")
    return number


def as_whole(value: JSON, run: Run) -> int:
    """A number without a fraction."""
    number = as_number(value)
    if number is None or number != number // 1:
        raise Mismatch("a whole number")
    return int(number)


def as_boolean(value: JSON, run: Run) -> bool:
    """True or false and nothing else."""
    if not isinstance(value, bool):
        raise Mismatch("true or false")
    return value


def as_items(value: JSON, run: Run) -> Items:
    """A list; null counts as an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Mismatch("a list")
    return value


def as_object(value: JSON, run: Run) -> Object:
    """An object; null counts as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Mismatch("an object")
    return value


def as_decimal(value: JSON, run: Run) -> Decimal:
    """A number as the decimal that was written, so that 0.1 is one tenth."""
    number = as_number(value)
    if number is None:
        raise Mismatch("a number")
    exact = Decimal(value.strip() if isinstance(value, str) else repr(number))
    if abs(exact.adjusted()) > MAX_DECIMAL_EXPONENT or len(exact.as_tuple().digits) > MAX_DECIMAL_EXPONENT:
        raise Mismatch("a number of fewer digits")
    return exact


def as_moment(value: JSON, run: Run) -> datetime:
    """A date: ISO text, the form used in mails, or seconds (or milliseconds) since 1970."""
    if isinstance(value, str):
        moment = parse_iso(value.strip(), run.scope.zone) or _mail_date(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_TIMESTAMP:
        moment = _from_seconds(value / 1000 if abs(value) >= 1e11 else value)
    else:
        moment = None
    if moment is None:
        raise Mismatch("a date like 2026-11-20 or 2026-11-20T10:30:00Z")
    return moment


def _mail_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text[:60])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _from_seconds(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _optional(convert: Converter) -> Converter:
    return lambda value, run: None if value is None else convert(value, run)


CONVERTERS: dict[object, Converter] = {
    JSON: as_is,
    str: as_text,
    int: as_whole,
    Number: as_number_strict,
    bool: as_boolean,
    Items: as_items,
    Object: as_object,
    Decimal: as_decimal,
    datetime: as_moment,
    str | None: _optional(as_text),
    int | None: _optional(as_whole),
    Items | None: _optional(as_items),
    Number | None: _optional(as_number_strict),
}
