"""Runs an action of an integration: here its input is worked out; the call happens at the edge."""

from workflows.engine.outcome import CallAction, Outcome
from workflows.engine.steps.context import StepContext, StepFault


def begin(context: StepContext) -> Outcome:
    given = context.value(context.step.input)
    if not isinstance(given, dict):
        raise StepFault("The input of an action is an object of field names and values.")
    fixed = context.step.config.get("effect")
    effect = fixed if fixed in ("safe", "unsafe") else context.effect_of(context.step, given)
    return CallAction(given, effect)
