"""When a schedule starts, in plain words: read from `cron` or `every_s`, and back. Pure.

Five shapes have fields of their own, any other expression is shown as it is, and any of them can be overwritten by an expression.
What comes back as it was shown changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from automate.lib import zones
from automate.lib.cron import BadCron, explain, parse
from automate.lib.cron_words import DAYS, ordinal

Post = Mapping[str, str]
Errors = dict[str, str]

KINDS: Final = (
    ("every", "Every so many minutes or hours"), ("daily", "Every day"), ("weekdays", "On weekdays, Monday to Friday"),
    ("weekly", "On certain days of the week"), ("monthly", "On a day of the month"), ("cron", "As the cron expression says"),
)  # fmt: skip
UNITS: Final[tuple[tuple[str, str], ...]] = (
    ("86400", "days"),
    ("3600", "hours"),
    ("60", "minutes"),
    ("1", "seconds"),
)
OWN: Final = (
    "cron",
    "every_s",
    "time_zone",
)  # fields of the type that this form has in place of the plain ones
LAST: Final = "L"
REGIONS: Final = frozenset(
    {"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
MONTH_DAYS: Final = (*((str(day), f"the {ordinal(day)}") for day in range(1, 32)), (LAST, "the last day"))
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::\d\d)?")
_NUMBER: Final = re.compile(r"[1-9]\d{0,5}")
_DAY_LIST: Final = re.compile(r"[0-7](?:,[0-7])*")
WORKDAYS: Final = frozenset("12345")


@dataclass(frozen=True)
class Schedule:
    """What the form shows. `kind` "": nothing is said yet. `days`: digits of cron, 0 is Sunday."""

    kind: str = ""
    n: str = "15"
    unit: str = "60"
    time: str = "09:00"
    days: frozenset[str] = frozenset("1")
    day: str = "1"
    cron: str = ""
    zone: str = ""
    errors: Errors = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """What can be chosen; an expression by hand is written, not chosen."""
        return KINDS if self.kind == "cron" else KINDS[:-1]

    @property
    def units(self) -> tuple[tuple[str, str], ...]:
        """The usual ones; seconds only where they are used already."""
        return tuple(reversed([one for one in UNITS if one[0] != "1" or self.unit == "1"]))

    @property
    def month_days(self) -> tuple[tuple[str, str], ...]:
        return MONTH_DAYS

    @property
    def week(self) -> list[tuple[str, str, bool]]:
        """(digit, name, ticked), Monday first."""
        order = [*"123456", "0"]
        return [(digit, DAYS[int(digit)], digit in self.days) for digit in order]

    @property
    def has_time(self) -> bool:
        return self.kind in ("daily", "weekdays", "weekly", "monthly")

    @property
    def said(self) -> list[tuple[str, str]]:
        """(field, what is wrong with it or "") of the fields that are shown."""
        return [(name, self.errors.get(name, "")) for name in dict.fromkeys((*_FIELDS_OF[self.kind], "cron", "zone"))
                if name != "unit"]  # fmt: skip

    @property
    def zones(self) -> list[tuple[str, str]]:
        """(name, its place in words), to be searched."""
        return [(name, name.rpartition("/")[2].replace("_", " ")) for name in zone_names()]


def sentence(config: Mapping[str, Any]) -> str:
    """ "At 08:30 on weekdays", "Every 90 minutes"; "" where nothing is said. Raises BadCron."""
    cron, every = config.get("cron"), config.get("every_s")
    if cron is not None:
        return explain(cron)
    return f"Every {every_words(every)}" if isinstance(every, int | float) and every else ""


def every_words(seconds: float) -> str:
    """ "minute", "90 minutes", "2 days": what stands behind "every"."""
    for size, words in UNITS:
        count, rest = divmod(seconds, int(size))
        if count >= 1 and not rest:
            return words.removesuffix("s") if count == 1 else f"{round(count):,} {words}"
    return f"{seconds:g} seconds"


# --- from the document ----------------------------------------------------------------------------


def show(config: Mapping[str, Any], post: Post | None = None, errors: Errors | None = None) -> Schedule:
    """As it is, or as it was typed with what was wrong about it."""
    shown = _of(config)
    found = {
        name.removeprefix("when."): said for name, said in (errors or {}).items() if name.startswith("when.")
    }
    if post is None or "when.kind" not in post:
        return replace(shown, errors=found)
    return _typed(shown, post, found)


def _of(config: Mapping[str, Any]) -> Schedule:
    return replace(_times_of(config), zone=str(config.get("time_zone") or ""))


def _times_of(config: Mapping[str, Any]) -> Schedule:
    every, cron = config.get("every_s"), config.get("cron")
    if cron is None and isinstance(every, int | float) and every >= 1:
        size = next(size for size, _ in UNITS if not every % int(size) or size == "1")
        return Schedule("every", n=f"{every / int(size):g}", unit=size)
    if cron is None:
        return Schedule()
    try:
        fields = parse(cron).text.upper().split()
    except BadCron:
        return Schedule("cron", cron=str(cron))
    return _often(fields, str(cron)) or _at_time(fields, str(cron)) or Schedule("cron", cron=str(cron))


def _often(fields: list[str], cron: str) -> Schedule | None:
    minute, hour, *rest = fields
    if rest != ["*", "*", "*"]:
        return None
    for part, other, unit, dial in ((minute, hour, "60", 60), (hour, minute, "3600", 24)):
        if other != ("*" if unit == "60" else "0"):
            continue
        n = 1 if part == "*" else int(part[2:]) if re.fullmatch(r"\*/[1-9]\d?", part) else 0
        if n and not dial % n and n < dial:
            return Schedule("every", n=str(n), unit=unit, cron=cron)
    return None


def _at_time(fields: list[str], cron: str) -> Schedule | None:
    minute, hour, day, month, weekday = fields
    if not (minute.isdigit() and hour.isdigit()) or month != "*":
        return None
    time = f"{int(hour):02d}:{int(minute):02d}"
    if day != "*":
        plain = str(int(day)) if day.isdigit() else day
        return Schedule("monthly", time=time, day=plain, cron=cron) if weekday == "*" and (
            plain in dict(MONTH_DAYS)) else None  # fmt: skip
    if weekday == "*":
        return Schedule("daily", time=time, cron=cron)
    days = _week_days(weekday)
    if days == WORKDAYS:
        return Schedule("weekdays", time=time, cron=cron)
    return Schedule("weekly", time=time, days=days, cron=cron) if days else None


def _week_days(text: str) -> frozenset[str]:
    if text in ("1-5", "MON-FRI"):
        return WORKDAYS
    for number, name in enumerate(DAYS):
        text = text.replace(name[:3].upper(), str(number))
    return frozenset(text.replace("7", "0").split(",")) if _DAY_LIST.fullmatch(text) else frozenset()


# --- from the form --------------------------------------------------------------------------------


def read(old: Mapping[str, Any], config: dict[str, Any], post: Post, errors: Errors) -> dict[str, Any]:
    """The trigger's config with the times that were typed; wrong ones keep their old value, with an error (`when.<field>`)."""
    if "when.kind" not in post:
        return config
    wrong: Errors = {}
    shown = _of(old)
    typed = _typed(shown, post, {})
    was = {name: old[name] for name in ("cron", "every_s") if name in old}
    made = was if _same(shown, typed) else _made(typed, wrong)
    zone = _zone(typed.zone, wrong) if typed.zone != shown.zone else typed.zone
    errors |= {f"when.{name}": said for name, said in wrong.items()}
    kept = {name: value for name, value in config.items() if name not in OWN}
    times = was if wrong.keys() - {"zone"} else made
    zone = shown.zone if "zone" in wrong else zone
    return {**kept, **times, **({"time_zone": zone} if zone else {})}


