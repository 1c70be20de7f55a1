"""What a run must still know when it goes on: after a wait, an answer, a crash, as a retry."""

from __future__ import annotations

import threading
import time

import pytest
from werkzeug import Response

from tests.workflows.runs.conftest import (
    call,
    claim_and_die,
    drain_apart,
    drain_until,
    let_time_pass,
    make_value,
    start,
    steps_of,
    workflow,
)
from workflows.models import ActiveRun, WorkflowExecution
from workflows.runs import recovery
from workflows.runs.answer import NothingToAnswer, answer_unknown
from workflows.runs.cancel import cancel
from workflows.runs.drain import Engine
from workflows.runs.retry import retry

pytestmark = [pytest.mark.usefixtures("catalogue"), pytest.mark.faults]
PAUSE = {"key": "pause", "type": "delay", "config": {"hours": 2}, "next": "end"}


class SlowEngine(Engine):
    """Commits take so long that whoever does not wait for them is seen."""

    def _commit(self, *args, **options):
        time.sleep(0.3)
        return super()._commit(*args, **options)


def test_a_filter_that_did_not_hold_ends_its_own_branch_alone_also_after_a_wait(engine, deploy):
    gate = {"key": "gate", "type": "filter", "when": "{{ false }}", "next": "never"}
    data = workflow(
        make_value("first", ["gate", "pause"]), gate, make_value("never"), PAUSE, make_value("end")
    )
    run_id = start(deploy(data))
    engine.drain()
    let_time_pass(run_id)

    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.output == {"done": "end"}
    assert steps_of(execution)["never"].step_status == "SKIPPED"


def test_errors_inside_a_loop_are_remembered_after_a_wait(engine, deploy):
    loop = {
        "key": "each", "type": "loop", "over": "{{ trigger.body }}", "on_item_error": "continue",
        "next": {"each": "work", "done": "pause"},
    }  # fmt: skip
    data = workflow(loop, make_value("work", n="{{ item.name }}"), PAUSE, make_value("end"))
    run_id = start(deploy(data), [{"name": 1}, {}])
    engine.drain()
    let_time_pass(run_id)

    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.status == "COMPLETED"
    assert execution.had_errors


def test_a_step_sent_again_on_request_may_be_asked_about_once_more(engine, deploy, service, alice):
    asking = call("ask", service, effect="unsafe", timeout_s=1)
    run_id = claim_and_die(
        engine, deploy(workflow(make_value("first", "ask"), asking)), service, inflight=["ask"]
    )
    recovery.sweep()
    engine.drain()
    execution = WorkflowExecution.objects.get(pk=run_id)
    service.pause_s = 2.5
    answer_unknown(execution, "ask", "rerun", by=alice)
    engine.drain()
    execution.refresh_from_db()
    assert execution.status == "NEEDS_ATTENTION"

    answer_unknown(execution, "ask", "done", output={"seen": True}, by=alice)
    engine.drain()

    execution.refresh_from_db()
    assert execution.output == {"seen": True}
    assert len(service.calls) == 1


def test_an_old_answer_is_not_taken_for_a_new_question(engine, deploy, service, alice):
    """The worker dies while it sends again what a person had asked to send again."""
    deployment = deploy(workflow(make_value("first", "ask"), call("ask", service, effect="unsafe")))
    run_id = claim_and_die(engine, deployment, service, inflight=["ask"])
    recovery.sweep()
    engine.drain()
    service.pause_s = 0.8
    answer_unknown(WorkflowExecution.objects.get(pk=run_id), "ask", "rerun", by=alice)
    zombie = drain_apart(engine)
    while not service.calls:
        time.sleep(0.01)

    ActiveRun.objects.filter(pk=run_id).update(state="READY")
    zombie.join()
    Engine(slots=2, lease_s=30).drain()

    assert WorkflowExecution.objects.get(pk=run_id).status == "NEEDS_ATTENTION"
    assert len(service.calls) == 1


