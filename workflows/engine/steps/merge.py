"""Where branches meet. The planner decides when; the output says which branches came."""

from workflows.engine.outcome import Done, Outcome
from workflows.engine.steps.context import StepContext


def begin(context: StepContext) -> Outcome:
    taken = list(context.taken)
    first = context.output_of(taken[0]) if taken else None
    return Done({"taken": list(taken), "first": first})
