"""Shapes data: makes an object from expressions, or works on a list with operations in order."""

from __future__ import annotations

from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Done, Outcome, Remember
from workflows.engine.steps.context import StepContext, StepFault
from workflows.engine.steps.list_ops import apply


def begin(context: StepContext) -> Outcome:
    config = context.step.config
    if "set" in config:
        made = context.value(config["set"])
        if not isinstance(made, dict):
            raise StepFault("`set` must be an object of names and values.")
        return Done(made)
    items = _items(context)
    for number, operation in enumerate(config.get("ops") or [], start=1):
        items = apply(operation, items, context, where=f"Operation {number} ({operation.get('op')})")
    first = config.get("give") == "first"
    done = Done((items[0] if items else None) if first else items)
    return Remember(done, tuple(context.new_digests)) if context.new_digests else done


def _items(context: StepContext) -> list[JSON]:
    """A list as it is; an object, a file or a text is a list of itself, null of nothing."""
    value = context.value(context.step.config.get("items"))
    if value is None:
        return []
    if isinstance(value, list):
        return list(value)
    if isinstance(value, dict | str) and value != "":
        return [value]
    raise StepFault("`items` must be a list, a file or a text. Choose a list, or make one with `[ … ]`.")