def test_a_run_that_works_on_something_else_takes_no_answer_it_would_lose(engine, deploy, service, alice):
    data = workflow(
        make_value("first", ["ask", "pause"]), call("ask", service, effect="unsafe"), PAUSE, make_value("end")
    )
    run_id = claim_and_die(engine, deploy(data), service, inflight=["ask"])
    recovery.sweep()
    engine.drain()
    ActiveRun.objects.filter(pk=run_id).update(state="RUNNING")

    with pytest.raises(NothingToAnswer, match="again in a moment"):
        answer_unknown(WorkflowExecution.objects.get(pk=run_id), "ask", "done", by=alice)


def test_an_early_write_forgets_no_wait_that_was_not_looked_at_yet(engine, deploy, service):
    """`respond` is written at once; the child that the other branch waits for must not be started twice."""
    deploy(
        {
            **workflow(PAUSE, make_value("end"), key="slow"),
            "triggers": [{"key": "called", "type": "workflow"}],
        }
    )
    data = workflow(
        make_value("first", ["pause", "sub"]), {**PAUSE, "next": "tell"},
        {"key": "tell", "type": "respond", "config": {"status": 200, "text": "ok"}, "next": "ask"},
        call("ask", service, effect="unsafe"),
        {"key": "sub", "type": "sub_workflow", "workflow": "slow"},
    )  # fmt: skip
    run_id = start(deploy(data))
    engine.drain()
    let_time_pass(run_id)
    service.pause_s = 0.8
    zombie = drain_apart(engine)
    while not service.calls:
        time.sleep(0.01)

    assert {"sub"} <= set(ActiveRun.objects.get(pk=run_id).cursor["waits"])
    zombie.join()


def test_the_announcement_of_a_second_try_carries_what_the_first_one_left(deploy, service, transactional_db):
    service.answers = [Response("no", status=500)]
    step = call(
        "ask", service, effect="unsafe", after_unknown="rerun", retry={"attempts": 2, "backoff_s": 0.01}
    )
    run_id = start(deploy(workflow(step)))
    service.pause_s = 0.8
    worker = drain_apart(Engine(slots=2, lease_s=30))
    while len(service.calls) < 2:
        time.sleep(0.01)

    ActiveRun.objects.filter(pk=run_id).update(state="READY")  # as if the worker had died
    worker.join()
    Engine(slots=2, lease_s=30).drain()

    assert service.sent_keys() == [f"{run_id}:ask", f"{run_id}:ask:r1", f"{run_id}:ask:r1"]


def test_a_retry_does_not_keep_the_stop_that_ended_the_run(engine, deploy, service, alice):
    stop = {"key": "halt", "type": "stop", "config": {"output": {"halted": True}}}
    data = workflow(call("ask", service, ["halt", "pause"]), stop, PAUSE, make_value("end"))
    run_id = start(deploy(data))
    engine.drain()
    first = WorkflowExecution.objects.get(pk=run_id)
    assert first.output == {"halted": True}

    again = retry(first, start="pause", by=alice)
    engine.drain()

    assert WorkflowExecution.objects.get(pk=again).output == {"halted": True}


def test_cancelling_takes_along_the_sub_workflow_that_was_just_started(
    deploy, service, alice, transactional_db
):
    deploy(
        {
            **workflow(PAUSE, make_value("end"), key="slow"),
            "triggers": [{"key": "called", "type": "workflow"}],
        }
    )
    sub = {"key": "sub", "type": "sub_workflow", "workflow": "slow"}
    run_id = start(deploy(workflow(call("ask", service, "sub"), sub)))
    service.pause_s = 0.6
    engine = Engine(slots=4, lease_s=30)
    worker = drain_apart(engine)
    while not service.calls:
        time.sleep(0.01)
    assert cancel(WorkflowExecution.objects.get(pk=run_id), by=alice)
    worker.join()
    drain_until(engine, run_id, "CANCELLED")

    children = WorkflowExecution.objects.filter(parent_id=run_id)
    assert {child.status for child in children} <= {"CANCELLED"}
    assert not ActiveRun.objects.exists()


def test_a_waiting_run_that_keeps_nothing_keeps_nothing_when_it_is_cancelled(engine, deploy, alice):
    data = workflow(
        make_value("a", "pause", x=1), PAUSE, make_value("end"), settings={"keep_data": "nothing"}
    )
    run_id = start(deploy(data), {"private": 1})
    engine.drain()

    cancel(WorkflowExecution.objects.get(pk=run_id), by=alice)

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.input is None
    assert steps_of(execution)["a"].output is None


