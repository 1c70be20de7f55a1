"""Answers the request that started the run. The output is the answer: the hook sends it."""

from __future__ import annotations

from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Done, Outcome
from workflows.engine.steps.context import StepContext, StepFault

BODIES = ("json", "text", "html", "file")


def begin(context: StepContext) -> Outcome:
    config = context.step.config
    status = context.setting("status")
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise StepFault(f"The status must be a whole number from 200 to 599, not {status!r}.")
    headers = context.value(config.get("headers") or {})
    if not isinstance(headers, dict):
        raise StepFault("The headers must be an object of names and texts.")
    answer: dict[str, JSON] = {
        "status": status,
        "headers": {name: str(value) for name, value in headers.items()},
    }
    for body in BODIES:
        if body in config:
            answer[body] = context.value(config[body])
    return Done(answer)
