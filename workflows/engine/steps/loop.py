"""Repeats its body: here the items are worked out, and at the end the result."""

from __future__ import annotations

from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Outcome, StartLoop
from workflows.engine.steps.context import StepContext, StepFault


def begin(context: StepContext) -> Outcome:
    if "while" in context.step.config:
        return StartLoop([])
    items = items_of(context.value(context.step.config.get("over")))
    batch = context.setting("batch")
    if isinstance(batch, int) and not isinstance(batch, bool) and batch > 0:
        items = [items[start : start + batch] for start in range(0, len(items), batch)]
    limit = int(context.setting("max_items"))
    if len(items) > limit:
        raise StepFault(
            f"The loop got {len(items):,} items, more than its limit of {limit:,}. "
            "Raise `max_items` (at most 100,000), or give it fewer items.",
            "too_many_items",
        )
    return StartLoop(items)


def items_of(value: JSON) -> list[JSON]:
    """A list as it is; null is no items; an object gives its `{key, value}` pairs."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [{"key": key, "value": inner} for key, inner in value.items()]
    raise StepFault(
        f"The loop needs a list to go through and got {'text' if isinstance(value, str) else value!r}. "
        "Choose a list in its field `over`."
    )


def result(count: int, failed: int, results: list[JSON]) -> dict[str, JSON]:
    """What a loop gives: items started, how many failed, and what each one added, in order."""
    return {"count": count, "failed": failed, "results": results}
