"""Workflows in alice's workspace, made without the builder."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Tenant, User
from automate.lib import clock
from integrations.models import IntegrationDefinition
from tests.workflows.views.run_fixtures import deploy, engine, make_run, make_workflow, run, viewer
from workflows import documents
from workflows.engine.document import load
from workflows.models import Deployment, WorkflowExecution, WorkflowTemplate
from workflows.publishing import publish

__all__ = ["deploy", "engine", "make_run", "make_workflow", "run", "viewer"]
MakeFlow = Callable[..., WorkflowTemplate]


def hook_document(key: str = "orders", name: str = "Orders", **more: Any) -> dict[str, Any]:
    """A webhook and one step that needs no account."""
    return {
        "format": "automate/1",
        "key": key,
        "name": name,
        "triggers": [{"key": "call", "type": "webhook"}],
        "start": "shape",
        "steps": [{"key": "shape", "type": "transform", "config": {"set": {"ok": True}}}],
        **more,
    }


@pytest.fixture
def apps(db: None) -> dict[str, IntegrationDefinition]:
    """The integrations that templates name, as bare rows: reading the whole catalogue would cost a second."""
    rows = [
        IntegrationDefinition(
            name=slug, display_name=slug.upper(), auth_type="BASIC", auth_config=[{"type": "basic"}]
        )
        for slug in ("http", "slack", "github", "jira", "smtp", "sql")
    ]
    return {row.name: row for row in IntegrationDefinition.objects.bulk_create(rows)}


@pytest.fixture
def flow(alice: User, workspace: Tenant) -> WorkflowTemplate:
    """A draft called Orders."""
    return documents.create(workspace, load(hook_document()), by=alice)


@pytest.fixture
def published(flow: WorkflowTemplate, alice: User) -> WorkflowTemplate:
    publish(flow, by=alice, note="First")
    return flow


def add_runs(
    template: WorkflowTemplate, number: int = 1, *, failed: bool = False, **fields: Any
) -> list[WorkflowExecution]:
    """Ended runs of what is published, some time ago (`at`)."""
    deployment = Deployment.objects.get(template=template)
    at: datetime = fields.pop("at", clock.now() - timedelta(minutes=5))
    rows = [
        WorkflowExecution(
            id=_id_at(at),
            tenant_id=template.tenant_id,
            template=template,
            version_id=deployment.version_id,
            deployment=deployment,
            trigger_type="WEBHOOK",
            created_at=at,
            started_at=at,
            completed_at=at,
            **{
                "status": "FAILED" if failed else "COMPLETED",
                "is_failed": failed,
                "execution_time_ms": 100,
                "number": n + 1,
                **fields,
            },
        )
        for n in range(number)
    ]
    return WorkflowExecution.objects.bulk_create(rows)


def _id_at(moment: datetime) -> uuid.UUID:
    """A version 7 id of that moment: lists cut by time with ids."""
    random = uuid.uuid4().int & ((1 << 74) - 1)
    milliseconds = int(moment.timestamp() * 1000)
    return uuid.UUID(
        int=milliseconds << 80 | 7 << 76 | (random >> 62) << 64 | 2 << 62 | random & ((1 << 62) - 1)
    )
