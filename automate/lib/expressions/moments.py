"""Moments in time as JSON knows them: ISO 8601 text, read strictly, with zones from the pinned database."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.suggest import did_you_mean, shortened

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?"
    r"(?: ?(?:([Zz])|([+-])(\d\d):?(\d\d)?))?",
    re.ASCII,
)


@cache
def zone_names() -> frozenset[str]:
    """The names of all time zones in the pinned database."""
    lines = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").splitlines()
    return frozenset(filter(None, lines))


@lru_cache(maxsize=512)
def zone_named(name: str) -> tzinfo:
    """The time zone called `name`, e.g. Europe/Berlin. Raises ExpressionTypeError."""
    if name in ("UTC", "Z", ""):
        return UTC
    if name not in zone_names():
        raise ExpressionTypeError(
            f"There is no time zone called “{shortened(name)}”. Use a name like Europe/Berlin or UTC."
            f"{did_you_mean(name, sorted(zone_names(), key=lambda known: known[:1] != name[:1]))}"
        )
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def parse_iso(text: str, zone: tzinfo) -> datetime | None:
    """The moment written as ISO 8601 date or date and time, aware; None for any other text.

    Without an offset it is local time of `zone`; a date alone is its first moment.
    """
    found = _ISO.fullmatch(text) if len(text) <= 40 else None
    if found is None or (found[4] is None and (found[8] or found[9])):
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    micro = int((found[7] or "0")[:6].ljust(6, "0"))
    try:
        own = _offset(found)
        return datetime(year, month, day, hour, minute, second, micro, tzinfo=zone if own is None else own)
    except ValueError:
        return None


def _offset(found: "re.Match[str]") -> tzinfo | None:
    if found[8]:
        return UTC
    if not found[9]:
        return None
    offset = timedelta(hours=int(found[10]), minutes=int(found[11] or 0))
    return timezone(-offset if found[9] == "-" else offset)


def iso(moment: datetime) -> str:
    """ISO 8601 with the offset of the moment, `Z` for UTC, and fractions of a second only when there are any."""
    text = moment.replace(tzinfo=None).isoformat(timespec="microseconds" if moment.microsecond else "seconds")
    offset = moment.utcoffset() or timedelta(0)
    if not offset:
        return text + "Z"
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{text}{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
