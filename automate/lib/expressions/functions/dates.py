"""Dates: reading, showing, and their parts. A date is ISO 8601 text; zones are names like Europe/Berlin."""

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo

from automate.lib.expressions.compare import as_number
from automate.lib.expressions.converters import Mismatch, Number, as_moment
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.moments import parse_iso, zone_named
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run
from automate.lib.expressions.suggest import did_you_mean, shortened
from automate.lib.jsontypes import JSON

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_TOKEN = re.compile(
    r'\[([^\[\]]*)\]|"([^"]*)"|YYYY|YY|MMMM|MMM|MM|M|DD|D|dddd|ddd|HH|H|hh|h|mm|m|ss|s|SSS|A|a|ZZ|Z|X|WW|W|Q|zone'
)
_READ = {
    "YYYY": r"(?P<year>\d{4})",
    "MMMM": r"(?P<month_name>[A-Za-z]{3,9})",
    "MMM": r"(?P<month_name>[A-Za-z]{3,9})",
    "MM": r"(?P<month>\d{2})",
    "M": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{2})",
    "D": r"(?P<day>\d{1,2})",
    "HH": r"(?P<hour>\d{2})",
    "H": r"(?P<hour>\d{1,2})",
    "hh": r"(?P<hour>\d{2})",
    "h": r"(?P<hour>\d{1,2})",
    "mm": r"(?P<minute>\d{2})",
    "m": r"(?P<minute>\d{1,2})",
    "ss": r"(?P<second>\d{2})",
    "s": r"(?P<second>\d{1,2})",
    "A": r"(?P<half>[AaPp][Mm])",
    "a": r"(?P<half>[AaPp][Mm])",
    "dddd": r"[A-Za-z]+",
    "ddd": r"[A-Za-z]+",
    "YY": r"(?P<short_year>\d{2})",
    "SSS": r"(?P<milli>\d{3})",
    "Z": r"(?P<offset>Z|[+-]\d{2}:?\d{2})",
    "ZZ": r"(?P<offset>Z|[+-]\d{2}:?\d{2})",
}


def zone_of(run: Run, name: str) -> tzinfo:
    """The zone a function works in: the one named, otherwise the workflow's."""
    return zone_named(name) if name else run.scope.zone


def local(run: Run, value: datetime, zone: str) -> datetime:
    """The moment on the clocks of that zone (or of the workflow's). Raises ExpressionTypeError beyond the calendar."""
    try:
        return value.astimezone(zone_of(run, zone))
    except OverflowError:
        raise ExpressionTypeError(
            "The date lies outside of the calendar, which has the years 1 to 9999."
        ) from None


@function("Dates", "{{ now() }}", "2026-11-20T10:30:00Z")
def now(run: Run, zone: str = "") -> datetime:
    """The current moment; the same throughout one step."""
    return local(run, run.now, zone)


@function("Dates", '{{ today("Asia/Tokyo") }}', "2026-11-20")
def today(run: Run, zone: str = "") -> str:
    """Today's date, without a time."""
    return local(run, run.now, zone).date().isoformat()


@function(
    "Dates",
    '{{ "2026-11-20 10:30" | date("Europe/Berlin") }}',
    "2026-11-20T10:30:00+01:00",
    aliases=("to_date", "datetime"),
)
def date(run: Run, value: JSON, zone: str = "") -> datetime:
    """A date or time in ISO form, from ISO text, a mail's date, or seconds since 1970.

    Text without an offset is read as local time of the zone. A date with an offset keeps it unless a zone is given.
    """
    if isinstance(value, str) and zone:
        moment = parse_iso(value.strip(), zone_named(zone))
        if moment is not None:
            return local(run, moment, zone)
    moment = as_moment(value, run)
    return local(run, moment, zone) if zone else moment


@function(
    "Dates",
    '{{ "2026-07-01T10:00:00Z" | to_zone("Europe/Berlin") }}',
    "2026-07-01T12:00:00+02:00",
    aliases=("in_zone",),
)
def to_zone(run: Run, value: datetime, zone: str = "UTC") -> datetime:
    """The same moment as the clocks of that time zone show it."""
    return local(run, value, zone)


