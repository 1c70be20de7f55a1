"""`/executions`: what ran, step by step; cancel, retry, answer."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import HttpResponse
from ninja import Field, Header, Query, Router, Schema
from ninja.responses import Status

from accounts.request import client_ip
from automate.api.access import get_execution, visible_workflows
from automate.api.auth import ApiRequest, Token
from automate.api.errors import ApiError
from automate.api.pagination import DEFAULT_LIMIT, Cursor, Limit, page
from automate.api.shapes import execution_shape, execution_shapes, run_output, step_shapes
from automate.lib.ids import uuid7
from workflows.access import may
from workflows.models import ActiveRun, StepExecution, WorkflowExecution, WorkflowTemplate
from workflows.runs.answer import answer_unknown
from workflows.runs.answers import AlreadyAnswered, Given, MayNotAnswer, NotAnswerable, answer_as_member
from workflows.runs.bulk import failed_ones, retry_all
from workflows.runs.cancel import cancel
from workflows.runs.retry import retry
from workflows.runs.search import Search, search

router = Router(tags=["executions"])
Shape = dict[str, Any]
StatusWord = Literal[
    "PENDING", "RUNNING", "WAITING", "NEEDS_ATTENTION", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"
]


class Retry(Schema):
    model_config = {"extra": "forbid", "populate_by_name": True}

    start: str = Field(
        "failed", alias="from", max_length=300, description="`failed`, `start`, or the path of a step."
    )
    version: Literal["same", "newest"] = "same"
    input: Any = None


TriggerWord = Literal[
    "MANUAL", "WEBHOOK", "SCHEDULED", "POLLING", "EVENT", "FORM", "EMAIL", "WORKFLOW", "FAILURE"
]


class Wanted(Schema):
    """Which runs; what is not given narrows nothing."""

    model_config = {"extra": "forbid", "populate_by_name": True}

    workflow: uuid.UUID | None = None
    trigger_type: TriggerWord | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str = Field("", max_length=200)


class BulkRetry(Wanted):
    start: Literal["failed", "start"] = Field("failed", alias="from")
    version: Literal["same", "newest"] = "same"


class Answer(Schema):
    """`rerun`, `done` and `fail` answer a step whose outcome nobody knows; `approve` and `reject` an approval."""

    model_config = {"extra": "forbid"}

    step: str = Field(max_length=300, description="Path of the step.")
    answer: Literal["rerun", "done", "fail", "approve", "reject"]
    output: Any = None
    comment: str = Field("", max_length=2_000)
    answers: dict[str, Any] | None = None


@router.get("", auth=Token("execution.view"), summary="List runs, newest first")
def list_executions(
    request: ApiRequest,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    workflow: uuid.UUID | None = None,
    status: StatusWord | None = None,
    trigger_type: TriggerWord | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    q: Annotated[str, Query(max_length=200, description="Words in the input, output, error or steps.")] = "",
) -> Shape:
    wanted = Wanted(workflow=workflow, trigger_type=trigger_type, since=since, until=until, q=q)
    rows, found = _wanted(request, wanted)
    if status is not None:
        rows = rows.filter(status=status)
    shape = page(rows, limit, cursor, execution_shapes)
    return {**shape, "note": found.note} if found and found.note else shape


@router.post(
    "/retry",
    auth=Token("execution.retry"),
    response={202: Any},
    summary="Run failed runs again, each as a new run: the newest 200 that fit",
)
def retry_executions(
    request: ApiRequest,
    body: BulkRetry | None = None,
    idempotency_key: Annotated[
        uuid.UUID | None,
        Header(
            alias="Idempotency-Key", description="A UUID version 7: the same one twice starts nothing new."
        ),
    ] = None,
) -> Any:
    given = body or BulkRetry.model_validate({})
    press = idempotency_key or uuid7()
    if press.version != 7:
        message = (
            "Give a UUID version 7, made at the moment of your decision: runs that fail later are left out."
        )
        raise ApiError(422, "invalid", message, "Idempotency-Key")
    rows = failed_ones(_wanted(request, given)[0], press)
    mine = [pk for pk in _templates(rows) if not _may_retry(request, pk)]
    done = retry_all(
        rows.exclude(template_id__in=mine), press, start=given.start, version=given.version, by=request.user
    )
    return Status(202, {"items": [str(new) for new in done.started], "refused": done.refused})


def _wanted(request: ApiRequest, wanted: Wanted) -> tuple[QuerySet[WorkflowExecution], Search | None]:
    """The runs that are asked for, and the search behind them if there was one."""
    rows: QuerySet[WorkflowExecution] = WorkflowExecution.objects.for_tenant(request.workspace)
    rows = rows.filter(template__in=visible_workflows(request).values("pk"))
    if wanted.workflow is not None:
        rows = rows.filter(template_id=wanted.workflow)
    if wanted.trigger_type is not None:
        rows = rows.filter(trigger_type=wanted.trigger_type)
    if wanted.since is not None:
        rows = rows.filter(created_at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(created_at__lt=wanted.until)
    found = search(request.workspace.pk, wanted.q, rows) if wanted.q.strip() else None
    return (rows.filter(found.found), found) if found else (rows, None)


def _templates(rows: QuerySet[WorkflowExecution]) -> list[uuid.UUID]:
    return list(rows.order_by().values_list("template_id", flat=True).distinct())


def _may_retry(request: ApiRequest, template_id: uuid.UUID) -> bool:
    return may(request.user, WorkflowTemplate.objects.get(pk=template_id), "execution.retry")


@router.get("/{uuid:id}", auth=Token("execution.view"), summary="A run with its steps")
def get_one_execution(request: ApiRequest, id: uuid.UUID) -> Shape:
    return execution_shape(get_execution(request, id))


@router.get(
    "/{uuid:id}/events",
    auth=Token("execution.view"),
    response={200: Any, 204: None},
    summary="What is new in a run",
)
def get_events(
    request: ApiRequest,
    id: uuid.UUID,
    seq: Annotated[
        int | None, Query(ge=0, description="The `seq` seen last: 204 when nothing is new.")
    ] = None,
) -> Any:
    execution = get_execution(request, id)
    active = ActiveRun.objects.filter(pk=execution.pk).values("seq", "progress").first()
    now = max(execution.seq, active["seq"] if active else 0)
    if seq is not None and seq >= now and not (execution.is_final and execution.seq > seq):
        return HttpResponse(status=204)
    steps = (
        StepExecution.objects.for_tenant(request.workspace).filter(execution_id=execution.pk).order_by("id")
    )
    return {
        "seq": now,
        "status": execution.status,
        "progress": active["progress"] if active else {},
        "steps": step_shapes(steps),
        "output": run_output(execution),
        "error": execution.error,
    }


@router.post("/{uuid:id}/cancel", auth=Token("execution.cancel"), summary="Stop a run")
def cancel_execution(request: ApiRequest, id: uuid.UUID) -> Shape:
    execution = get_execution(request, id, "execution.cancel")
    if not cancel(execution, by=request.user):
        raise ApiError(409, "already_ended", f"This run has ended already: {execution.status}.")
    return execution_shape(get_execution(request, id))


@router.post(
    "/{uuid:id}/retry", auth=Token("execution.retry"), response={202: Any}, summary="Run again, as a new run"
)
def retry_execution(request: ApiRequest, id: uuid.UUID, body: Retry | None = None) -> Any:
    execution = get_execution(request, id, "execution.retry")
    given = body or Retry.model_validate({})
    new = retry(execution, start=given.start, version=given.version, input=given.input, by=request.user)
    return Status(202, {"id": str(new)})


@router.post("/{uuid:id}/answer", auth=Token("execution.retry"), summary="Answer what a run asks")
def answer_execution(request: ApiRequest, id: uuid.UUID, body: Answer) -> Shape:
    execution = get_execution(request, id, "execution.retry")
    if body.answer == "approve" or body.answer == "reject":
        _decide(request, execution, body)
        return execution_shape(get_execution(request, id))
    answer_unknown(execution, body.step, body.answer, output=body.output, by=request.user)
    return execution_shape(get_execution(request, id))


def _decide(request: ApiRequest, execution: WorkflowExecution, body: Answer) -> None:
    """Raises ApiError: 409 for a second answer, one too late, and a step that asks nobody."""
    given = Given(body.answer == "approve", body.comment, body.answers)
    try:
        answer_as_member(execution, body.step, given, user=request.user, ip=client_ip(request))
    except AlreadyAnswered as reason:
        who = f" by {reason.vote.by}: {reason.vote.word}, {reason.vote.at}" if reason.vote else ""
        raise ApiError(
            409, "already_answered", f"The step `{body.step}` was answered before{who}.", "step"
        ) from None
    except NotAnswerable as reason:
        raise ApiError(
            409, "not_asked", f"The step `{body.step}` waits for no answer. {reason.message}", "step"
        ) from None
    except MayNotAnswer as reason:
        raise ApiError(403, "forbidden", reason.message, "step") from None
