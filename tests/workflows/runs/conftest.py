"""A workspace with a published workflow, and a worker in the test's own process."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from werkzeug import Request, Response

from accounts.models import Tenant, User
from automate.lib import clock
from integrations.sync import sync_catalogue
from workflows import documents
from workflows.engine.document import load
from workflows.models import ActiveRun, Deployment, StepExecution, WorkflowExecution, WorkflowTemplate
from workflows.publishing import publish
from workflows.runs.drain import Engine
from workflows.runs.start import start_run


def workflow(*steps: dict[str, Any], start: Any = None, **more: Any) -> dict[str, Any]:
    """A document with a manual trigger around these steps; it starts at the first."""
    return {
        "format": "automate/1",
        "key": more.pop("key", "under-test"),
        "triggers": [{"key": "go", "type": "manual"}],
        "start": start or steps[0]["key"],
        "steps": list(steps),
        **more,
    }


def make_value(key: str, next: Any = None, **values: Any) -> dict[str, Any]:
    """A transform step that gives an object."""
    step: dict[str, Any] = {"key": key, "type": "transform", "config": {"set": values or {"done": key}}}
    return {**step, "next": next} if next else step


@pytest.fixture
def engine(transactional_db: None) -> Engine:
    return Engine(slots=8, lease_s=30)


@pytest.fixture
def deploy(transactional_db: None, alice: User, workspace: Tenant) -> Callable[[dict[str, Any]], Deployment]:
    """Make, save and publish a workflow in alice's workspace."""

    def make(data: dict[str, Any]) -> Deployment:
        template: WorkflowTemplate = documents.create(workspace, load(data), by=alice)
        publish(template, by=alice)
        return Deployment.objects.get(template=template)

    return make


@pytest.fixture
def run(engine: Engine, deploy: Callable[[dict[str, Any]], Deployment]) -> Callable[..., WorkflowExecution]:
    """Publish a document, start it once, and work until it has ended or only waits."""

    def go(data: dict[str, Any], body: Any = None) -> WorkflowExecution:
        return start_and_drain(deploy(data), engine, body)

    return go


def start(deployment: Deployment, body: Any = None) -> uuid.UUID:
    trigger = {"type": "manual", "key": "go", "at": "2026-01-01T00:00:00+00:00", "body": body}
    started = start_run(deployment=deployment, trigger=trigger, trigger_type="MANUAL")
    return started.execution_id  # type: ignore[return-value]  # None where a policy leaves it out


def start_and_drain(deployment: Deployment, engine: Engine, body: Any = None) -> WorkflowExecution:
    run_id = start(deployment, body)
    engine.drain()
    return WorkflowExecution.objects.get(pk=run_id)


def drain_until(engine: Engine, run_id: uuid.UUID, status: str, within_s: float = 10.0) -> WorkflowExecution:
    """Work and wake until the run has this status; whatever it has then is returned."""
    from workflows.runs import recovery

    give_up = time.monotonic() + within_s
    while True:
        recovery.wake_due_now()
        engine.drain()
        execution = WorkflowExecution.objects.get(pk=run_id)
        if execution.status == status or time.monotonic() > give_up:
            return execution
        time.sleep(0.05)


def steps_of(execution: WorkflowExecution) -> dict[str, StepExecution]:
    return {step.path: step for step in StepExecution.objects.filter(execution=execution)}


def drain_apart(engine: Engine, **more: Any) -> threading.Thread:
    """Work in a thread of its own, which leaves no database connection behind."""

    def work() -> None:
        try:
            engine.drain(**more)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.fixture
def catalogue(transactional_db: None) -> None:
    sync_catalogue()


@pytest.fixture
def service(httpserver):
    """A service that answers what `answers` says, and remembers every call."""

    class Service:
        def __init__(self):
            self.calls: list[Request] = []
            self.answers: list[Response] = []
            self.pause_s = 0.0
            self.lock = threading.Lock()
            httpserver.expect_request("/").respond_with_handler(self.handle)
            self.url = httpserver.url_for("/")

        def handle(self, request: Request) -> Response:
            request.get_data()
            with self.lock:
                self.calls.append(request)
                answer = (
                    self.answers.pop(0)
                    if self.answers
                    else Response('{"ok": true}', content_type="application/json")
                )
            time.sleep(self.pause_s)
            return answer

        def sent_keys(self):
            return [call.headers.get("Idempotency-Key") for call in self.calls]

    return Service()


def call(key, service, next=None, method="POST", effect="safe", **more):
    step = {
        "key": key, "type": "action", "integration": "http", "action": "request",
        "input": {"method": method, "url": service.url, "json": {"from": key}}, **more,
    }  # fmt: skip
    if effect:
        step["effect"] = effect
    return {**step, "next": next} if next else step


def claim_and_die(engine, deployment, service, **more):
    """A run whose worker vanished after it had announced the call `ask` and journaled `first`."""
    run_id = start(deployment)
    ActiveRun.objects.filter(pk=run_id).update(
        state="RUNNING",
        worker="gone",
        attempt=1,
        inflight=more.get("inflight", []),
        cursor=more.get("cursor", {}),
    )
    WorkflowExecution.objects.filter(pk=run_id).update(status="RUNNING", number=1, started_at=clock.now())
    StepExecution.objects.create(
        tenant=deployment.tenant, execution_id=run_id, path="first", step_id="first", step_name="First",
        step_type="TRANSFORM", step_status="COMPLETED", port="main", output={"done": "first"},
    )  # fmt: skip
    return run_id


def let_time_pass(run_id: uuid.UUID) -> None:
    """Every wait of the run is over: its notes say so, and it is ready."""
    active = ActiveRun.objects.get(pk=run_id)
    for note in active.cursor["waits"].values():
        if note["until"]:
            note["until"] = "2026-01-01T00:00:00+00:00"
    active.state, active.run_at = "READY", clock.now()
    active.save(update_fields=["cursor", "state", "run_at"])
