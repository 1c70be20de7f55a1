"""Rows of runs without an engine, and the fixtures of the engine's own tests for pages that need real ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache

from accounts.models import Membership, Tenant, User
from accounts.permissions import builtin_role
from tests.workflows.runs.conftest import deploy, engine, make_value, run, workflow
from workflows import documents
from workflows.engine.document import load
from workflows.models import ActiveRun, WorkflowExecution, WorkflowTemplate
from workflows.publishing import publish

__all__ = ["deploy", "engine", "run"]

_numbers = itertools.count(1)
FINAL = WorkflowExecution.FINAL


@pytest.fixture(autouse=True)
def _fresh_cache(db: None) -> None:
    cache.clear()
    Session.objects.all().delete()


@pytest.fixture
def make_workflow(alice: User, workspace: Tenant) -> Callable[..., WorkflowTemplate]:
    """A published workflow of one step, under the given name."""

    def make(name: str = "Order follow-up", **more: Any) -> WorkflowTemplate:
        data = workflow(make_value("only"), key=f"flow-{next(_numbers)}", **more)
        template = documents.create(workspace, load({**data, "name": name}), by=alice)
        publish(template, by=alice)
        return template

    return make


@pytest.fixture
def make_run() -> Callable[..., WorkflowExecution]:
    """A row of a run with this status; unfinished ones stand in the queue."""

    def make(template: WorkflowTemplate, status: str = "COMPLETED", **fields: Any) -> WorkflowExecution:
        deployment = template.deployments.first()
        execution = WorkflowExecution.objects.create(
            tenant_id=template.tenant_id,
            template=template,
            version_id=deployment.version_id if deployment else template.versions.first().pk,
            deployment=deployment,
            status=status,
            trigger_type=fields.pop("trigger_type", "MANUAL"),
            number=fields.pop("number", next(_numbers)),
            is_failed=status in ("FAILED", "TIMED_OUT"),
            input={"type": "manual", "key": "go", "body": {}},
            **fields,
        )
        if status not in FINAL:
            ActiveRun.objects.create(execution=execution, tenant_id=template.tenant_id, workflow=template)
        return execution

    return make


@pytest.fixture
def viewer(bob: User) -> User:
    """Bob, who may only look."""
    Membership.objects.filter(user=bob).update(role=builtin_role("viewer"))
    return bob
