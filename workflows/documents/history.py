"""Undo and redo: the changes of a draft in a row, and where in that row it stands (`undo_position`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accounts.models import User
from workflows.engine.document import Document, load
from workflows.models import DraftRevision, WorkflowTemplate
from workflows.models.template import MAX_DRAFT_REVISIONS


@dataclass(frozen=True)
class Move:
    document: Document
    label: str
    position: int


def record(
    template: WorkflowTemplate, *, before: dict[str, Any], after: dict[str, Any], label: str, by: User | None
) -> None:
    """Add one change. What was undone before it is gone for good; the oldest ones fall out."""
    rows = DraftRevision.objects.for_tenant(template.tenant_id).filter(template=template)
    position = template.undo_position
    rows.exclude(n__gt=position - MAX_DRAFT_REVISIONS + 1, n__lte=position).delete()
    template.undo_position = position + 1
    template.save(update_fields=["undo_position"])
    DraftRevision.objects.create(
        tenant_id=template.tenant_id,
        template=template,
        n=template.undo_position,
        patch={"before": before, "after": after, "label": label, "version": template.draft_version},
        by=by,
    )


def step_back(template: WorkflowTemplate) -> Move | None:
    row = _row(template, template.undo_position)
    return Move(_read(row.patch["before"]), row.patch["label"], row.n - 1) if row else None


def step_forward(template: WorkflowTemplate) -> Move | None:
    row = _row(template, template.undo_position + 1)
    return Move(_read(row.patch["after"]), row.patch["label"], row.n) if row else None


def labels(template: WorkflowTemplate) -> tuple[str | None, str | None]:
    """What undo and redo would do, for their buttons; None where there is nothing (one SQL query)."""
    position = template.undo_position
    rows = DraftRevision.objects.for_tenant(template.tenant_id).filter(template=template)
    found = dict(rows.filter(n__in=[position, position + 1]).values_list("n", "patch__label"))
    return found.get(position), found.get(position + 1)


def _row(template: WorkflowTemplate, n: int) -> DraftRevision | None:
    return DraftRevision.objects.for_tenant(template.tenant_id).filter(template=template, n=n).first()


def _read(data: dict[str, Any]) -> Document:
    return load(data, complete=False)