@function(
    "Dates",
    '{{ "2026-11-20T10:30:00Z" | format_date("DD.MM.YYYY HH:mm", "Europe/Berlin") }}',
    "20.11.2026 11:30",
)
def format_date(run: Run, value: datetime, pattern: str = "YYYY-MM-DD", zone: str = "") -> str:
    """The date as text. Letters: YYYY YY MMMM MMM MM M DD D dddd ddd HH H hh h mm m ss s SSS A Z W Q X zone; [other] text in brackets."""
    if len(pattern) > 1000:
        raise ExpressionTypeError("The pattern of a date is longer than 1,000 characters.")
    moment = local(run, value, zone)
    return _TOKEN.sub(lambda found: _part(moment, found), pattern)


def _part(moment: datetime, found: "re.Match[str]") -> str:
    if found[1] is not None or found[2] is not None:
        return found[1] if found[1] is not None else found[2]
    letters = found[0]
    if letters in ("Z", "ZZ", "zone"):
        return _zone_part(moment, letters)
    hour = moment.hour % 12 or 12
    plain = {
        "YYYY": f"{moment.year:04d}", "YY": f"{moment.year % 100:02d}",
        "MMMM": _MONTHS[moment.month - 1], "MMM": _MONTHS[moment.month - 1][:3],
        "MM": f"{moment.month:02d}", "M": str(moment.month), "DD": f"{moment.day:02d}", "D": str(moment.day),
        "dddd": _DAYS[moment.weekday()], "ddd": _DAYS[moment.weekday()][:3],
        "HH": f"{moment.hour:02d}", "H": str(moment.hour), "hh": f"{hour:02d}", "h": str(hour),
        "mm": f"{moment.minute:02d}", "m": str(moment.minute), "ss": f"{moment.second:02d}", "s": str(moment.second),
        "SSS": f"{moment.microsecond // 1000:03d}", "A": "AM" if moment.hour < 12 else "PM",
        "a": "am" if moment.hour < 12 else "pm", "WW": f"{moment.isocalendar().week:02d}",
        "W": str(moment.isocalendar().week), "Q": str((moment.month + 2) // 3), "X": str(int(moment.timestamp())),
    }  # fmt: skip
    return plain[letters]


def _zone_part(moment: datetime, letters: str) -> str:
    if letters == "zone":
        return moment.tzname() or ""
    text = moment.strftime("%z")[:5]
    return text if letters == "ZZ" else f"{text[:3]}:{text[3:]}"


@function(
    "Dates",
    '{{ "20.11.2026 10:30" | parse_date("DD.MM.YYYY HH:mm", "Europe/Berlin") }}',
    "2026-11-20T10:30:00+01:00",
)
def parse_date(run: Run, text: str, pattern: str, zone: str = "") -> datetime:
    """Reads a date written in the given pattern (the letters of `format_date`) as local time of the zone."""
    if len(pattern) > 200 or len(text) > 400:
        raise Mismatch("a pattern of at most 200 and a text of at most 400 characters")
    found = re.fullmatch(_reader(pattern), text.strip(), re.ASCII)
    if found is None:
        raise ExpressionTypeError(f"“{shortened(text)}” is not a date written like {shortened(pattern)}.")
    parts = found.groupdict()
    try:
        return _put_together(parts, zone_of(run, zone))
    except ValueError:
        raise ExpressionTypeError(f"“{shortened(text)}” names a day or time that does not exist.") from None


def _reader(pattern: str) -> str:
    """A regular expression without repeated groups, so that matching takes linear time."""
    made, at, used = "", 0, set()
    for found in _TOKEN.finditer(pattern):
        made += re.escape(pattern[at : found.start()])
        token = found[0]
        literal = found[1] if found[1] is not None else found[2]
        if literal is None and (token not in _READ or _READ[token] in used):
            raise ExpressionTypeError(
                f"`parse_date` cannot read `{token}`, or it stands in the pattern twice."
            )
        made += _READ[token] if literal is None else re.escape(literal)
        used.add(made if literal is not None else _READ[token])
        at = found.end()
    return made + re.escape(pattern[at:])


def _put_together(parts: dict[str, str | None], zone: tzinfo) -> datetime:
    def number(name: str, otherwise: int) -> int:
        return int(parts.get(name) or otherwise)

    year = number("year", 2000 + number("short_year", 0))
    hour = number("hour", 0)
    if parts.get("half"):
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if str(parts["half"]).lower() == "pm" else 0)
    month = _month_number(parts["month_name"]) if parts.get("month_name") else number("month", 1)
    offset = parts.get("offset")
    return datetime(
        year, month, number("day", 1), hour, number("minute", 0), number("second", 0), number("milli", 0) * 1000,
        tzinfo=zone if offset is None else datetime.strptime(offset, "%z").tzinfo,
    )  # fmt: skip


