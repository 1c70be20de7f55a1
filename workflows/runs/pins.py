"""Pinned outputs: what a step of the draft gives in test runs instead of being run. Never in a published version."""

from __future__ import annotations

from typing import Final

from automate.lib.jsontypes import JSON
from workflows.models import Sample, WorkflowStep, WorkflowTemplate

# Steps that do one thing and go on; what decides the way (conditions, loops, questions) is always run.
PINNABLE: Final = frozenset({"action", "code", "sub_workflow", "transform", "state"})
MAX_PINNED_BYTES: Final = 256 * 1024  # of one output


def pins_of(template: WorkflowTemplate) -> dict[str, JSON]:
    """The pinned outputs of the draft by step key (two SQL queries)."""
    rows = (
        Sample.objects.for_tenant(template.tenant_id)
        .filter(template=template, pinned=True)
        .exclude(step_key="")
    )
    found: dict[str, JSON] = {}
    for key, data in rows.order_by("-id").values_list("step_key", "data"):
        found.setdefault(key, data)
    if not found:
        return {}
    steps = WorkflowStep.objects.for_tenant(template.tenant_id).filter(template=template, key__in=list(found))
    kinds = {key: kind.lower() for key, kind in steps.values_list("key", "type")}
    return {key: data for key, data in found.items() if kinds.get(key) in PINNABLE}
