"""What people do with a whole workflow: copy it, put it away and bring it back, file it, throw it away."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from integrations.connections import delete_connection
from integrations.models import UserIntegration
from workflows import documents
from workflows.engine.words import listed
from workflows.errors import ConnectionRefused, NothingPublished
from workflows.models import (
    ActiveRun,
    Deployment,
    Favourite,
    Folder,
    LiveTrigger,
    WorkflowExecution,
    WorkflowTemplate,
    WorkflowVersion,
)
from workflows.publishing import pause, resume
from workflows.runs.deletion import delete_runs
from workflows.triggers import errands, subscriptions

STATUS: Final = WorkflowTemplate.Status
COUNTED: Final = 10_000  # runs are counted up to here for the question before deleting
BEFORE: Final = "before_archive"  # key of `metadata`: {status, was_active}
MAX_NAME: Final = 200


@dataclass(frozen=True)
class Losses:
    """What goes when a workflow is deleted. `runs` may stand for more: see COUNTED."""

    runs: int
    under_way: int
    versions: int
    addresses: int
    connections: list[str]

    def sentence(self) -> str:
        """All of it in one sentence."""
        runs = f"more than {COUNTED:,}" if self.runs > COUNTED else f"{self.runs:,}"
        parts = ["its draft", _counted(self.versions, "version"), _counted(self.runs, "run", shown=runs)]
        if self.addresses:
            parts.append(_counted(self.addresses, "webhook address", plural="webhook addresses"))
        if self.connections:
            named = listed(self.connections, "and")
            parts.append(f"the connection{'s' if len(self.connections) > 1 else ''} {named} of its own")
        return f"This deletes {listed(parts, 'and')}. It cannot be undone."


def copy(template: WorkflowTemplate, *, by: User) -> WorkflowTemplate:
    """A new workflow with the same draft, and those of its connections that this person may use."""
    name = f"{template.name[: MAX_NAME - 7]} (copy)"
    document = replace(documents.load_draft(template), name=name)
    return documents.create(
        template.tenant,
        document,
        by=by,
        bindings=_usable(template, by),
        folder=template.folder,
        tags=template.tags,
    )


@transaction.atomic
def archive(template: WorkflowTemplate, *, by: User) -> None:
    """Put it away: out of the lists, and nothing starts it. Runs under way go on; all of it can be brought back."""
    documents.lock(template)
    if template.status == STATUS.ARCHIVED:
        return
    template.metadata[BEFORE] = {"status": template.status, "was_active": template.is_active}
    pause(template, by)
    _store_status(template, STATUS.ARCHIVED)
    record(template.tenant, by, "workflow.archived", template)


@transaction.atomic
def bring_back(template: WorkflowTemplate, *, by: User) -> None:
    """As it was before it was put away: active again if it was active then."""
    documents.lock(template)
    if template.status != STATUS.ARCHIVED:
        return
    before = template.metadata.pop(BEFORE, {})
    published = template.deployments.exists()
    status = before.get("status") or (STATUS.PUBLISHED if published else STATUS.DRAFT)
    _store_status(template, status)
    if before.get("was_active"):
        with suppress(NothingPublished):
            resume(template, by)
    record(template.tenant, by, "workflow.brought_back", template)


def file_under(
    template: WorkflowTemplate, *, folder: str | None = None, tags: Iterable[str] | None = None
) -> None:
    """Folder (made when new, none for an empty name) and tags: no part of the document. None leaves as it is."""
    fields = []
    if folder is not None:
        name = folder.strip()
        template.folder = _folder(template, name) if name else None
        fields.append("folder")
    if tags is not None:
        template.tags = list(dict.fromkeys(tags))
        fields.append("tags")
    if fields:
        template.save(update_fields=fields)


def star(template: WorkflowTemplate, user: User) -> bool:
    """Turn this person's star on or off; what it is now."""
    deleted, _ = Favourite.objects.filter(template=template, user=user).delete()
    if not deleted:
        Favourite.objects.get_or_create(
            template=template, user=user, defaults={"tenant_id": template.tenant_id}
        )
    return not deleted


def losses(template: WorkflowTemplate) -> Losses:
    """What deleting it would take along (five SQL queries)."""
    tenant = template.tenant_id
    runs = WorkflowExecution.objects.for_tenant(tenant).filter(template=template)
    live = LiveTrigger.objects.for_tenant(tenant).filter(template=template).exclude(token=None)
    return Losses(
        runs=runs.order_by()[: COUNTED + 1].count(),
        under_way=ActiveRun.objects.filter(tenant_id=tenant, workflow=template).count(),
        versions=template.versions.numbered().count(),
        addresses=live.count(),
        connections=[connection.name for connection in _own_connections(template)],
    )


def delete(template: WorkflowTemplate, *, by: User, ip: str | None = None) -> None:
    """The workflow, its runs, its own connections. Its webhooks answer 404 from the first step on.

    Call it outside a transaction: runs go in batches, and connections are revoked at their services (one HTTP call
    each, where there is something to revoke). When it is cut short the workflow is still there, archived and without
    triggers: delete it again. Raises WorkflowTemplate.DoesNotExist when somebody else was faster.
    """
    tenant, key = template.tenant, template.pk
    runs = WorkflowExecution.objects.for_tenant(tenant).filter(template_id=key)
    with transaction.atomic():
        documents.lock(template)
        ended = subscriptions.end_all(template)
        _retire(template)
    errands.do_now(ended)  # while the connections are still there
    delete_runs(runs)
    for connection in _own_connections(template):
        delete_connection(connection, by=by, ip=ip)
    with transaction.atomic():
        record(tenant, by, "workflow.deleted", template, before={"key": template.template_id}, ip=ip)
        _delete_versions(template)
        template.delete()
    delete_runs(runs)  # started meanwhile by somebody who had read the deployment before it went


def _folder(template: WorkflowTemplate, name: str) -> Folder:
    return Folder.objects.get_or_create(tenant_id=template.tenant_id, name=name)[0]


def _store_status(template: WorkflowTemplate, status: str) -> None:
    template.status = status
    template.save(update_fields=["status", "metadata"])


def _usable(template: WorkflowTemplate, by: User) -> documents.Bindings:
    found = {}
    for key, connection_id in documents.bindings_of(template).items():
        with suppress(ConnectionRefused):
            documents.usable_connections(template.tenant_id, by, {key: connection_id})
            found[key] = connection_id
    return found


def _own_connections(template: WorkflowTemplate) -> list[UserIntegration]:
    rows = UserIntegration.objects.for_tenant(template.tenant_id).filter(workflow=template)
    return list(rows.select_related("integration", "tenant").order_by("name"))


def _retire(template: WorkflowTemplate) -> None:
    """Nothing starts it any more. Receipts go with their triggers."""
    LiveTrigger.objects.for_tenant(template.tenant_id).filter(template=template).delete()
    Deployment.objects.for_tenant(template.tenant_id).filter(template=template).delete()
    template.status = STATUS.ARCHIVED
    template.save(update_fields=["status"])


def _delete_versions(template: WorkflowTemplate) -> None:
    """In one statement: Django would look for their runs first, in a table that has no index for the question."""
    versions = WorkflowVersion.objects.for_tenant(template.tenant_id).filter(template=template)
    versions._raw_delete(versions.db)  # as `delete`, without reading the rows first


def _counted(number: int, word: str, *, plural: str = "", shown: str = "") -> str:
    return f"{shown or f'{number:,}'} {word if number == 1 else plural or word + 's'}"
