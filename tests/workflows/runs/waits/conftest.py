"""Runs that wait, without a commit per test: only calls to services need connections of their own."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Tenant, User
from tests.workflows.runs.conftest import make_value, start, workflow
from workflows import documents
from workflows.engine.document import load
from workflows.models import Deployment, WaitToken, WorkflowExecution, WorkflowTemplate
from workflows.publishing import publish
from workflows.runs.answers import Given, answer_by_link, take_call
from workflows.runs.drain import Engine

SENDS = pytest.mark.django_db(transaction=True)  # its threads open connections

YES, NO = Given(approved=True), Given(approved=False, comment="Too dear")


def approval(key: str = "ask", next: Any = None, **config: Any) -> dict[str, Any]:
    config = {"assignees": ["alice@example.com"], "message": "Pay {{ trigger.body.total }} EUR?", **config}
    step = {"key": key, "type": "approval", "config": config}
    return {**step, "next": next} if next else step


ENDS = {"approved": "paid", "rejected": "refused", "timeout": "late"}


def paths() -> list[dict[str, Any]]:
    return [make_value("paid"), make_value("refused"), make_value("late")]


def tokens(run: WorkflowExecution) -> dict[str, WaitToken]:
    return {row.person: row for row in WaitToken.objects.filter(execution_id=run.pk)}


def approve(run: WorkflowExecution, person: str = "alice@example.com", given: Given = YES) -> None:
    answer_by_link(tokens(run)[person], given, user=None)


def after(engine, run: WorkflowExecution) -> WorkflowExecution:
    engine.drain()
    run.refresh_from_db()
    return run


def token_of(run_id: uuid.UUID, path: str = "wait") -> WaitToken:
    return WaitToken.objects.get(execution_id=run_id, path=path)


def came(run_id: uuid.UUID, body: Any, path: str = "wait") -> None:
    """A service calls back."""
    with transaction.atomic():
        take_call(token_of(run_id, path), {"body": body, "method": "POST"})


@pytest.fixture
def engine(db: None, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Works inside the test's own transaction, whose connection Django would take for one that was left behind."""
    monkeypatch.setattr("workflows.runs.drain.close_old_connections", lambda: None)
    monkeypatch.setattr("workflows.runs.drain.LINGER_S", 0.02)
    return Engine(slots=8, lease_s=30)


@pytest.fixture
def deploy(db: None, alice: User, workspace: Tenant) -> Callable[[dict[str, Any]], Deployment]:
    """Make, save and publish a workflow in alice's workspace."""

    def make(data: dict[str, Any]) -> Deployment:
        template: WorkflowTemplate = documents.create(workspace, load(data), by=alice)
        publish(template, by=alice)
        return Deployment.objects.get(template=template)

    return make


@pytest.fixture
def ask(engine, deploy):
    """Publish a workflow whose one approval leads to `paid`, `refused` or `late`, and run it up to the question."""

    def go(*, keep_data: str = "all", **config: Any) -> WorkflowExecution:
        settings = {} if keep_data == "all" else {"settings": {"keep_data": keep_data}}
        deployment = deploy(workflow(approval(next=ENDS, **config), *paths(), **settings))
        run_id = start(deployment, {"total": 7})
        engine.drain()
        return WorkflowExecution.objects.get(pk=run_id)

    return go
