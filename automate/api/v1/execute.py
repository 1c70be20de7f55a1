"""`/workflows/{id}/execute`: start what is published, and wait for its end if asked to."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from ninja import Field, Header, Query, Router, Schema
from ninja.responses import Status

from automate.api.access import get_workflow
from automate.api.auth import ApiRequest, Token
from automate.api.errors import ApiError
from automate.api.shapes import execution_shape
from automate.api.starting import start
from workflows.ingress.bodies import refuse_file_marks
from workflows.ingress.refusals import Refused
from workflows.models import WorkflowExecution
from workflows.runs.hops import DEPTH_HEADER, depth_of
from workflows.runs.start import DedupConflict
from workflows.runs.wait import wait_for

MAX_WAIT_S = 60

router = Router(tags=["workflows"])
Wait = Annotated[
    float | None, Query(ge=0, le=MAX_WAIT_S, description="Seconds to wait for the end of the run.")
]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", max_length=255, description="A repeated call starts nothing new."),
]


class Start(Schema):
    model_config = {"extra": "forbid"}

    input: Any = Field(default_factory=dict, description="What the run sees as `trigger.body`.")
    trigger: str | None = Field(None, max_length=40, description="Key of the trigger to stand in for.")


@router.post(
    "/{uuid:id}/execute",
    auth=Token("workflow.run"),
    response={200: Any, 202: Any},
    summary="Start a run; 202, or 200 when it ended within `wait` seconds",
)
def execute_workflow(
    request: ApiRequest,
    id: uuid.UUID,
    body: Start | None = None,
    wait: Wait = None,
    idempotency_key: Key = None,
) -> Any:
    template = get_workflow(request, id, "workflow.run")
    given = body or Start(trigger=None)
    _refuse_files(given.input)
    try:
        result = start(
            template,
            input=given.input,
            by=request.user,
            trigger_key=given.trigger,
            idempotency_key=idempotency_key,
            awaited=bool(wait),
            depth=depth_of(request.headers.get(DEPTH_HEADER)),
        )
    except DedupConflict:
        message = "This Idempotency-Key was used before, with another input. Use a new key."
        raise ApiError(409, "conflict", message, "Idempotency-Key") from None
    if result.execution_id is None:
        return Status(202, {"id": None, "execution": None, "status": "skipped"})
    if wait and wait_for(result.execution_id, timeout_s=wait).is_final:
        return Status(200, _shape(request, result.execution_id))
    return Status(
        202,
        {
            "id": str(result.execution_id),
            "execution": str(result.execution_id),
            "duplicate": result.duplicate,
        },
    )


def _shape(request: ApiRequest, execution_id: uuid.UUID) -> dict[str, Any]:
    return execution_shape(WorkflowExecution.objects.for_tenant(request.workspace).get(pk=execution_id))


def _refuse_files(input: Any) -> None:
    try:
        refuse_file_marks(input)
    except Refused as refused:
        raise ApiError(422, "invalid_input", refused.message, "input") from None
