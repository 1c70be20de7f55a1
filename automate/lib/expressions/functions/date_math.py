"""Reckoning with dates. Days and longer keep the time of day in the zone; hours and shorter are exact."""

import calendar
from datetime import UTC, datetime, time, timedelta

from automate.lib.expressions.converters import Items, Number
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.functions.dates import local
from automate.lib.expressions.moments import iso
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run
from automate.lib.expressions.suggest import shortened

_EXACT_S = {"second": 1, "minute": 60, "hour": 3_600}
_UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
MAX_WORKDAYS = 100_000


def _unit(name: str) -> str:
    unit = name.strip().lower().removesuffix("s")
    if unit not in _UNITS:
        raise ExpressionTypeError(f"“{shortened(name)}” is no unit of time: use {', '.join(_UNITS)}.")
    return unit


def _exists(moment: datetime) -> datetime:
    """Local times skipped when the clocks go forward become the first moment after the gap."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo)


def _months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _shifted(run: Run, value: datetime, amount: Number, unit: str, zone: str) -> datetime:
    moment = local(run, value, zone)
    try:
        if unit in _EXACT_S:
            return (moment.astimezone(UTC) + timedelta(seconds=amount * _EXACT_S[unit])).astimezone(
                moment.tzinfo
            )
        if amount != amount // 1:
            raise ExpressionTypeError(
                f"Only whole {unit}s can be added to a date; {shortened(amount)} is a fraction."
            )
        if unit in ("day", "week"):
            return _exists(moment + timedelta(days=int(amount) * (7 if unit == "week" else 1)))
        months = int(amount) * {"month": 1, "quarter": 3, "year": 12}[unit]
        return _exists(_months_later(moment, months))
    except (OverflowError, ValueError):
        raise ExpressionTypeError(
            "The date lies outside of the calendar, which has the years 1 to 9999."
        ) from None


@function(
    "Dates", '{{ "2026-01-31" | add_time(1, "month") }}', "2026-02-28T00:00:00Z", aliases=("date_add", "add")
)
def add_time(run: Run, value: datetime, amount: Number, unit: str, zone: str = "") -> datetime:
    """Some seconds, minutes, hours, days, weeks, months, quarters or years later (or earlier, if negative)."""
    return _shifted(run, value, amount, _unit(unit), zone)


@function("Dates", '{{ "2026-11-20T10:30:00Z" | add_seconds(90) }}', "2026-11-20T10:31:30Z")
def add_seconds(run: Run, value: datetime, amount: Number, zone: str = "") -> datetime:
    """Some seconds later, or earlier if negative."""
    return _shifted(run, value, amount, "second", zone)


@function("Dates", '{{ "2026-11-20T10:30:00Z" | add_minutes(-30) }}', "2026-11-20T10:00:00Z")
def add_minutes(run: Run, value: datetime, amount: Number, zone: str = "") -> datetime:
    """Some minutes later, or earlier if negative."""
    return _shifted(run, value, amount, "minute", zone)


@function("Dates", '{{ "2026-11-20T10:30:00Z" | add_hours(1.5) }}', "2026-11-20T12:00:00Z")
def add_hours(run: Run, value: datetime, amount: Number, zone: str = "") -> datetime:
    """Some hours later, or earlier if negative."""
    return _shifted(run, value, amount, "hour", zone)


@function(
    "Dates", '{{ "2026-10-24T12:00:00+02:00" | add_days(1, "Europe/Berlin") }}', "2026-10-25T12:00:00+01:00"
)
def add_days(run: Run, value: datetime, amount: Number, zone: str = "") -> datetime:
    """Some days later (or earlier) at the same time of day in the zone, also across a change of the clocks."""
    return _shifted(run, value, amount, "day", zone)


@function("Dates", '{{ "2026-11-20" | add_weeks(2) }}', "2026-12-04T00:00:00Z")
def add_weeks(run: Run, value: datetime, amount: Number, zone: str = "") -> datetime:
    """Some weeks later, or earlier if negative."""
    return _shifted(run, value, amount, "week", zone)


@function("Dates", '{{ "2026-01-31" | add_months(1) }}', "2026-02-28T00:00:00Z")
def add_months(run: Run, value: datetime, amount: Number, zone: str = "") -> datetime:
    """Some months later (or earlier); the last day of a shorter month where the day does not exist."""
    return _shifted(run, value, amount, "month", zone)


@function("Dates", '{{ "2028-02-29" | add_years(1) }}', "2029-02-28T00:00:00Z")
def add_years(run: Run, value: datetime, amount: Number, zone: str = "") -> datetime:
    """Some years later, or earlier if negative."""
    return _shifted(run, value, amount, "year", zone)


@function(
    "Dates", '{{ "2026-11-20" | add_workdays(2) }}', "2026-11-24T00:00:00Z", aliases=("add_business_days",)
)
def add_workdays(run: Run, value: datetime, amount: int, zone: str = "") -> datetime:
    """Some days from Monday to Friday later (or earlier); holidays are not known."""
    if abs(amount) > MAX_WORKDAYS:
        raise ExpressionTypeError(f"`add_workdays` adds at most {MAX_WORKDAYS:,} days.")
    moment = local(run, value, zone)
    run.spend(abs(amount))
    step, left = (1 if amount > 0 else -1), abs(amount)
    while left:
        moment = _shifted(run, moment, step, "day", zone)
        left -= moment.isoweekday() <= 5
    return moment


@function("Dates", '{{ "2026-11-20" | is_weekend }}', False)
def is_weekend(run: Run, value: datetime, zone: str = "") -> bool:
    """Whether the day is a Saturday or a Sunday."""
    return local(run, value, zone).isoweekday() > 5


@function("Dates", '{{ "2026-11-20T10:30:00Z" | start_of("month") }}', "2026-11-01T00:00:00Z")
def start_of(run: Run, value: datetime, unit: str, zone: str = "") -> datetime:
    """The first moment of the year, quarter, month, week (from Monday), day, hour, minute or second."""
    return _start(local(run, value, zone), _unit(unit))


def _start(moment: datetime, unit: str) -> datetime:
    if unit in _EXACT_S:
        second = moment.second if unit == "second" else 0
        return moment.replace(minute=0 if unit == "hour" else moment.minute, second=second, microsecond=0)
    day = moment.date()
    if unit == "week":
        day -= timedelta(days=moment.weekday())
    elif unit != "day":
        month = {"month": moment.month, "quarter": (moment.month - 1) // 3 * 3 + 1, "year": 1}[unit]
        day = day.replace(month=month, day=1)
    return _exists(datetime.combine(day, time(), moment.tzinfo))


@function("Dates", '{{ "2026-02-10" | end_of("month") }}', "2026-02-28T23:59:59.999999Z")
def end_of(run: Run, value: datetime, unit: str, zone: str = "") -> datetime:
    """The last moment of the year, quarter, month, week, day, hour, minute or second."""
    kind = _unit(unit)
    following = _shifted(run, _start(local(run, value, zone), kind), 1, kind, zone)
    return (following.astimezone(UTC) - timedelta(microseconds=1)).astimezone(following.tzinfo)


@function("Dates", '{{ date_diff("2026-11-20", "2026-12-24", "days") }}', 34, aliases=("days_between",))
def date_diff(run: Run, start: datetime, end: datetime, unit: str = "days", zone: str = "") -> int:
    """How many whole units lie between two dates; negative when the second is earlier."""
    kind, one, other = _unit(unit), local(run, start, zone), local(run, end, zone)
    if kind in _EXACT_S:
        return int((other.astimezone(UTC) - one.astimezone(UTC)) / timedelta(seconds=_EXACT_S[kind]))
    if one > other:
        return -date_diff(run, end, start, unit, zone)
    first, second = one.replace(tzinfo=None), other.replace(tzinfo=None)
    if kind in ("day", "week"):
        return (second - first).days // (7 if kind == "week" else 1)
    months = (second.year - first.year) * 12 + second.month - first.month
    if months > 0 and _months_later(first, months) > second:
        months -= 1
    return months // {"month": 1, "quarter": 3, "year": 12}[kind]


@function("Dates", '{{ date_range("2026-11-20", "2026-11-22") }}', ["2026-11-20", "2026-11-21", "2026-11-22"])
def date_range(run: Run, start: datetime, end: datetime, zone: str = "") -> Items:
    """The days from the first to the last, both included, as dates without a time."""
    first, last = local(run, start, zone).date(), local(run, end, zone).date()
    count = max((last - first).days + 1, 0)
    run.room_for_items(count)
    return [(first + timedelta(days=at)).isoformat() for at in range(count)]


@function("Dates", '{{ "2026-11-20" | next_weekday("monday") }}', "2026-11-23T00:00:00Z")
def next_weekday(run: Run, value: datetime, day: str, zone: str = "") -> datetime:
    """The first moment of the next day of that name, always after the given day."""
    days = [name.lower() for name in calendar.day_name]
    if day.strip().lower() not in days:
        raise ExpressionTypeError(f"“{shortened(day)}” is no day of the week.")
    moment = local(run, value, zone)
    ahead = (days.index(day.strip().lower()) - moment.weekday() - 1) % 7 + 1
    return _start(_shifted(run, moment, ahead, "day", zone), "day")


@function("Dates", '{{ age("2000-02-29") }}', 26)
def age(run: Run, birthday: datetime, zone: str = "") -> int:
    """The full years from a birthday until today."""
    return date_diff(run, birthday, run.now, "year", zone)


@function("Dates", '{{ earliest("2026-03-01", "2026-01-15") }}', "2026-01-15T00:00:00Z")
def earliest(*dates: datetime) -> str | None:
    """The earliest of the dates; null when there are none."""
    return iso(min(dates)) if dates else None


@function("Dates", '{{ latest("2026-03-01", "2026-01-15") }}', "2026-03-01T00:00:00Z")
def latest(*dates: datetime) -> str | None:
    """The latest of the dates; null when there are none."""
    return iso(max(dates)) if dates else None
