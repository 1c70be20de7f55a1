"""Waits until somebody calls the step's address; what they send is the output."""

from workflows.engine.outcome import AwaitCall, Outcome
from workflows.engine.steps.context import StepContext
from workflows.engine.steps.durations import seconds


def begin(context: StepContext) -> Outcome:
    return AwaitCall(seconds(context, "timeout_s"))
