"""A published workflow that polls Box."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from accounts.models import Tenant, User
from tests.workflows.triggers.box import Box, open_box
from workflows import documents
from workflows.engine.document import load
from workflows.models import LiveTrigger, WorkflowExecution
from workflows.publishing import publish
from workflows.triggers import claims
from workflows.triggers.polling import poll

_numbers = itertools.count(1)
Polled = Callable[..., LiveTrigger]


@pytest.fixture
def box(db: None, httpserver: HTTPServer) -> Box:
    return open_box(httpserver)


def polling_document(event: str = "new_row", **config: Any) -> dict[str, Any]:
    trigger = {"key": "look", "type": "polling", "integration": "box", "event": event, "config": config}
    return {
        "format": "automate/1", "key": f"polling-{next(_numbers)}", "triggers": [trigger], "start": "shape",
        "steps": [{"key": "shape", "type": "transform", "config": {"set": {"a": "{{ trigger.body }}"}}}],
    }  # fmt: skip


@pytest.fixture
def make_poll(alice: User, workspace: Tenant, box: Box) -> Polled:
    """`make_poll(event, first_poll=…)`: the live trigger of a new published workflow."""

    def make(event: str = "new_row", **config: Any) -> LiveTrigger:
        template = documents.create(workspace, load(polling_document(event, **config)), by=alice)
        publish(template, by=alice)
        return LiveTrigger.objects.get(template=template)

    return make


def poll_now(live: LiveTrigger, *, later: timedelta = timedelta()) -> int:
    """Make it due, claim it and ask, as the scheduler does."""
    live.refresh_from_db()
    assert live.next_fire_at is not None
    taken = claims.claim(live, live.next_fire_at + later)
    assert taken is not None
    return poll(taken)


def started(live: LiveTrigger | None = None) -> list[Any]:
    """The ids of the rows for which runs were started, in order."""
    rows = WorkflowExecution.objects.order_by("id")
    if live is not None:
        rows = rows.filter(live_trigger=live)
    return [row.input["body"]["id"] for row in rows]