def _month_number(name: str | None) -> int:
    short = [month[:3].lower() for month in _MONTHS]
    return short.index((name or "")[:3].lower()) + 1


@function("Dates", '{{ "2026-11-20T10:30:00Z" | timestamp }}', 1795170600, aliases=("epoch", "unix_time"))
def timestamp(value: datetime) -> Number:
    """Seconds since 1970 began in UTC."""
    seconds = (value - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)
    return int(seconds) if seconds.is_integer() else seconds


@function("Dates", "{{ 1795170600 | from_timestamp }}", "2026-11-20T10:30:00Z", aliases=("from_epoch",))
def from_timestamp(run: Run, seconds: Number, zone: str = "UTC") -> datetime:
    """The date that many seconds after 1970 began; numbers of 12 and more digits are milliseconds."""
    return local(run, as_moment(seconds, run), zone)


@function("Dates", '{{ "2026-11-20" | date_part("weekday") }}', "Friday")
def date_part(run: Run, value: datetime, part: str, zone: str = "") -> int | str:
    """One part of a date: year, quarter, month, month_name, week, day, day_of_year, weekday, weekday_number (Monday is 1), hour, minute, second, date, time."""
    moment = local(run, value, zone)
    parts: dict[str, int | str] = {
        "year": moment.year, "quarter": (moment.month + 2) // 3, "month": moment.month,
        "month_name": _MONTHS[moment.month - 1], "week": moment.isocalendar().week, "day": moment.day,
        "day_of_year": moment.timetuple().tm_yday, "weekday": _DAYS[moment.weekday()],
        "weekday_number": moment.isoweekday(), "hour": moment.hour, "minute": moment.minute,
        "second": moment.second, "date": moment.date().isoformat(), "time": moment.strftime("%H:%M:%S"),
    }  # fmt: skip
    if part not in parts:
        raise ExpressionTypeError(
            f"A date has no part “{shortened(part)}”: use {', '.join(parts)}.{did_you_mean(part, parts)}"
        )
    return parts[part]


@function("Dates", '{{ "tomorrow" | is_date }}', False)
def is_date(run: Run, value: JSON) -> bool:
    """Whether the value can be read as a date."""
    try:
        as_moment(value, run)
    except Mismatch:
        return False
    return as_number(value) is None


@function("Dates", "{{ duration(5400) }}", "1 h 30 min", aliases=("format_duration",))
def duration(seconds: Number) -> str:
    """A number of seconds as people read it."""
    rest = round(abs(seconds))
    sizes = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for name, size in sizes:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
    return ("-" if seconds < 0 and parts else "") + (" ".join(parts) or "0 s")


@function("Dates", '{{ iso_duration("PT1H30M") }}', 5400)
def iso_duration(text: str) -> Number:
    """The seconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds."""
    number = r"(\d{1,9}(?:\.\d{1,9})?)"
    found = re.fullmatch(
        rf"P(?:{number}W)?(?:{number}D)?(?:T(?:{number}H)?(?:{number}M)?(?:{number}S)?)?",
        text[:100],
        re.ASCII,
    )
    if found is None or not any(found.groups()):
        raise ExpressionTypeError("`iso_duration` needs text like PT1H30M or P2D.")
    sizes = (604_800, 86_400, 3_600, 60, 1)
    seconds = math.fsum(float(part or 0) * size for part, size in zip(found.groups(), sizes, strict=True))
    return int(seconds) if seconds.is_integer() else seconds
