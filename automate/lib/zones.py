"""Time zones by name, from the one pinned database (`tzdata`), never from the machine's own files."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from importlib import metadata, resources
from zoneinfo import ZoneInfo

DATABASE_VERSION = metadata.version("tzdata")
_PROBE = timedelta(days=7)  # no zone changes its offset and takes it back within a week


@cache
def names() -> frozenset[str]:
    """Every zone name of the database."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@cache
def zone(name: str) -> tzinfo:
    """The zone of that name. Raises ValueError with a sentence when there is none."""
    if name == "UTC":
        return UTC
    fault = check_zone(name)
    if fault:
        raise ValueError(fault)
    with resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def check_zone(name: object) -> str | None:
    """A sentence that says what is wrong with a zone's name, or None."""
    if not isinstance(name, str) or not name.strip():
        return "The time zone is empty. Write a name such as Europe/Berlin or UTC."
    if name in names():
        return None
    close = difflib.get_close_matches(name, names(), n=1, cutoff=0.6)
    hint = f"Did you mean {close[0]}?" if close else "Write a name such as Europe/Berlin or UTC."
    return f"There is no time zone called {name[:60]!r}. {hint}"


def offset(where: tzinfo, moment: datetime) -> timedelta:
    """How far local time is ahead of UTC at `moment` (aware)."""
    return moment.astimezone(where).utcoffset() or timedelta(0)


def next_change(where: tzinfo, start: datetime, end: datetime) -> datetime | None:
    """The first moment in (start, end] at which the zone's offset differs from the one at `start`; exact to a second."""
    before = offset(where, start)
    low = start
    while low < end:
        high = min(low + _PROBE, end)
        if offset(where, high) != before:
            return _bisect(where, before, low, high)
        low = high
    return None


def _bisect(where: tzinfo, before: timedelta, low: datetime, high: datetime) -> datetime:
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if offset(where, middle) == before:
            low = middle
        else:
            high = middle
    return high
