"""`/workflows/{id}/events` and `/requests`: why it did not run, and what came in."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Field, Header, Query, Router, Schema
from ninja.responses import Status

from automate.api.access import get_workflow
from automate.api.auth import ApiRequest, Token
from automate.api.errors import ApiError
from automate.api.pagination import DEFAULT_LIMIT, Cursor, Limit, page
from automate.api.shapes import picked
from automate.lib.ids import uuid7
from workflows import documents
from workflows.ingress import requests
from workflows.models import LiveTrigger, RunEvent, WorkflowTemplate

router = Router(tags=["workflows"])
Shape = dict[str, Any]
Kind = Literal["RECORDED", "DUPLICATE", "REJECTED", "SKIPPED", "FILTERED", "FIRED", "RECOVERED", "CHANGED"]
Trigger = Annotated[
    str | None, Query(max_length=40, description="Key of the trigger; the first one without it.")
]


class Replay(Schema):
    model_config = {"extra": "forbid"}

    to: Literal["draft", "live"] = Field(
        "draft", description="A test run of the draft, or what is published."
    )


@router.get("/{uuid:id}/events", auth=Token("execution.view"), summary="Why it did or did not run")
def list_events(
    request: ApiRequest,
    id: uuid.UUID,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    kind: Kind | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Shape:
    template = get_workflow(request, id, "execution.view")
    rows = RunEvent.objects.for_tenant(request.workspace).filter(template=template)
    if kind is not None:
        rows = rows.filter(kind=kind)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    return page(rows, limit, cursor, _event_shapes)


@router.get("/{uuid:id}/requests", auth=Token("execution.view"), summary="The newest requests of a trigger")
def list_requests(request: ApiRequest, id: uuid.UUID, trigger: Trigger = None) -> Shape:
    template = get_workflow(request, id, "execution.view")
    found = requests.recent(template, _live(template, trigger))
    return {"items": [_request_shape(one) for one in found], "next": None}


@router.get(
    "/{uuid:id}/requests/{uuid:request_id}", auth=Token("execution.view"), summary="A request with its data"
)
def get_request(request: ApiRequest, id: uuid.UUID, request_id: uuid.UUID, trigger: Trigger = None) -> Shape:
    template = get_workflow(request, id, "execution.view")
    one = _one(template, _live(template, trigger), request_id)
    return {**_request_shape(one), "data": requests.data_of(template, request_id)}


@router.post(
    "/{uuid:id}/requests/{uuid:request_id}/replay",
    auth=Token("workflow.run"),
    response={202: Any},
    summary="Start a run with what came in",
)
def replay_request(
    request: ApiRequest,
    id: uuid.UUID,
    request_id: uuid.UUID,
    body: Replay | None = None,
    trigger: Trigger = None,
    idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key", max_length=150)] = None,
) -> Any:
    template = get_workflow(request, id, "workflow.run")
    live = _live(template, trigger)
    _one(template, live, request_id)
    if body is not None and body.to == "live":
        press = idempotency_key or str(uuid7())
        result = requests.replay(template, live, request_id, press=press, by=request.user)
        return Status(202, {"id": str(result.execution_id) if result.execution_id else None})
    return Status(202, {"id": str(requests.replay_to_draft(template, live, request_id, by=request.user))})


def _live(template: WorkflowTemplate, key: str | None) -> LiveTrigger:
    found = {name: row for name, row in documents.addresses(template).items() if row.token}
    row = found.get(key) if key else next(iter(found.values()), None)
    if row is None:
        raise ApiError(404, "not_found", "This workflow has no such trigger that can be called.", "trigger")
    return row


def _one(template: WorkflowTemplate, live: LiveTrigger, request_id: uuid.UUID) -> requests.Request:
    one = requests.one(template, live, request_id)
    if one is None:
        raise ApiError(404, "not_found", "This is none of the newest requests of the trigger.")
    return one


def _request_shape(one: requests.Request) -> Shape:
    return {
        "id": str(one.id),
        "at": one.at.isoformat(),
        "trigger": one.trigger_key,
        "outcome": one.outcome,
        "note": one.note,
        "execution": str(one.execution_id) if one.execution_id else None,
        "status": one.status or None,
    }


def _event_shapes(rows: Sequence[RunEvent]) -> list[Shape]:
    names = ("id", "at", "kind", "message", "trigger_key", "data")
    return [
        {**picked(row, names), "execution": str(row.execution_id) if row.execution_id else None}
        for row in rows
    ]
