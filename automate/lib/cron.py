"""Cron expressions: when they fire, what they mean in English, and what is wrong with them.

Times are local to a zone. If the minute or the hour field starts with `*`, the schedule follows real time: an hourly
one fires 25 times on a day of 25 hours. Otherwise each matching local time fires once: inside a gap at the first
instant after it, in an overlap at its first occurrence. Day of month and day of week: either suffices when both are
restricted, both must match when one starts with `*`. Sunday is 0 and 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from cronsim import CronSim, CronSimError

from automate.lib import cron_words, zones

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MAX_CHARS = 120
_FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, or L for the last day"),
    ("month", "1 to 12, or JAN to DEC"),
    ("day of the week", "0 to 7 (both ends are Sunday), or SUN to SAT"),
)
_CRONSIM_FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
_SAFE = re.compile(r"[0-9A-Za-z*,/#\- ]+")
_SECOND = timedelta(seconds=1)
_SAMPLE_DAY = datetime(2024, 1, 1)  # noqa: DTZ001 - a local time; any does, and no clock is read


class BadCron(ValueError):
    """The text is not a schedule that can fire; the message is a sentence."""


@dataclass(frozen=True)
class Cron:
    """A checked expression of five fields, aliases replaced."""

    text: str

    @property
    def follows_real_time(self) -> bool:
        minute, hour = self.text.split()[:2]
        return minute.startswith("*") or hour.startswith("*")

    def fires(self, where: tzinfo, after: datetime) -> Iterator[datetime]:
        """The moments (UTC) it fires at, each later than the one before, all later than `after` (aware)."""
        last = after.astimezone(UTC).replace(microsecond=0)
        find = self._real_fire if self.follows_real_time else self._daily_fire
        while True:
            found = find(where, last)
            if found is None:
                return
            yield found
            last = found

    def _real_fire(self, where: tzinfo, after: datetime) -> datetime | None:
        """Local minutes as the clock on the wall passes them, one stretch of constant offset after the other."""
        in_force, start = after, after
        while True:
            shift = zones.offset(where, in_force)
            local = _next_match(self.text, _naive(start, shift))
            if local is None:
                return None
            found = (local - shift).replace(tzinfo=UTC)
            change = zones.next_change(where, in_force, found)
            if change is None:
                return found
            in_force, start = change, change - _SECOND  # so that the change itself may match

    def _daily_fire(self, where: tzinfo, after: datetime) -> datetime | None:
        local = _naive(after, zones.offset(where, after))
        while (match := _next_match(self.text, local)) is not None:
            found = _first_instant(where, match)
            if found > after:
                return found
            local = match
        return None


def parse(text: object) -> Cron:
    """Read an expression. Raises BadCron with a sentence that names the field."""
    fields = _five_fields(text)
    expression = " ".join(fields)
    try:
        simulated = CronSim(expression, _SAMPLE_DAY)
    except CronSimError as error:
        raise BadCron(_explain_fault(fields, str(error))) from None
    try:
        next(simulated)
    except StopIteration:
        raise BadCron(_never(expression)) from None
    return Cron(expression)


def check_cron(text: object) -> str | None:
    """A sentence that says what is wrong with an expression, or None."""
    try:
        parse(text)
    except BadCron as error:
        return str(error)
    return None


def explain(text: object) -> str:
    """The schedule in plain words: `At 09:00 on weekdays`. Raises BadCron."""
    return cron_words.words(parse(text).text)


def _five_fields(text: object) -> list[str]:
    if not isinstance(text, str) or not text.strip():
        raise BadCron(
            "The schedule is empty. Write five fields, such as `0 9 * * MON-FRI` for 09:00 on working days."
        )
    text = text.strip()
    if len(text) > MAX_CHARS:
        raise BadCron(f"The schedule is longer than {MAX_CHARS} characters.")
    if text.startswith("@"):
        if text.lower() not in ALIASES:
            raise BadCron(
                f"There is no schedule called {text[:20]!r}. Use one of {', '.join(ALIASES)}, or five fields."
            )
        return ALIASES[text.lower()].split()
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise BadCron(_wrong_count(len(fields)))
    for field, (name, allowed) in zip(fields, _FIELDS, strict=True):
        if not _SAFE.fullmatch(field):
            raise BadCron(
                f"The {name} field {field[:20]!r} is not understood. It takes {allowed}, `*`, lists, ranges, steps."
            )
    return fields


def _wrong_count(count: int) -> str:
    seconds = " Seconds are not supported: leave the first field out." if count == 6 else ""
    return (
        f"A schedule has five fields (minute, hour, day of the month, month, day of the week), but {count} "
        f"{'is' if count == 1 else 'are'} given.{seconds}"
    )


def _explain_fault(fields: list[str], message: str) -> str:
    index = next((i for i, name in enumerate(_CRONSIM_FIELDS) if message.endswith(name)), None)
    if index is None:
        return f"The schedule `{' '.join(fields)}` is not understood."
    name, allowed = _FIELDS[index]
    if name == "day of the month" and _is_impossible_date(fields):
        return _never(" ".join(fields))
    return f"The {name} field {fields[index][:20]!r} is not understood. It takes {allowed}, `*`, lists, ranges, steps."


def _never(expression: str) -> str:
    return f"The schedule `{expression}` never fires: no month named in it has such a day. Choose another day or month."


def _is_impossible_date(fields: list[str]) -> bool:
    """Whether the day can be read and only the months rule it out (30 February); both come as the same error."""
    try:
        CronSim(" ".join([*fields[:3], "*", fields[4]]), _SAMPLE_DAY)
    except CronSimError:
        return False
    return True


@lru_cache(maxsize=4096)
def _next_match(expression: str, local: datetime) -> datetime | None:
    """The first local time after `local` that the fields allow, as if no clock ever changed."""
    try:
        return next(CronSim(expression, local))
    except StopIteration:
        return None


def _naive(moment: datetime, shift: timedelta) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) + shift


def _first_instant(where: tzinfo, local: datetime) -> datetime:
    """The instant a local time comes first; of a time that a gap swallows, the first instant after the gap."""
    aware = local.replace(tzinfo=where, fold=0)
    instant = aware.astimezone(UTC)
    if instant.astimezone(where).replace(tzinfo=None) == local:
        return instant
    start = instant - timedelta(days=2)  # the longest gap is a day (Apia, 30 December 2011)
    return zones.next_change(where, start, instant) or instant