def test_a_wait_of_months_is_recorded(engine, deploy):
    run_id = start(deploy(workflow({**PAUSE, "config": {"days": 300}}, make_value("end"))))
    engine.drain()
    active = ActiveRun.objects.get(pk=run_id)
    active.cursor["waits"]["pause"]["started_at"] = "2025-01-01T00:00:00+00:00"
    active.save(update_fields=["cursor"])
    let_time_pass(run_id)

    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.status == "COMPLETED", execution.error
    assert steps_of(execution)["pause"].duration_ms > 300 * 86_400_000


@pytest.mark.parametrize("length", [10**9, "inf", "nan"])
def test_a_delay_beyond_all_dates_fails_in_words(run, length):
    execution = run(
        workflow(
            {"key": "pause", "type": "delay", "config": {"days": "{{ trigger.body }}"}, "on_error": "tell"},
            make_value("tell"),
        ),
        length,
    )

    assert execution.status == "COMPLETED", execution.error
    assert execution.had_errors


def test_a_retry_condition_that_cannot_be_evaluated_means_no_more_tries(run, service):
    step = call(
        "ask", service, retry={"attempts": 3, "backoff_s": 0.01, "retry_if": "{{ error.status >= 500 }}"}
    )
    step["input"]["url"] = "http://127.0.0.1:9/"

    execution = run(workflow({**step, "on_error": "tell"}, make_value("tell", said="{{ error.message }}")))

    assert execution.status == "COMPLETED", execution.error
    assert "127.0.0.1" in execution.output["said"]


def test_a_worker_that_is_to_stop_hands_over_a_run_between_two_steps(deploy, service, transactional_db):
    loop = {"key": "each", "type": "loop", "over": "{{ trigger.body }}", "next": {"each": "ask"}}
    run_id = start(deploy(workflow(loop, call("ask", service, effect="unsafe"))), list(range(8)))
    service.pause_s = 0.2
    stopping = threading.Event()
    engine = Engine(slots=2, lease_s=30)
    worker = drain_apart(engine, stop=stopping.is_set)
    while len(service.calls) < 2:
        time.sleep(0.01)

    stopping.set()
    worker.join()
    sent = len(service.calls)
    assert sent <= 3

    execution = drain_until(Engine(slots=2, lease_s=30), run_id, "COMPLETED")
    assert execution.output["count"] == 8
    assert len(service.calls) == 8


def test_a_random_value_is_durable_before_a_call_uses_it_also_inside_a_loop(
    deploy, service, transactional_db
):
    loop = {"key": "each", "type": "loop", "over": "{{ trigger.body }}", "next": {"each": "draw"}}
    draw = make_value("draw", "ask", ticket="{{ uuid() }}")
    run_id = start(deploy(workflow(loop, draw, call("ask", service))), [1])
    service.pause_s = 0.8
    worker = drain_apart(SlowEngine(slots=2, lease_s=30))
    while not service.calls:
        time.sleep(0.01)

    assert "each[0].draw" in steps_of(WorkflowExecution.objects.get(pk=run_id))
    worker.join()


def test_a_question_holds_up_neither_a_wait_nor_a_sub_workflow(engine, deploy, service, alice):
    """A wait, a question and a child at once: each goes on by itself, and the question stays open meanwhile."""
    deploy({**workflow(make_value("a"), key="quick"), "triggers": [{"key": "called", "type": "workflow"}]})
    sub = {"key": "sub", "type": "sub_workflow", "workflow": "quick"}
    asking = call("ask", service, effect="unsafe")
    data = workflow(make_value("first", ["ask", "pause", "sub"]), asking, PAUSE, make_value("end"), sub)
    run_id = claim_and_die(engine, deploy(data), service, inflight=["ask"])
    recovery.sweep()
    engine.drain()
    let_time_pass(run_id)
    engine.drain()
    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.status == "NEEDS_ATTENTION"
    assert {"end", "sub"} <= set(steps_of(execution))

    answer_unknown(execution, "ask", "done", by=alice)
    engine.drain()

    assert WorkflowExecution.objects.get(pk=run_id).status == "COMPLETED"
    assert WorkflowExecution.objects.filter(parent_id=run_id).count() == 1
