"""What the API changes of a workflow besides its document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from workflows import documents
from workflows.models import Folder, WorkflowTemplate
from workflows.publishing import pause, resume

_IN_DOCUMENT = ("name", "description")


@transaction.atomic
def change(template: WorkflowTemplate, given: dict[str, Any], *, by: User) -> None:
    """Apply what is given: all of it or, when one part is refused, nothing. Raises WorkflowError and its kin."""
    texts = {name: given[name] for name in _IN_DOCUMENT if given.get(name) is not None}
    if texts:
        document = replace(documents.load_draft(template), **texts)
        documents.save(template, document, by=by, label="Renamed by the API")
    if given.get("connections"):
        documents.bind(template, given["connections"], by=by)
    _change_shelf(template, given)
    if given.get("is_active") is not None:
        (resume if given["is_active"] else pause)(template, by)


def _change_shelf(template: WorkflowTemplate, given: dict[str, Any]) -> None:
    """Folder and tags: how people keep their workflows, no part of the document."""
    fields = [name for name in ("folder", "tags") if given.get(name) is not None]
    if "folder" in fields:
        name = given["folder"].strip()
        own = {"tenant_id": template.tenant_id, "name": name}
        template.folder = Folder.objects.get_or_create(**own)[0] if name else None
    if "tags" in fields:
        template.tags = list(dict.fromkeys(given["tags"]))
    if fields:
        template.save(update_fields=fields)


@transaction.atomic
def delete(template: WorkflowTemplate, *, by: User) -> None:
    """The workflow, its runs, its own connections. Its webhooks answer 404 from now on."""
    audit.record(template.tenant, by, "workflow.deleted", template, before={"key": template.template_id})
    template.delete()
