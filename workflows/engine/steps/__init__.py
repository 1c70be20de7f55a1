"""One file per type of step. Each has `begin(context) -> Outcome`: pure, quick, without any input or output."""

from __future__ import annotations

from collections.abc import Callable

from automate.lib.expressions import ExpressionError
from workflows.engine.errors import ConditionError
from workflows.engine.outcome import Failed, Outcome, StepError
from workflows.engine.steps import (
    action,
    approval,
    callback,
    code,
    condition,
    delay,
    filter_,
    loop,
    merge,
    respond,
    state,
    stop,
    sub_workflow,
    transform,
)
from workflows.engine.steps.context import StepContext, StepFault

BEGIN: dict[str, Callable[[StepContext], Outcome]] = {
    "action": action.begin,
    "approval": approval.begin,
    "callback": callback.begin,
    "code": code.begin,
    "condition": condition.begin,
    "delay": delay.begin,
    "filter": filter_.begin,
    "loop": loop.begin,
    "merge": merge.begin,
    "respond": respond.begin,
    "state": state.begin,
    "stop": stop.begin,
    "sub_workflow": sub_workflow.begin,
    "transform": transform.begin,
}
RUNNABLE_TYPES = frozenset(BEGIN)


def begin(context: StepContext) -> Outcome:
    """Start a step. Whatever is wrong with its fields comes back as `Failed`, never as an exception."""
    try:
        return BEGIN[context.step.type](context)
    except ExpressionError as error:
        return failed(context, error.message, "expression")
    except (StepFault, ConditionError) as error:
        return failed(context, str(error), getattr(error, "code", "condition"))


def failed(context: StepContext, message: str, code: str) -> Failed:
    return Failed(StepError(message, code, context.step.key))
