"""What people do with a published version: take it back into the draft, say that nobody should go back to it."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from automate.lib import clock
from workflows import documents
from workflows.engine.document import load
from workflows.models import WorkflowTemplate, WorkflowVersion


def restore(template: WorkflowTemplate, version: WorkflowVersion, *, by: User) -> bool:
    """Make the draft what this version was, as one change that can be undone; False: it was that already.

    What is live stays as it is, and so do the workflow's key and, where the slots are the same, its connections.
    """
    before = template.draft_version
    document = replace(load(version.workflow_data), key=template.template_id)
    label = f"Restored version {version.version_number}"
    documents.save(template, document, by=by, label=label)
    return template.draft_version != before


@transaction.atomic
def deprecate(version: WorkflowVersion, *, by: User, note: str = "") -> None:
    """Nobody is offered to go back to it from now on; `note` says why."""
    version.deprecated_at, version.deprecation_note = clock.now(), note
    version.save(update_fields=["deprecated_at", "deprecation_note"])
    after = {"version": version.version_number, "note": note}
    record(version.tenant, by, "workflow.version_deprecated", version.template, after=after)


@transaction.atomic
def reinstate(version: WorkflowVersion, *, by: User) -> None:
    """As if it had not been deprecated."""
    version.deprecated_at, version.deprecation_note = None, ""
    version.save(update_fields=["deprecated_at", "deprecation_note"])
    after = {"version": version.version_number}
    record(version.tenant, by, "workflow.version_reinstated", version.template, after=after)
