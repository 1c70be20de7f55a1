"""A workspace with a published workflow, and a worker in the test's own process."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from accounts.models import Tenant, User
from workflows import documents
from workflows.engine.document import load
from workflows.models import Deployment, StepExecution, WorkflowExecution, WorkflowTemplate
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
    return start_run(deployment=deployment, trigger=trigger, trigger_type="MANUAL").execution_id


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


def drain_apart(engine: Engine) -> threading.Thread:
    """Work in a thread of its own, which leaves no database connection behind."""

    def work() -> None:
        try:
            engine.drain()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread
