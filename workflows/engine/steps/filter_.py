"""Goes on only if a condition holds; otherwise the branch ends, and inside a loop the item."""

from workflows.engine.conditions import holds
from workflows.engine.outcome import Done, Outcome
from workflows.engine.steps.context import StepContext


def begin(context: StepContext) -> Outcome:
    if holds(context.step.when, context.scope):
        return Done({"passed": True}, ("main",))
    return Done({"passed": False}, (), ends="item")
