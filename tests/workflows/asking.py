"""A published workflow with an approval, run up to its question."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.runs.conftest import make_value, start, workflow
from workflows.models import WaitToken, WorkflowExecution
from workflows.runs.answers import Given, answer_by_link

YES, NO = Given(approved=True), Given(approved=False, comment="Too dear")


def approval(key: str = "ask", next: Any = None, **config: Any) -> dict[str, Any]:
    config = {"assignees": ["alice@example.com"], "message": "Pay {{ trigger.body.total }} EUR?", **config}
    step = {"key": key, "type": "approval", "config": config}
    return {**step, "next": next} if next else step


ENDS = {"approved": "paid", "rejected": "refused", "timeout": "late"}


def paths() -> list[dict[str, Any]]:
    return [make_value("paid"), make_value("refused"), make_value("late")]


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


def tokens(run: WorkflowExecution) -> dict[str, WaitToken]:
    return {row.person: row for row in WaitToken.objects.filter(execution_id=run.pk)}


def approve(run: WorkflowExecution, person: str = "alice@example.com", given: Given = YES) -> None:
    answer_by_link(tokens(run)[person], given, user=None)


def after(engine, run: WorkflowExecution) -> WorkflowExecution:
    engine.drain()
    run.refresh_from_db()
    return run
