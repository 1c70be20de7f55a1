"""Shapes data: makes an object from expressions, or works on a list with operations in order."""

from __future__ import annotations

from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Done, Outcome
from workflows.engine.steps.context import StepContext, StepFault
from workflows.engine.steps.list_ops import apply


def begin(context: StepContext) -> Outcome:
    config = context.step.config
    if "set" in config:
        made = context.value(config["set"])
        if not isinstance(made, dict):
            raise StepFault("`set` must be an object of names and values.")
        return Done(made)
    items = context.value(config.get("items"))
    if items is None:
        items = []
    if not isinstance(items, list):
        raise StepFault("`items` must be a list. Choose a list, or make one with `[ … ]`.")
    result: list[JSON] = list(items)
    for number, operation in enumerate(config.get("ops") or [], start=1):
        result = apply(operation, result, context, where=f"Operation {number} ({operation.get('op')})")
    return Done(result)
