"""A cron expression in plain words: "At 08:30 on weekdays", "Every 15 minutes from 09:00 to 17:59", for any expression.

It works on the values the fields stand for, not on how they are written, so that `0,30 * * * *` and `*/30 * * * *` read the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from cronsim import CronSim

MAX_TIMES: Final = 6  # clock times that are listed one by one
MAX_LISTED: Final = 8  # minutes, days or hours listed one by one
_SAMPLE_DAY: Final = datetime(2024, 1, 1)  # noqa: DTZ001 - a local time; any does, and no clock is read
DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS: Final = (
    "", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_ENDINGS: Final = {1: "st", 2: "nd", 3: "rd"}
NTH: Final = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}


def words(expression: str) -> str:
    """The sentence, without a full stop, for five checked fields."""
    cron = CronSim(expression, _SAMPLE_DAY)
    time, is_clock = _time(sorted(cron.minutes), sorted(cron.hours))
    days = _days(cron)
    months = _months(cron)
    if (
        cron.day_and
        and len(cron.days) == 1 == len(cron.months)
        and not _weekdays(cron)
        and min(cron.days) > 0
    ):
        return f"{time} on {min(cron.days)} {MONTHS[min(cron.months)]}"
    when = " ".join(part for part in (days, months) if part)
    if not days and is_clock:
        when = f"every day {when}".rstrip()
    return f"{time} {when}".rstrip()


# --- minutes and hours ----------------------------------------------------------------------------


def _time(minutes: list[int], hours: list[int]) -> tuple[str, bool]:
    """The words, and whether they name times of a day."""
    if len(hours) == 24:
        return _each_hour(minutes), False
    if step := _step(minutes, 60):
        often = "Every minute" if step == 1 else f"Every {step} minutes"
        if step == 60:
            return _few_times(minutes, hours)
        spans = [f"{low:02d}:00 to {high:02d}:59" for low, high in _runs(hours)]
        if len(spans) <= MAX_TIMES // 2:
            return f"{often} from {listed(spans)}", False
        return f"{often} in the hours {numbers(hours)}", False
    return _few_times(minutes, hours)


def _each_hour(minutes: list[int]) -> str:
    if step := _step(minutes, 60):
        return {1: "Every minute", 60: "Every hour"}.get(step, f"Every {step} minutes")
    first = minutes[0]
    if (step := _step([minute - first for minute in minutes], 60)) and step < 60:
        return f"Every {step} minutes, from minute {first} of every hour on"
    return f"Every hour at minute{'' if len(minutes) == 1 else 's'} {numbers(minutes)}"


def _few_times(minutes: list[int], hours: list[int]) -> tuple[str, bool]:
    if len(minutes) == 1 and len(hours) > 2:
        minute = minutes[0]
        if step := _step(hours, 24):
            return f"Every {step} hours" + (f" at minute {minute}" if minute else ""), False
        runs = _runs(hours)
        if len(runs) == 1:
            low, high = runs[0]
            return f"Every hour from {low:02d}:{minute:02d} to {high:02d}:{minute:02d}", True
    if len(minutes) * len(hours) <= MAX_TIMES:
        return f"At {listed(f'{hour:02d}:{minute:02d}' for hour in hours for minute in minutes)}", True
    said = f"minute{'' if len(minutes) == 1 else 's'} {numbers(minutes)}"
    return f"At {said} of the hours {numbers(hours)}", True


def _step(values: list[int], of: int) -> int:
    """`n` where the values are 0, n, 2n … all round the dial; `of` for 0 alone; else 0."""
    if not values or values[0] != 0 or of % len(values):
        return 0
    step = of // len(values)
    return step if values == list(range(0, of, step)) else 0


# --- days, weekdays, months -----------------------------------------------------------------------


def _days(cron: CronSim) -> str:
    days, weekdays = _month_days(cron), _weekdays(cron)
    if days and weekdays:
        return f"{days}, only {weekdays}" if cron.day_and else f"{days} and also {weekdays}"
    if not cron.day_and:  # either suffices: a field that takes every day makes it every day
        is_restricted = len(cron.days) < 31 and not _is_every_weekday(cron)
        return (days or weekdays) if is_restricted else ""
    return days or weekdays


def _month_days(cron: CronSim) -> str:
    days = sorted(cron.days)
    if set(range(1, 32)) <= set(days):
        return ""
    special = {
        CronSim.LAST: "the last day of the month",
        CronSim.LAST_WEEKDAY: "the last weekday of the month",
    }
    named = [special[day] for day in days if day in special]
    plain = [day for day in days if day not in special]
    step = plain[1] - plain[0] if len(plain) > 2 else 0
    if not named and step > 1 and plain == list(range(plain[0], 32, step)):
        start = "" if plain[0] == 1 else f", from the {ordinal(plain[0])} on"
        return f"on every {ordinal(step)} day of the month{start}"
    if plain:
        said = [_span(low, high) for low, high in _runs(plain)]
        named.insert(0, f"the {listed(said)} of the month")
    return f"on {listed(named)}"


def _span(low: int, high: int) -> str:
    if low == high:
        return ordinal(low)
    return f"{ordinal(low)} to {ordinal(high)}" if high > low + 1 else f"{ordinal(low)} and {ordinal(high)}"


def _is_every_weekday(cron: CronSim) -> bool:
    return {day % 7 for day in cron.weekdays if isinstance(day, int)} == set(range(7))


def _weekdays(cron: CronSim) -> str:
    plain = sorted({day % 7 for day in cron.weekdays if isinstance(day, int)})
    if len(plain) == 7:
        return ""
    named = [_nth(*pair) for pair in sorted(p for p in cron.weekdays if isinstance(p, tuple))]
    if plain == [1, 2, 3, 4, 5]:
        named.insert(0, "on weekdays")
    elif plain == [0, 6]:
        named.insert(0, "at weekends")
    elif plain:
        week = [*(day for day in plain if day), *([0] if 0 in plain else [])]  # Monday first
        named.insert(0, _week(week))
    return listed(named)


def _week(days: list[int]) -> str:
    places = [day or 7 for day in days]
    if len(days) > 2 and places == list(range(places[0], places[-1] + 1)):
        return f"from {DAYS[days[0]]} to {DAYS[days[-1]]}"
    return f"on {listed(f'{DAYS[day]}s' for day in days)}"


def _nth(day: int, nth: int) -> str:
    which = "last" if nth == CronSim.LAST else NTH[nth]
    return f"on the {which} {DAYS[day % 7]} of the month"


def _months(cron: CronSim) -> str:
    months = sorted(cron.months)
    if len(months) == 12:
        return ""
    runs = _runs(months)
    if len(runs) == 1 and len(months) > 2:
        return f"from {MONTHS[months[0]]} to {MONTHS[months[-1]]}"
    return f"in {listed(MONTHS[month] for month in months)}"


# --- words ----------------------------------------------------------------------------------------


def listed(parts: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    said = list(parts)
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}" if said else ""


def numbers(values: Sequence[int]) -> str:
    """Numbers one by one, or where there are many of them the spans they make."""
    if len(values) <= MAX_LISTED:
        return listed(str(value) for value in values)
    return listed(f"{low}" if low == high else f"{low} to {high}" for low, high in _runs(list(values)))


def ordinal(number: int) -> str:
    """ "1st", "2nd", "3rd", "11th"."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{_ENDINGS.get(number % 10, 'th')}"


def _runs(values: list[int]) -> list[tuple[int, int]]:
    """The stretches without a gap: (first, last)."""
    found: list[tuple[int, int]] = []
    for value in values:
        if found and value == found[-1][1] + 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
    return found
