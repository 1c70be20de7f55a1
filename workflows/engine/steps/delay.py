"""Waits for some time or until a moment; while it waits it is a row, not a thread."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from automate.lib.expressions.moments import parse_iso
from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Done, Outcome, WaitUntil
from workflows.engine.steps.context import StepContext, StepFault

UNITS_S = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
LONGEST = timedelta(days=366)
BEYOND = 10**9  # more of any unit than the longest delay has
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK: Final = re.compile(r"(?:([a-z]+)\s*)?(?:(\d{1,2}):(\d\d))?")
TOO_LONG = "The delay is longer than a year. Use a schedule for things that far away."


def begin(context: StepContext) -> Outcome:
    config = context.step.config
    if "until" in config:
        given = context.value(config["until"])
        until = moment_of(str(given), context.now, context.scope.zone)
        if until is None:
            raise StepFault(
                f"`until` is {given!r}, which is no moment. Give a date such as 2027-03-01T09:00, "
                "a time of day such as 09:00, or a weekday such as Monday 09:00."
            )
    else:
        until = context.now + _length(context)
    if until - context.now > LONGEST:
        raise StepFault(TOO_LONG)
    shown: dict[str, JSON] = {"until": until.isoformat()}
    return WaitUntil(until, input=shown) if until > context.now else Done(shown, input=shown)


def moment_of(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    """The moment that ISO text names, or the next one after `now` with this time of day, this weekday, or both.

    A weekday alone is its first moment. Times are those of `zone`; None for any other text.
    """
    iso = parse_iso(text, zone)
    if iso is not None:
        return iso
    found = _CLOCK.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        return None
    day, hour, minute = _weekday(found[1]), int(found[2] or 0), int(found[3] or 0)
    if (found[1] and day is None) or hour > 23 or minute > 59:
        return None
    today = now.astimezone(zone).date()
    moments = (_at(today + timedelta(days=ahead), hour, minute, zone) for ahead in range(9))
    fits = (moment for moment in moments if day is None or moment.astimezone(zone).weekday() == day)
    return next((moment for moment in fits if moment > now), None)


def _at(day: date, hour: int, minute: int, zone: tzinfo) -> datetime:
    """An hour that the zone skips is the one after; one that comes twice is the first."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def _weekday(word: str | None) -> int | None:
    """0 for Monday; the first three letters will do."""
    names = [name for name in WEEKDAYS if word and len(word) >= 3 and name.startswith(word)]
    return WEEKDAYS.index(names[0]) if names else None


def _length(context: StepContext) -> timedelta:
    seconds = 0.0
    for unit, factor in UNITS_S.items():
        if unit in context.step.config:
            value = context.setting(unit)
            if isinstance(value, str):
                value = _number(value)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise StepFault(f"`{unit}` must be a number that is not negative, not {value!r}.")
            seconds += min(value, BEYOND) * factor
    if seconds > LONGEST.total_seconds():
        raise StepFault(TOO_LONG)
    return timedelta(seconds=seconds)


def _number(text: str) -> JSON:
    try:
        return float(text)
    except ValueError:
        return text
