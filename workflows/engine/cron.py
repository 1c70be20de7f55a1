"""Cron expressions of five fields: the aliases, and what is wrong with one, in words."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError

from workflows.engine.words import did_you_mean

ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS: Final = ("minute", "hour", "day of the month", "month", "day of the week")
_SOME_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)


class BadCron(ValueError):
    """Not a cron expression we accept; the message is a sentence."""


def normalise(text: str) -> str:
    """The five fields, aliases written out. Raises BadCron."""
    given = " ".join(text.split())
    if given.startswith("@"):
        if given.lower() not in ALIASES:
            raise BadCron(f"There is no `{given}`. {did_you_mean(given, ALIASES)}".rstrip())
        return ALIASES[given.lower()]
    fields = given.split(" ")
    if len(fields) != 5:
        extra = (
            " Seconds are not part of it; use `every_s` for steps below a minute." if len(fields) == 6 else ""
        )
        raise BadCron(f"`{text}` has {len(fields)} fields. Give five: {', '.join(_FIELDS)}.{extra}")
    _simulate(given, fields)
    return given


def _simulate(given: str, fields: list[str]) -> None:
    try:
        next(CronSim(given, _SOME_DAY))
    except (CronSimError, StopIteration):
        wrong = next((name for at, name in enumerate(_FIELDS) if not _is_fine(at, fields[at])), None)
        if wrong is None:
            message = f"`{given}` never comes: there is no such date. Change the day or the month."
        else:
            message = f"`{given}` is not a cron expression: the {wrong} is wrong. An example: 30 8 * * 1-5."
        raise BadCron(message) from None


def _is_fine(at: int, value: str) -> bool:
    fields = ["*"] * 5
    fields[at] = value
    try:
        CronSim(" ".join(fields), _SOME_DAY)
    except CronSimError:
        return False
    return True


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """The names of all time zones (reads the zone database once)."""
    return frozenset(available_timezones())


def zone_fault(name: str) -> str | None:
    """What is wrong with the name of a time zone, as a sentence; None if it exists."""
    if name in zones():
        return None
    by_lower = {zone.lower(): zone for zone in zones()}
    close = by_lower.get(name.lower().replace(" ", "_"))
    hint = f"Did you mean `{close}`?" if close else did_you_mean(name, sorted(zones()))
    return f"`{name}` is not a time zone. {hint or 'Use a name such as Europe/Berlin or UTC.'}"
