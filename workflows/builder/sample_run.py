"""The run whose data the builder shows, where somebody chose one: kept with the draft, not in documents."""

from __future__ import annotations

import uuid

from django.db import transaction

from workflows.models import Sample, WorkflowExecution, WorkflowTemplate

_KEY = "sample_run"  # of WorkflowTemplate.metadata


def choose(template: WorkflowTemplate, execution: WorkflowExecution | None) -> None:
    """Show this run's data from now on; None: the newest data again."""
    with transaction.atomic():
        row = WorkflowTemplate.objects.select_for_update().get(pk=template.pk)
        kept = {name: value for name, value in row.metadata.items() if name != _KEY}
        row.metadata = kept | ({_KEY: str(execution.pk)} if execution else {})
        row.save(update_fields=["metadata"])
        # what was pinned to a trigger before would hide the data of the run
        pinned = Sample.objects.for_tenant(row.tenant_id).filter(template=row, pinned=True, step_key="")
        pinned.update(pinned=False)
    template.metadata = row.metadata


def chosen(template: WorkflowTemplate) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(template.metadata.get(_KEY)))
    except ValueError:
        return None
