"""Numbers and moments in the words people use; each function takes a value and returns plain text or one element."""

from datetime import datetime
from typing import Literal

from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.html import format_html
from django.utils.safestring import SafeString

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
NOTHING = "\u2013"  # an en dash


def duration(ms: float | Literal[""] | None) -> str:
    """Milliseconds as "418 ms", "4.1 s", "2 h 11 min" or "3 days 4 h"; a dash for nothing ("" is Django's missing variable)."""
    if ms is None or ms == "":
        return NOTHING
    ms = max(0.0, float(ms))
    if round(ms) < 1000:
        return f"{round(ms)} ms"
    if round(ms / 100) < MINUTE_S * 10:
        return f"{ms / 1000:.1f} s"
    return _two_units(round(ms / 1000))


def _two_units(seconds: int) -> str:
    if seconds < HOUR_S:
        parts = [(seconds // MINUTE_S, "min"), (seconds % MINUTE_S, "s")]
    elif seconds < DAY_S:
        parts = [(seconds // HOUR_S, "h"), (seconds % HOUR_S // MINUTE_S, "min")]
    else:
        days = seconds // DAY_S
        parts = [(days, "day" if days == 1 else "days"), (seconds % DAY_S // HOUR_S, "h")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def filesize(size_bytes: int | Literal[""] | None) -> str:
    """Bytes in decimal units: "412 B", "1.1 kB", "3.4 MB"; a dash for nothing."""
    if size_bytes is None or size_bytes == "":
        return NOTHING
    size = float(max(0, int(size_bytes)))
    if size < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if round(size, 1) < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"


def ago_words(moment: datetime, now: datetime) -> str:
    """How long before (or after) `now` the moment lies; ago.js says the same words, keep the two alike."""
    seconds = int((now - moment).total_seconds())
    if abs(seconds) < 2:
        return "now"
    text = _one_unit(abs(seconds))
    if seconds < 0:
        return f"in {text}"
    return "yesterday" if text == "1 day" else f"{text} ago"


def _one_unit(seconds: int) -> str:
    if seconds < MINUTE_S:
        return f"{seconds} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S} min"
    if seconds < DAY_S:
        return f"{seconds // HOUR_S} h"
    days = seconds // DAY_S
    if days < 60:
        return "1 day" if days == 1 else f"{days} days"
    return f"{days // 30} months" if days < 730 else f"{days // 365} years"


def ago(moment: datetime | None, now: datetime) -> SafeString | str:
    """A <time> element that says how long ago; the browser keeps it true, the tooltip has the exact local moment."""
    if not moment:
        return NOTHING
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        moment.isoformat(),
        format_date(timezone.localtime(moment), "j M Y, H:i:s"),
        ago_words(moment, now),
    )


def moment(at: datetime | None, pattern: str = "j M Y, H:i") -> SafeString | str:
    """A <time> element in the reader's zone; the tooltip has the exact moment and names the zone."""
    if not at:
        return NOTHING
    local = timezone.localtime(at)
    zone = timezone.get_current_timezone_name()
    return format_html(
        '<time datetime="{}" title="{} ({})">{}</time>',
        at.isoformat(),
        format_date(local, "j M Y, H:i:s"),
        zone,
        format_date(local, pattern),
    )


def initials(name: object) -> str:
    """At most two capitals for an avatar: "Ada Okafor" and "ada.okafor@northwind.example" both give AO."""
    words = [
        word for word in str(name or "").split("@")[0].replace(".", " ").replace("_", " ").split() if word
    ]
    letters = [words[0], words[-1]] if len(words) > 1 else words
    return "".join(word[0] for word in letters).upper() or "?"
