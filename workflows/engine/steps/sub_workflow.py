"""Runs another workflow of the workspace, waiting for its end or not."""

from workflows.engine.outcome import Outcome, StartChild
from workflows.engine.steps.context import StepContext


def begin(context: StepContext) -> Outcome:
    given = context.value(context.step.input)
    return StartChild(str(context.step.config.get("workflow", "")), given, bool(context.step.setting("wait")))
