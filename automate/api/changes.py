"""`PATCH /workflows/{id}`: what changes of a workflow besides its document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction

from accounts.models import User
from workflows import documents, keeping
from workflows.models import WorkflowTemplate
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
    keeping.file_under(template, folder=given.get("folder"), tags=given.get("tags"))
    if given.get("is_active") is not None:
        (resume if given["is_active"] else pause)(template, by)
