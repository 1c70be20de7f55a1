"""Webhooks that wait for their run, with a worker that really runs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, connections

from workflows.models import WorkflowExecution
from workflows.runs.drain import Engine

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite",
        reason="SQLite's tests live in memory, where threads cannot wait for each other.",
    ),
]
WAIT = {"key": "pause", "type": "delay", "config": {"seconds": 600}}


@pytest.fixture
def worker(transactional_db: None) -> Iterator[None]:
    """Runs whatever is started, in a thread of its own, until the test ends."""
    stopping = threading.Event()

    def work() -> None:
        engine = Engine(slots=4, lease_s=30)
        try:
            while not stopping.wait(0.01):
                engine.drain()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stopping.set()
    thread.join()


def post(caller, live, body: str = '{"name": "Ann"}'):
    return caller.post(f"/hooks/{live.token}", body, content_type="application/json")


def test_when_done_answers_with_the_output(worker, caller, make_hook):
    answer = post(caller, make_hook({"respond": "when_done"}))

    assert (answer.status_code, answer.json()) == (200, {"got": {"name": "Ann"}})


def test_when_done_answers_with_the_error(worker, caller, make_hook):
    steps = [{"key": "end", "type": "stop", "config": {"as": "failed", "message": "No tea left."}}]

    answer = post(caller, make_hook({"respond": "when_done"}, steps=steps))

    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "No tea left."


def test_respond_step_answers_while_the_run_goes_on(worker, caller, make_hook):
    said = {"status": 201, "headers": {"X-Tea": "green"}, "html": "<p>Hi {{ trigger.body.name }}</p>"}
    steps = [{"key": "say", "type": "respond", "config": said, "next": "pause"}, WAIT]

    answer = post(caller, make_hook({"respond": "step"}, steps=steps))

    assert (answer.status_code, answer.content, answer["X-Tea"]) == (201, b"<p>Hi Ann</p>", "green")
    assert answer["Content-Security-Policy"] == "sandbox"
    assert not WorkflowExecution.objects.get().is_final
