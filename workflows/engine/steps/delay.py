"""Waits for some time or until a moment; while it waits it is a row, not a thread."""

from __future__ import annotations

from datetime import timedelta

from automate.lib.expressions.moments import parse_iso
from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Done, Outcome, WaitUntil
from workflows.engine.steps.context import StepContext, StepFault

UNITS_S = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
LONGEST = timedelta(days=366)
BEYOND = 10**9  # more of any unit than the longest delay has
TOO_LONG = "The delay is longer than a year. Use a schedule for things that far away."


def begin(context: StepContext) -> Outcome:
    config = context.step.config
    if "until" in config:
        until = parse_iso(str(context.value(config["until"])), context.scope.zone)
        if until is None:
            raise StepFault(
                f"`until` is {context.value(config['until'])!r}, which is no date. "
                "Give an ISO date such as 2027-03-01T09:00."
            )
    else:
        until = context.now + _length(context)
    if until - context.now > LONGEST:
        raise StepFault(TOO_LONG)
    shown: dict[str, JSON] = {"until": until.isoformat()}
    return WaitUntil(until, input=shown) if until > context.now else Done(shown, input=shown)


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
