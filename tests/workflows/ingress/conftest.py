"""A published workflow with a webhook, and a client that calls it like a service does."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Tenant, User
from integrations.connections.vault import seal_credentials
from integrations.models import IntegrationDefinition, UserIntegration
from tests.workflows.runs.waits.conftest import ask, deploy, engine
from workflows import documents
from workflows.engine.document import load
from workflows.models import LiveTrigger, Sample, WorkflowExecution, WorkflowTemplate
from workflows.publishing import publish

__all__ = ["ask", "deploy", "engine"]
_numbers = itertools.count(1)
Hooked = Callable[..., LiveTrigger]


def document(
    config: dict[str, Any] | None = None, steps: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    steps = steps or [{"key": "shape", "type": "transform", "config": {"set": {"got": "{{ trigger.body }}"}}}]
    return {
        "format": "automate/1",
        "key": f"hooked-{next(_numbers)}",
        "name": "Hooked",
        "triggers": [{"key": "call", "type": "webhook", "config": config or {}}],
        "start": steps[0]["key"],
        "steps": steps,
        **more,
    }


@pytest.fixture
def make_hook(alice: User, workspace: Tenant) -> Hooked:
    """`make_hook(config, published=True)` gives the live trigger of a new workflow."""

    def make(config: dict[str, Any] | None = None, *, published: bool = True, **parts: Any) -> LiveTrigger:
        template = documents.create(workspace, load(document(config, **parts)), by=alice)
        if published:
            publish(template, by=alice)
        return live_trigger(template)

    return make


def live_trigger(template: WorkflowTemplate) -> LiveTrigger:
    return LiveTrigger.objects.get(template=template, key="call")


def data_of(row: WorkflowExecution | Sample) -> Any:
    """The call as it was stored."""
    return row.input if isinstance(row, WorkflowExecution) else row.data


@pytest.fixture
def hook(make_hook: Hooked) -> LiveTrigger:
    """Published and active, with the default settings."""
    return make_hook()


@pytest.fixture
def caller() -> Client:
    return Client(raise_request_exception=True)


@pytest.fixture
def secret(alice: User, workspace: Tenant) -> UserIntegration:
    """A shared connection that holds the secret `s3cret-s3cret`."""
    definition = IntegrationDefinition.objects.create(
        name="secret", display_name="Secret", auth_type="BEARER"
    )
    row = UserIntegration(
        tenant=workspace,
        user=alice,
        integration=definition,
        name="s",
        auth_type="BEARER",
        sharing="WORKSPACE",
    )
    row.credentials = seal_credentials(row, {"token": "s3cret-s3cret"})
    row.save()
    return row
