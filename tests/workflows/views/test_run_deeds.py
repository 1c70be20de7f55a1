"""Stopping a run, running it again, and saying what became of a step nobody knows about."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse
from werkzeug import Response

from accounts.models import Membership
from accounts.permissions import builtin_role
from integrations.sync import sync_catalogue
from tests.workflows.runs.conftest import make_value, start, start_and_drain, steps_of, workflow
from workflows.models import ActiveRun, WorkflowExecution
from workflows.runs.answer import answer_unknown

HTMX = {"HX-Request": "true", "HX-Target": "run-steps"}
FAILING = workflow(make_value("a", "b"), make_value("b", v="{{ steps.a.nothing }}"))


def address(execution, name, *more):
    return reverse(f"workflows:{name}", args=[execution.pk, *more])


def said(answer):
    """The text of the message that HTMX shows."""
    return json.loads(answer["HX-Trigger"])["toast"]["text"]


@pytest.fixture
def waiting(deploy, engine):
    """A run that waits for two days."""
    pause = {"key": "pause", "type": "delay", "config": {"days": 2}, "next": ["a"]}
    return start_and_drain(deploy(workflow(pause, make_value("a"))), engine)


@pytest.fixture
def unknown(deploy, engine, httpserver):
    """A run whose unsafe call was cut off: nobody knows whether it happened."""
    sync_catalogue()

    def hang_up(request):
        request.environ["werkzeug.socket"].shutdown(2)
        return Response(status=204)

    httpserver.expect_ordered_request("/pay").respond_with_handler(hang_up)
    httpserver.expect_ordered_request("/pay").respond_with_json({"id": 7})
    step = {"key": "pay", "type": "action", "integration": "http", "action": "request", "effect": "unsafe",
            "input": {"method": "POST", "url": httpserver.url_for("/pay")}, "next": ["end"]}  # fmt: skip
    execution = start_and_drain(deploy(workflow(step, make_value("end", got="{{ steps.pay }}"))), engine)
    assert execution.status == "NEEDS_ATTENTION"
    return execution


# --- stop ---------------------------------------------------------------------------------------------
def test_a_waiting_run_is_stopped(as_alice, waiting):
    answer = as_alice.post(address(waiting, "run-stop"), headers=HTMX)

    waiting.refresh_from_db()
    assert waiting.status == "CANCELLED"
    assert answer.context["headline"].title == "Stopped"
    assert said(answer) == "The run stops."


def test_stopping_works_without_htmx(as_alice, waiting):
    answer = as_alice.post(address(waiting, "run-stop"), follow=True)

    assert answer.redirect_chain == [(address(waiting, "run-detail"), 302)]
    assert "The run stops." in answer.content.decode()


def test_stopping_twice_says_that_it_had_ended(as_alice, waiting):
    as_alice.post(address(waiting, "run-stop"))

    answer = as_alice.post(address(waiting, "run-stop"), headers=HTMX)

    assert answer.status_code == 409
    assert "had ended already" in said(answer)


def test_a_run_under_way_is_stopping_until_its_step_ends(as_alice, deploy):
    execution = WorkflowExecution.objects.get(pk=start(deploy(workflow(make_value("a")))))
    ActiveRun.objects.filter(pk=execution.pk).update(state="RUNNING")

    answer = as_alice.post(address(execution, "run-stop"), headers=HTMX)

    assert answer.context["headline"].title == "Stopping"
    assert not answer.context["deeds"]["stop"]


# --- again --------------------------------------------------------------------------------------------
def test_retry_from_the_failed_step_leads_to_a_new_run(as_alice, deploy, engine):
    execution = start_and_drain(deploy(FAILING), engine)

    answer = as_alice.post(address(execution, "run-retry"), {"from": "failed"})

    new = WorkflowExecution.objects.get(retry_of=execution)
    assert answer["Location"] == address(new, "run-detail")
    assert list(steps_of(new)) == ["a"]


def test_run_again_starts_from_nothing(as_alice, deploy, engine):
    execution = start_and_drain(deploy(FAILING), engine)

    as_alice.post(address(execution, "run-retry"), {"from": "start"})

    assert steps_of(WorkflowExecution.objects.get(retry_of=execution)) == {}


def test_run_again_on_the_newest_version(as_alice, alice, deploy, engine):
    from workflows import documents
    from workflows.engine.document import load
    from workflows.publishing import publish

    execution = start_and_drain(deploy(FAILING), engine)
    documents.save(execution.template, load(workflow(make_value("a"))), by=alice)
    publish(execution.template, by=alice)

    offered = as_alice.get(address(execution, "run-detail")).context["deeds"]["newer"]
    as_alice.post(address(execution, "run-retry"), {"from": "start", "version": "newest"})

    assert offered == 2
    assert WorkflowExecution.objects.get(retry_of=execution).version.version_number == 2


def test_retry_from_a_step_keeps_what_came_before(as_alice, deploy, engine):
    data = workflow(make_value("a", "b"), make_value("b", "c"), make_value("c"))
    execution = start_and_drain(deploy(data), engine)

    as_alice.post(address(execution, "run-retry-from", "b"))

    assert list(steps_of(WorkflowExecution.objects.get(retry_of=execution))) == ["a"]


def test_retry_from_a_place_there_is_not_is_404(as_alice, deploy, engine):
    execution = start_and_drain(deploy(FAILING), engine)

    assert as_alice.post(address(execution, "run-retry-from", "zzz")).status_code == 404


def test_a_run_that_goes_on_cannot_be_repeated_and_says_so(as_alice, waiting):
    answer = as_alice.post(address(waiting, "run-retry"), {"from": "start"}, follow=True)

    assert "The run has not ended yet" in answer.content.decode()
    assert not WorkflowExecution.objects.filter(retry_of=waiting).exists()


@pytest.mark.parametrize(
    ("status", "offered"),
    [("COMPLETED", {"again"}), ("FAILED", {"again", "resume"}), ("CANCELLED", {"again", "resume"}),
     ("TIMED_OUT", {"again", "resume"}), ("RUNNING", {"stop"}), ("WAITING", {"stop"}), ("NEEDS_ATTENTION", {"stop"})],
)  # fmt: skip
def test_buttons_are_offered_when_they_apply(as_alice, make_workflow, make_run, status, offered):
    execution = make_run(make_workflow(), status)

    deeds = as_alice.get(address(execution, "run-detail")).context["deeds"]

    assert {deed for deed in ("stop", "again", "resume") if deeds[deed]} == offered


# --- answers ------------------------------------------------------------------------------------------
def test_the_question_stands_above_the_steps(as_alice, unknown):
    page = as_alice.get(address(unknown, "run-detail"))

    assert [question.title for question in page.context["questions"]] == ["2. Pay"]
    assert page.context["panel"].title == "2. Pay"
    assert "Did “2. Pay” happen?" in page.content.decode()


def test_it_happened_takes_the_given_output(as_alice, unknown, engine):
    answer = as_alice.post(
        address(unknown, "run-answer"), {"step": "pay", "answer": "done", "output": '{"id": 9}'}, headers=HTMX
    )
    engine.drain()

    unknown.refresh_from_db()
    assert said(answer) == "Taken as done. The run goes on."
    assert answer.context["questions"] == []
    assert (unknown.status, unknown.output) == ("COMPLETED", {"got": {"id": 9}})


def test_send_it_again_sends_it_again(as_alice, unknown, engine, httpserver):
    as_alice.post(address(unknown, "run-answer"), {"step": "pay", "answer": "rerun"})
    engine.drain()

    unknown.refresh_from_db()
    assert unknown.status == "COMPLETED"
    assert len(httpserver.log) == 2


def test_treat_as_failed_fails_the_run(as_alice, unknown, engine):
    answer = as_alice.post(address(unknown, "run-answer"), {"step": "pay", "answer": "fail"}, follow=True)
    engine.drain()

    unknown.refresh_from_db()
    assert unknown.status == "FAILED"
    assert "Taken as failed." in answer.content.decode()


def test_output_that_is_no_json_is_put_right_in_place(as_alice, unknown):
    answer = as_alice.post(
        address(unknown, "run-answer"), {"step": "pay", "answer": "done", "output": "{nope"}, headers=HTMX
    )

    assert answer.status_code == 422
    assert "{nope" in answer.content.decode()
    assert "This is not JSON" in answer.content.decode()
    assert ActiveRun.objects.get(pk=unknown.pk).cursor.get("answers") is None


def test_output_that_is_no_json_without_htmx_gives_the_page(as_alice, unknown):
    answer = as_alice.post(
        address(unknown, "run-answer"), {"step": "pay", "answer": "done", "output": "{nope"}
    )

    assert answer.status_code == 422
    assert "<html" in answer.content.decode()
    assert "This is not JSON" in answer.content.decode()


def test_a_second_answer_says_that_it_came_too_late(as_alice, alice, unknown):
    answer_unknown(unknown, "pay", "done", by=alice)

    answer = as_alice.post(address(unknown, "run-answer"), {"step": "pay", "answer": "fail"}, headers=HTMX)

    assert answer.status_code == 409
    assert "answered this already" in said(answer)
    assert ActiveRun.objects.get(pk=unknown.pk).cursor["answers"]["pay"]["answer"] == "done"


# --- who may ------------------------------------------------------------------------------------------
DEEDS = [("run-stop", ()), ("run-retry", ()), ("run-retry-from", ("a",)), ("run-answer", ())]


@pytest.mark.parametrize(("name", "more"), DEEDS)
def test_strangers_can_do_nothing(as_charlie, deploy, engine, name, more):
    execution = start_and_drain(deploy(FAILING), engine)

    answer = as_charlie.post(address(execution, name, *more), {"step": "b", "answer": "done"})

    assert answer.status_code == 404
    assert not WorkflowExecution.objects.filter(retry_of=execution).exists()


@pytest.mark.parametrize(("name", "more"), DEEDS)
def test_viewers_can_do_nothing(as_bob, viewer, waiting, name, more):
    answer = as_bob.post(address(waiting, name, *more), {"step": "pause", "answer": "done"})

    waiting.refresh_from_db()
    assert answer.status_code == 403
    assert waiting.status == "WAITING"


def test_operators_may_stop_and_retry(as_bob, bob, waiting):
    Membership.objects.filter(user=bob).update(role=builtin_role("operator"))

    as_bob.post(address(waiting, "run-stop"))
    as_bob.post(address(waiting, "run-retry"), {"from": "start"})

    assert WorkflowExecution.objects.filter(retry_of=waiting).count() == 1


@pytest.mark.parametrize(("name", "more"), DEEDS)
def test_deeds_are_never_done_by_a_link(as_alice, waiting, name, more):
    assert as_alice.get(address(waiting, name, *more)).status_code == 405
