"""Ends the run, the item or the loop."""

from workflows.engine.outcome import Done, Outcome, StepError
from workflows.engine.steps.context import StepContext


def begin(context: StepContext) -> Outcome:
    config = context.step.config
    how = config.get("as", "completed")
    output = context.value(config.get("output"))
    message = str(context.value(config.get("message") or ""))
    if how == "next_item":
        return Done(output, (), ends="item")
    if how == "break":
        return Done(output, (), ends="loop")
    if how == "failed":
        said = message or "The workflow was stopped as failed by this step."
        return Done(output, (), ends="run_failed", error=StepError(said, "stopped", context.step.key))
    return Done(output, (), ends="run_completed")
