"""`/library`: ready workflows, and adding one to the workspace."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.http import Http404
from ninja import Router
from ninja.responses import Status

from automate.api.auth import ApiRequest, Token
from automate.api.pagination import DEFAULT_LIMIT, Cursor, Limit, page
from automate.api.shapes import picked, workflow_shape
from workflows import gallery
from workflows.models import WorkflowTemplateLibrary

router = Router(tags=["library"])
FIELDS = (
    *(
        "id",
        "slug",
        "name",
        "description",
        "category",
        "source_apps",
        "destination_apps",
        "required_integrations",
    ),
    *("is_featured", "is_premium", "uses"),
)


@router.get("", auth=Token("workflow.view"), summary="List templates")
def list_library(
    request: ApiRequest,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    search: str = "",
    category: str | None = None,
) -> dict[str, Any]:
    rows = WorkflowTemplateLibrary.objects.offered_to(request.workspace).matching(search)
    if category is not None:
        rows = rows.filter(category=category)
    return page(rows, limit, cursor, _shapes)


@router.get("/{uuid:id}", auth=Token("workflow.view"), summary="A template with its document")
def get_library_entry(request: ApiRequest, id: uuid.UUID) -> dict[str, Any]:
    entry = _get(request, id)
    return {**picked(entry, FIELDS), "document": entry.template_data}


@router.post(
    "/{uuid:id}/use",
    auth=Token("workflow.edit"),
    response={201: Any},
    summary="Make a workflow of a template",
)
def use_library_entry(request: ApiRequest, id: uuid.UUID) -> Any:
    entry = _get(request, id)
    template = gallery.use(entry, request.workspace, by=request.user)
    return Status(201, workflow_shape(template))


def _get(request: ApiRequest, id: uuid.UUID) -> WorkflowTemplateLibrary:
    entry = WorkflowTemplateLibrary.objects.offered_to(request.workspace).filter(pk=id).first()
    if entry is None:
        raise Http404
    return entry


def _shapes(entries: Sequence[WorkflowTemplateLibrary]) -> list[dict[str, Any]]:
    return [picked(entry, FIELDS) for entry in entries]
