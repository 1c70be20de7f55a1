"""What tests of a run's pages share: its addresses, the cards of an answer, and a worker that says what goes on."""

from __future__ import annotations

from django.urls import reverse

from tests.workflows.runs.conftest import make_value, workflow
from workflows.models import ActiveRun, WorkflowExecution

HTMX = {"HX-Request": "true"}
PANEL = HTMX | {"HX-Target": "panel"}
LOOP = workflow(
    {
        "key": "items", "type": "loop", "over": "{{ trigger.body }}", "as": "n", "on_item_error": "continue",
        "next": {"each": ["half"], "done": ["end"]},
    },
    make_value("half", v="{{ 12 / n }}"),
    make_value("end"),
)  # fmt: skip


def address(execution, name="run-detail", *more):
    return reverse(f"workflows:{name}", args=[execution.pk, *more])


def cards(answer):
    """The cards of a page by key, however deep they lie."""
    found = {}
    waiting = list(answer.context["items"])
    while waiting:
        item = waiting.pop()
        found[item.card.key] = item.card
        waiting += [inner for branch in item.branches for inner in branch.items]
    return found


def states(answer):
    return {key: card.status for key, card in cards(answer).items()}


def begin_step(execution, path, **live):
    """What a worker says of a step under way."""
    active = ActiveRun.objects.get(pk=execution.pk)
    active.progress[path] = {
        "state": "RUNNING",
        "started_at": "2026-01-01T00:00:00+00:00",
        "attempt": 1,
        **live,
    }
    active.seq += 1
    active.save()
    WorkflowExecution.objects.filter(pk=execution.pk).update(status="RUNNING")
