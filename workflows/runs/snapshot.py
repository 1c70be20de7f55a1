"""The draft as it stands, kept as a version without a number so that a test run has something immutable to run."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final

from automate.lib import clock
from workflows import documents
from workflows.engine.document import digest, dump
from workflows.models import WorkflowTemplate, WorkflowVersion
from workflows.models.template import default_environment_of

STAYS_FRESH: Final = timedelta(hours=12)


def snapshot_of(template: WorkflowTemplate) -> tuple[WorkflowVersion, dict[str, str], uuid.UUID]:
    """The snapshot (one row per content), the draft's connections by slot, and the environment's id."""
    document = documents.load_draft(template)
    version, _ = WorkflowVersion.objects.get_or_create(
        template=template,
        digest=digest(document),
        version_number=None,
        defaults={"tenant_id": template.tenant_id, "workflow_data": dump(document)},
    )
    if version.created_at < clock.now() - STAYS_FRESH:  # pruning leaves alone what was used lately
        WorkflowVersion.objects.filter(pk=version.pk).update(created_at=clock.now())
    bindings = {slot: str(found) for slot, found in documents.bindings_of(template).items() if found}
    return version, bindings, default_environment_of(template).pk