def _zone(text: str, wrong: Errors) -> str:
    """The zone that was meant: its name, or its city alone."""
    if not text or text in zones.names():
        return text
    city = text.replace(" ", "_").lower()
    found = [name for name in zone_names() if name.lower() == city or name.lower().endswith(f"/{city}")]
    if len(found) == 1:
        return found[0]
    wrong["zone"] = zones.check_zone(text) or ""
    return text


@cache
def zone_names() -> tuple[str, ...]:
    """The zones that are offered: places, and UTC."""
    return ("UTC", *sorted(name for name in zones.names() if name.partition("/")[0] in REGIONS))


def _typed(shown: Schedule, post: Post, errors: Errors) -> Schedule:
    """An expression that was written by hand goes before what the fields say."""
    kind = post["when.kind"] if post["when.kind"] in dict(KINDS) else ""
    if post.get("when.cron", "").strip() not in ("", shown.cron):
        kind = "cron"
    days = frozenset(digit for digit in "0123456" if post.get(f"when.days.{digit}"))
    return Schedule(
        kind,
        n=post.get("when.n", shown.n).strip(),
        unit=post.get("when.unit", shown.unit),
        time=post.get("when.time", shown.time).strip(),
        days=days if "when.days.shown" in post else shown.days,
        day=post.get("when.day", shown.day),
        cron=post.get("when.cron", shown.cron).strip(),
        zone=post.get("when.zone", shown.zone).strip(),
        errors=errors,
    )


