"""`/workflows`: documents in, documents out; publish, run."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Body, Field, Header, Router, Schema
from ninja.responses import Status

from accounts.models import Environment
from automate.api.access import get_workflow, visible_workflows
from automate.api.auth import ApiRequest, Token
from automate.api.changes import change
from automate.api.errors import ApiError, faulty
from automate.api.pagination import DEFAULT_LIMIT, Cursor, Limit, page
from automate.api.shapes import execution_shapes, version_shapes, workflow_shape, workflow_shapes
from workflows import documents
from workflows.documents.intake import take_in
from workflows.engine.document import dump, load
from workflows.keeping import delete
from workflows.models import WorkflowExecution, WorkflowVersion
from workflows.publishing import NotPublishable, publish

router = Router(tags=["workflows"])
Shape = dict[str, Any]
_YAML_TOO = {"requestBody": {"content": {"application/yaml": {"schema": {"type": "object"}}}}}
Document = Annotated[dict[str, Any], Body(description="A workflow document, `format: automate/1`.")]


class Change(Schema):
    """Only what is given changes. `connections`: slot → id of a connection, null to empty the slot."""

    model_config = {"extra": "forbid"}

    name: str | None = Field(None, min_length=1, max_length=200)
    description: str | None = Field(None, max_length=10_000)
    folder: str | None = Field(
        None, max_length=80, description="Name of a folder, made when new; empty for none."
    )
    tags: list[Annotated[str, Field(min_length=1, max_length=40)]] | None = Field(None, max_length=30)
    is_active: bool | None = Field(None, description="false pauses, true resumes what is published.")
    connections: dict[str, uuid.UUID | None] | None = None


class Publication(Schema):
    model_config = {"extra": "forbid"}

    note: str = Field("", max_length=2_000)
    environment: str | None = Field(None, description="Name of an environment; the default one without it.")


@router.get("", auth=Token("workflow.view"), summary="List workflows")
def list_workflows(
    request: ApiRequest,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    key: str | None = None,
    search: str = "",
) -> Shape:
    rows = visible_workflows(request)
    if key is not None:
        rows = rows.filter(template_id=key)
    if search:
        rows = rows & rows.model.objects.matching(search)
    return page(rows, limit, cursor, workflow_shapes)


@router.post(
    "",
    auth=Token("workflow.edit"),
    response={201: Any},
    openapi_extra=_YAML_TOO,
    summary="Create a workflow from a document",
)
def create_workflow(request: ApiRequest, document: Document) -> Any:
    taken = take_in(request.workspace, document)
    template = documents.create(request.workspace, taken.document, by=request.user)
    return Status(201, workflow_shape(template))


@router.get("/{uuid:id}", auth=Token("workflow.view"), summary="A workflow with its draft")
def get_one_workflow(request: ApiRequest, id: uuid.UUID) -> Shape:
    return workflow_shape(get_workflow(request, id, "workflow.view"))


@router.put("/{uuid:id}", auth=Token("workflow.edit"), openapi_extra=_YAML_TOO, summary="Replace the draft")
def put_workflow(
    request: ApiRequest,
    id: uuid.UUID,
    document: Document,
    if_match: Annotated[str | None, Header(description="The draft_version this change starts from.")] = None,
) -> Shape:
    template = get_workflow(request, id, "workflow.edit")
    taken = take_in(request.workspace, document)
    expected = _draft_version(if_match)
    documents.save(
        template, taken.document, by=request.user, expected_version=expected, label="Replaced by the API"
    )
    return workflow_shape(template)


@router.patch(
    "/{uuid:id}", auth=Token("workflow.edit"), summary="Change name, folder, tags, or whether it is active"
)
def patch_workflow(request: ApiRequest, id: uuid.UUID, changes: Change) -> Shape:
    template = get_workflow(request, id, "workflow.edit")
    if changes.is_active is not None:
        get_workflow(request, id, "workflow.publish")
    change(template, changes.dict(exclude_unset=True), by=request.user)
    return workflow_shape(template)


@router.delete(
    "/{uuid:id}",
    auth=Token("workflow.delete"),
    response={204: None},
    summary="Delete a workflow with its runs",
)
def delete_workflow(request: ApiRequest, id: uuid.UUID) -> HttpResponse:
    delete(get_workflow(request, id, "workflow.delete"), by=request.user)
    return HttpResponse(status=204)


@router.post("/{uuid:id}/publish", auth=Token("workflow.publish"), summary="Publish the draft")
def publish_workflow(request: ApiRequest, id: uuid.UUID, body: Publication | None = None) -> Shape:
    template = get_workflow(request, id, "workflow.publish")
    given = body or Publication(note="", environment=None)
    try:
        publish(
            template, by=request.user, note=given.note, environment=_environment(request, given.environment)
        )
    except NotPublishable as error:
        raise faulty("not_publishable", error.faults) from None
    return workflow_shape(template)


@router.get("/{uuid:id}/versions", auth=Token("workflow.view"), summary="Published versions")
def list_versions(
    request: ApiRequest, id: uuid.UUID, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Shape:
    template = get_workflow(request, id, "workflow.view")
    rows = WorkflowVersion.objects.for_tenant(request.workspace).numbered().filter(template=template)
    return page(rows, limit, cursor, version_shapes)


@router.get(
    "/{uuid:id}/versions/{int:number}",
    auth=Token("workflow.view"),
    summary="A published version with its document",
)
def get_version(request: ApiRequest, id: uuid.UUID, number: int) -> Shape:
    template = get_workflow(request, id, "workflow.view")
    rows = WorkflowVersion.objects.for_tenant(request.workspace).filter(
        template=template, version_number=number
    )
    version = rows.first()
    if version is None:
        raise ApiError(404, "not_found", f"This workflow has no version {number}.")
    return {**version_shapes([version])[0], "document": dump(load(version.workflow_data))}


@router.get("/{uuid:id}/executions", auth=Token("execution.view"), summary="Runs of this workflow")
def list_workflow_executions(
    request: ApiRequest, id: uuid.UUID, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Shape:
    template = get_workflow(request, id, "execution.view")
    rows = WorkflowExecution.objects.for_tenant(request.workspace).filter(template=template)
    return page(rows, limit, cursor, execution_shapes)


def _draft_version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ApiError(
            422,
            "invalid",
            "If-Match takes the draft_version you started from, such as `If-Match: 7`.",
            "If-Match",
        )
    return int(text)


def _environment(request: ApiRequest, name: str | None) -> Environment | None:
    if name is None:
        return None
    found = Environment.objects.for_tenant(request.workspace).filter(name=name).first()
    if found is None:
        raise ApiError(
            422, "invalid", f"This workspace has no environment called {name[:60]!r}.", "environment"
        )
    return found
