"""The newest requests of a webhook or form: runs hold what they were started with, samples hold the rest.

So a call that starts a run is kept once, in the run, and looking back costs the one who looks.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.db import transaction

from accounts.models import User
from automate.lib import clock
from automate.lib.jsontypes import JSON, dumps
from workflows.errors import WorkflowError
from workflows.models import Deployment, LiveTrigger, Sample, TriggerType, WorkflowExecution, WorkflowTemplate
from workflows.runs.start import Receipt, StartResult, start_run, start_test_run

KEPT: Final = 50  # requests that are listed for one trigger
Outcome = Sample.Outcome


class NotReplayable(WorkflowError):
    """The request cannot be sent again as asked."""


@dataclass(frozen=True)
class Request:
    """One call that came in. `id`: of the run that it started, else of its sample."""

    id: uuid.UUID
    at: datetime
    trigger_key: str
    outcome: str
    note: str = ""
    execution_id: uuid.UUID | None = None
    number: int | None = None
    status: str = ""
    pinned: bool = False

    @property
    def words(self) -> str:
        return Outcome(self.outcome).label if self.outcome in Outcome.values else Outcome.RECORDED.label


def recent(template: WorkflowTemplate, live: LiveTrigger, since: uuid.UUID | None = None) -> list[Request]:
    """The newest KEPT requests, without their data; `since`: only those after this one (two SQL queries)."""
    runs = _runs(template, live)
    samples = _samples(template, live.key)
    if since is not None:
        runs, samples = runs.filter(pk__gt=since), samples.filter(pk__gt=since)
    started = [
        Request(pk, at, live.key, Outcome.STARTED, execution_id=pk, number=number, status=status)
        for pk, at, number, status in runs.values_list("pk", "created_at", "number", "status")[:KEPT]
    ]
    known = {request.id for request in started}
    columns = ("pk", "created_at", "outcome", "note", "execution_id", "pinned")
    kept = [
        Request(pk, at, live.key, outcome or Outcome.RECORDED, note, run, pinned=pinned)
        for pk, at, outcome, note, run, pinned in samples.values_list(*columns)[: 2 * KEPT]
        if run is None or run not in known
    ]
    return sorted([*started, *kept], key=lambda request: request.id, reverse=True)[:KEPT]


def data_of(template: WorkflowTemplate, request_id: uuid.UUID) -> dict[str, JSON] | None:
    """What came in, as a run sees it as `trigger`; None when it is not kept (any more)."""
    runs = WorkflowExecution.objects.for_tenant(template.tenant_id).filter(template=template)
    given = runs.filter(pk=request_id).values_list("input", flat=True).first()
    if given is None:
        rows = Sample.objects.for_tenant(template.tenant_id).filter(template=template, step_key="")
        given = rows.filter(pk=request_id).values_list("data", flat=True).first()
        given = given or rows.filter(execution_id=request_id).values_list("data", flat=True).first()
    return given if isinstance(given, dict) else None


def one(template: WorkflowTemplate, live: LiveTrigger, request_id: uuid.UUID) -> Request | None:
    """One of the requests that are listed."""
    return next((request for request in recent(template, live) if request.id == request_id), None)


def keep_as_sample(template: WorkflowTemplate, live: LiveTrigger, request_id: uuid.UUID) -> None:
    """Let the builder show this request, until another one is chosen. Raises NotReplayable when it is not kept."""
    data = data_of(template, request_id)
    if data is None:
        raise NotReplayable("The data of this request is not kept (any more). Choose another one.")
    rows = Sample.objects.for_tenant(template.tenant_id).filter(
        template=template, trigger_key=live.key, step_key=""
    )
    with transaction.atomic():
        rows.filter(pinned=True, source=Sample.Source.PINNED).delete()
        rows.filter(pinned=True).update(pinned=False)
        Sample.objects.create(
            tenant_id=template.tenant_id, template=template, trigger_key=live.key, data=data, pinned=True,
            source=Sample.Source.PINNED,
        )  # fmt: skip


def replay_to_draft(
    template: WorkflowTemplate, live: LiveTrigger, request_id: uuid.UUID, *, by: User
) -> uuid.UUID:
    """Run the draft on what came in, as a test. Raises NotReplayable."""
    return start_test_run(template, trigger=_given(template, live, request_id), trigger_type=live.type, by=by)


def replay(
    template: WorkflowTemplate, live: LiveTrigger, request_id: uuid.UUID, *, press: str, by: User
) -> StartResult:
    """Run what is published on what came in. `press`: the same press twice starts one run. Raises NotReplayable.

    A refused request proved nothing, so it never gets into a real run.
    """
    request = one(template, live, request_id)
    if request is None or request.outcome == Outcome.REFUSED:
        raise NotReplayable("A request that was refused starts no real run. Try it on the draft instead.")
    deployment = Deployment.objects.filter(pk=live.deployment_id or uuid.UUID(int=0)).first()
    if deployment is None or not deployment.is_active:
        raise NotReplayable("The workflow is not live. Publish or resume it, then replay the request.")
    return start_run(
        deployment=deployment,
        live_trigger=live,
        trigger=_given(template, live, request_id),
        trigger_type=live.type,
        receipt=Receipt(dedup_key=f"replay:{press}", body_hash=request_id.hex),
        started_by=by.pk,
    )


def _given(template: WorkflowTemplate, live: LiveTrigger, request_id: uuid.UUID) -> dict[str, JSON]:
    data = data_of(template, request_id)
    if data is None:
        raise NotReplayable("The data of this request is not kept (any more), so it cannot be replayed.")
    return {
        **data,
        "type": TriggerType(live.type).value.lower(),
        "key": live.key,
        "at": clock.now().isoformat(),
    }


def _runs(template: WorkflowTemplate, live: LiveTrigger) -> Any:
    """Runs that a call started: no retries of them, and none of sub-workflows."""
    rows = WorkflowExecution.objects.for_tenant(template.tenant_id).filter(template=template)
    return rows.filter(live_trigger_id=live.pk, retry_of__isnull=True, parent__isnull=True).order_by("-pk")


def _samples(template: WorkflowTemplate, key: str) -> Any:
    rows = Sample.objects.for_tenant(template.tenant_id).filter(
        template=template, step_key="", trigger_key=key
    )
    return rows.filter(source=Sample.Source.REQUEST).order_by("-pk")


def as_http(data: Mapping[str, JSON]) -> str:
    """The request as it would be written on the wire, for people who know one when they see one."""
    headers = data.get("headers")
    lines = [f"{data.get('method', 'POST')} {data.get('path', '/')}{_query_text(data.get('query'))} HTTP/1.1"]
    if isinstance(headers, dict):
        lines += [f"{name}: {value}" for name, value in headers.items()]
    body = data.get("body")
    text = body if isinstance(body, str) else "" if body is None else dumps(body)
    return "\n".join([*lines, "", text])


def _query_text(query: JSON) -> str:
    if isinstance(query, str):
        return f"?{query}" if query else ""
    return f"?{urlencode(query, doseq=True)}" if isinstance(query, dict) and query else ""