_FIELDS_OF: Final = {
    "every": ("n", "unit"), "daily": ("time",), "weekdays": ("time",), "weekly": ("time", "days"),
    "monthly": ("time", "day"), "cron": ("cron",), "": (),
}  # fmt: skip


def _same(shown: Schedule, typed: Schedule) -> bool:
    return shown.kind == typed.kind and all(
        getattr(shown, name) == getattr(typed, name) for name in _FIELDS_OF[shown.kind]
    )


def _made(typed: Schedule, wrong: Errors) -> dict[str, Any]:
    if typed.kind == "":
        return {}
    if typed.kind == "cron":
        if not typed.cron:
            wrong["cron"] = "Write five fields: minute, hour, day of the month, month, day of the week."
        return {"cron": typed.cron}
    if typed.kind == "every":
        return _made_often(typed, wrong)
    found = _TIME.fullmatch(typed.time)
    if found is None:
        wrong["time"] = "Give the time as hours and minutes, such as 08:30."
    if typed.kind == "weekly" and not typed.days:
        wrong["days"] = "Tick at least one day."
    if typed.kind == "monthly" and typed.day not in dict(MONTH_DAYS):
        wrong["day"] = "Choose a day of the month."
    if wrong or found is None:
        return {}
    week = ",".join(sorted(typed.days, key=lambda digit: (digit == "0", digit)))
    when = {"daily": "* * *", "weekdays": "* * 1-5", "weekly": f"* * {week}", "monthly": f"{typed.day} * *"}
    return {"cron": f"{int(found[2])} {int(found[1])} {when[typed.kind]}"}


def _made_often(typed: Schedule, wrong: Errors) -> dict[str, Any]:
    """On the round minutes and hours of the clock where they divide it, else counted from publishing on."""
    if not _NUMBER.fullmatch(typed.n):
        wrong["n"] = "Give a whole number of at least 1."
        return {}
    n, unit = int(typed.n), typed.unit if typed.unit in dict(UNITS) else "60"
    if unit == "60" and n < 60 and not 60 % n:
        return {"cron": "* * * * *" if n == 1 else f"*/{n} * * * *"}
    if unit == "3600" and n < 24 and not 24 % n:
        return {"cron": "0 * * * *" if n == 1 else f"0 */{n} * * *"}
    return {"every_s": n * int(unit)}
