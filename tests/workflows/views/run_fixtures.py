"""For tests of runs: rows of runs without an engine, and the engine's own fixtures where a page needs real ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Membership, Tenant, User
from accounts.permissions import builtin_role
from tests.workflows.runs.conftest import deploy, engine, make_value, run, workflow
from workflows import documents
from workflows.engine.document import load
from workflows.models import ActiveRun, WorkflowExecution, WorkflowTemplate
from workflows.publishing import publish

__all__ = ["deploy", "engine", "make_run", "make_workflow", "run", "viewer"]

_numbers = itertools.count(1)


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
        deployment = template.deployments.get()
        execution = WorkflowExecution.objects.create(
            tenant_id=template.tenant_id,
            template=template,
            version_id=deployment.version_id,
            deployment=deployment,
            status=status,
            trigger_type="MANUAL",
            number=fields.pop("number", next(_numbers)),
            is_failed=status in ("FAILED", "TIMED_OUT"),
            input={"type": "manual", "key": "go", "body": {}},
            **fields,
        )
        if not execution.is_final:
            ActiveRun.objects.create(execution=execution, tenant_id=template.tenant_id, workflow=template)
        return execution

    return make


@pytest.fixture
def viewer(bob: User) -> User:
    """Bob, who may only look."""
    Membership.objects.filter(user=bob).update(role=builtin_role("viewer"))
    return bob
