"""“When?” in two fields: on which days, and at what time. Pure; anything cleverer is kept as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from automate.lib.cron import BadCron, explain
from workflows.builder.forms.values import BadValue

DAYS: Final = (
    ("* * *", "Every day"), ("* * 1-5", "Monday to Friday"), ("* * 1", "Every Monday"), ("* * 2", "Every Tuesday"),
    ("* * 3", "Every Wednesday"), ("* * 4", "Every Thursday"), ("* * 5", "Every Friday"), ("* * 6", "Every Saturday"),
    ("* * 0", "Every Sunday"), ("1 * *", "On the first of the month"),
)  # fmt: skip
KEEP: Final = "keep"
_DAILY: Final = re.compile(r"(\d{1,2}) (\d{1,2}) (\S+ \S+ \S+)")
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::\d\d)?")


@dataclass(frozen=True)
class Times:
    """`days`: the chosen one of `choices`; `time`: HH:MM; `cron`: what the template has."""

    days: str
    time: str
    choices: tuple[tuple[str, str], ...]
    cron: str


def show(name: str, cron: Any, posted: Mapping[str, str] | None) -> Times:
    text = cron if isinstance(cron, str) else "0 9 * * *"
    found = _DAILY.fullmatch(text)
    is_plain = found is not None and found[3] in dict(DAYS)
    days, time = (found[3], f"{int(found[2]):02}:{int(found[1]):02}") if found and is_plain else (KEEP, "")
    choices = DAYS if is_plain else ((KEEP, _words(text)), *DAYS)
    if posted is not None and f"{name}.days" in posted:
        days, time = posted[f"{name}.days"], posted.get(f"{name}.time", "")
    return Times(days, time, choices, text)


def read(name: str, post: Mapping[str, str]) -> str:
    """The schedule as cron. Raises BadValue."""
    days = post.get(f"{name}.days", KEEP)
    if days == KEEP:
        kept = post.get(f"{name}.cron", "")
        try:
            explain(kept)
        except BadCron as error:
            raise BadValue(str(error)) from None
        return kept
    if days not in dict(DAYS):
        raise BadValue("Choose the days.")
    time = _TIME.fullmatch(post.get(f"{name}.time", "").strip())
    if time is None:
        raise BadValue("Give the time as hours and minutes, such as 07:30.")
    return f"{int(time[2])} {int(time[1])} {days}"


def _words(cron: str) -> str:
    try:
        return f"{explain(cron)} (as in the template)"
    except BadCron:
        return "As in the template"
