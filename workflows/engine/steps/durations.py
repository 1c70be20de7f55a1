"""Seconds out of a field that may be a number, text or an expression."""

from __future__ import annotations

from workflows.engine.kinds import YEAR_S
from workflows.engine.steps.context import StepContext, StepFault


def seconds(context: StepContext, name: str, *, at_least: float = 1) -> float | None:
    """The field's value; None when it is not set or empty. Raises StepFault for what is no time up to a year."""
    value = context.value(context.step.config.get(name))
    if value in (None, ""):
        return None
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError:
        number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not at_least <= number <= YEAR_S:
        raise StepFault(f"`{name}` must be a number of seconds from {at_least:g} to a year, not {value!r}.")
    return float(number)
