"""Steps that call a service: keys, retries, overlap, unknown outcomes, crashes."""

from __future__ import annotations

import time
import uuid

import pytest
from werkzeug import Response

from tests.workflows.runs.conftest import (
    call,
    claim_and_die,
    drain_apart,
    drain_until,
    make_value,
    start,
    steps_of,
    workflow,
)
from workflows.models import ActiveRun, StepExecution, WorkflowExecution, WorkflowVariable
from workflows.runs import recovery
from workflows.runs.answer import NothingToAnswer, answer_unknown
from workflows.runs.cancel import cancel
from workflows.runs.drain import MAX_BARREN, Engine
from workflows.runs.retry import retry
from workflows.runs.secret_values import conceal

pytestmark = pytest.mark.usefixtures("catalogue")


def test_an_action_runs_and_its_answer_is_the_output(run, service):
    execution = run(workflow(call("ask", service, "end"), make_value("end", ok="{{ steps.ask.body.ok }}")))

    assert execution.status == "COMPLETED", execution.error
    assert execution.output == {"ok": True}
    assert service.calls[0].json == {"from": "ask"}
    assert steps_of(execution)["ask"].request_log["status"] == 200


def test_the_key_of_a_call_is_the_run_and_the_path(run, service):
    execution = run(workflow(call("ask", service)))

    assert service.sent_keys() == [f"{execution.pk}:ask"]


def test_output_mapping_keeps_what_the_step_asks_for(run, service):
    execution = run(workflow(call("ask", service, output={"fine": "{{ result.body.ok }}"})))

    assert execution.output == {"fine": True}


def test_a_failing_call_is_tried_again_with_a_new_key_after_a_definite_answer(run, service):
    service.answers = [Response("down", status=503)]

    execution = run(workflow(call("ask", service, retry={"attempts": 3, "backoff_s": 0.01})))

    step = steps_of(execution)["ask"]
    assert execution.status == "COMPLETED"
    assert service.sent_keys() == [f"{execution.pk}:ask", f"{execution.pk}:ask:r1"]
    assert step.retry_count == 1
    assert step.attempts[0]["status"] == 503


def test_a_call_that_keeps_failing_takes_its_error_path(run, service):
    service.answers = [Response("no", status=500)] * 2
    failing = call("ask", service, retry={"attempts": 2, "backoff_s": 0.01}, on_error="tell")

    execution = run(workflow(failing, make_value("tell", status="{{ error.status }}")))

    assert execution.output == {"status": 500}
    assert len(service.calls) == 2


def test_branches_that_wait_overlap(run, service):
    service.pause_s = 0.5
    data = workflow(make_value("go", ["a", "b"]), call("a", service), call("b", service))

    began = time.monotonic()
    execution = run(data)

    assert execution.status == "COMPLETED"
    first, second = steps_of(execution)["a"], steps_of(execution)["b"]
    assert first.started_at < second.completed_at
    assert second.started_at < first.completed_at
    assert time.monotonic() - began < 60  # the overlap above is the fact; this only ends a hanging test


def test_loop_items_run_as_many_at_once_as_asked(run, service):
    service.pause_s = 0.2
    loop = {
        "key": "each",
        "type": "loop",
        "over": "{{ trigger.body }}",
        "parallel": 4,
        "next": {"each": "ask"},
    }

    execution = run(workflow(loop, call("ask", service)), list(range(8)))

    spans = [(s.started_at, s.completed_at) for p, s in steps_of(execution).items() if p.endswith(".ask")]
    at_once = max(sum(begin <= moment < end for begin, end in spans) for moment, _ in spans)
    assert len(service.calls) == 8
    assert 2 <= at_once <= 4


def test_an_unreachable_host_fails_with_a_sentence(run, service):
    step = call("ask", service)
    step["input"]["url"] = "http://127.0.0.1:9/"

    execution = run(workflow(step))

    assert execution.status == "FAILED"
    assert "127.0.0.1" in execution.error["message"]


def test_a_run_of_a_dead_worker_goes_on_after_its_last_finished_step(engine, deploy, service):
    deployment = deploy(workflow(make_value("first", "ask"), call("ask", service, "end"), make_value("end")))
    run_id = claim_and_die(engine, deployment, service)

    recovery.sweep()
    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.status == "COMPLETED"
    assert service.sent_keys() == [f"{run_id}:ask"]
    assert StepExecution.objects.filter(execution=execution, path="first").count() == 1


def test_an_announced_unsafe_call_is_not_sent_again_but_asked_about(engine, deploy, service):
    deployment = deploy(
        workflow(make_value("first", "ask"), call("ask", service, "end", effect="unsafe"), make_value("end"))
    )
    run_id = claim_and_die(engine, deployment, service, inflight=["ask"])

    recovery.sweep()
    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.status == "NEEDS_ATTENTION"
    assert service.calls == []


@pytest.mark.parametrize(
    ("answer", "status", "calls"),
    [("rerun", "COMPLETED", 1), ("done", "COMPLETED", 0), ("fail", "FAILED", 0)],
)
def test_the_three_answers_let_the_run_go_on(engine, deploy, service, alice, answer, status, calls):
    deployment = deploy(workflow(make_value("first", "ask"), call("ask", service, effect="unsafe")))
    run_id = claim_and_die(engine, deployment, service, inflight=["ask"])
    recovery.sweep()
    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    answer_unknown(execution, "ask", answer, output={"typed": 1}, by=alice)
    engine.drain()

    execution.refresh_from_db()
    assert execution.status == status
    assert len(service.calls) == calls
    with pytest.raises(NothingToAnswer):
        answer_unknown(execution, "ask", answer, by=alice)


def test_a_worker_that_lost_its_run_writes_nothing(engine, deploy, service):
    deployment = deploy(workflow(call("ask", service, "end"), make_value("end")))
    service.pause_s = 0.6
    run_id = start(deployment)
    zombie = drain_apart(engine)
    while not service.calls:
        time.sleep(0.01)

    ActiveRun.objects.filter(pk=run_id).update(state="RUNNING", worker="other", attempt=7)
    zombie.join()

    assert StepExecution.objects.filter(execution_id=run_id).count() == 0
    assert WorkflowExecution.objects.get(pk=run_id).status == "RUNNING"


def test_a_run_that_keeps_losing_its_worker_fails_in_words(engine, deploy, service):
    deployment = deploy(workflow(make_value("first", "ask"), call("ask", service)))
    run_id = claim_and_die(engine, deployment, service)
    ActiveRun.objects.filter(pk=run_id).update(barren=MAX_BARREN)

    recovery.sweep()
    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.status == "FAILED"
    assert execution.error["code"] == "worker_lost"


def test_a_delay_is_a_row_and_no_thread(engine, deploy, service):
    delay = {"key": "pause", "type": "delay", "config": {"seconds": 1.5}, "next": "end"}
    run_id = start(deploy(workflow(delay, make_value("end"))))

    engine.drain()
    waiting = ActiveRun.objects.get(pk=run_id)
    assert waiting.state == "WAITING"
    assert engine.held == {}

    execution = drain_until(engine, run_id, "COMPLETED")
    assert execution.status == "COMPLETED"
    assert (execution.completed_at - execution.started_at).total_seconds() >= 1.5


def test_a_waiting_run_is_cancelled_at_once(engine, deploy, service, alice):
    delay = {"key": "pause", "type": "delay", "config": {"days": 3}}
    run_id = start(deploy(workflow(delay)))
    engine.drain()

    assert cancel(WorkflowExecution.objects.get(pk=run_id), by=alice)

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.status == "CANCELLED"
    assert not ActiveRun.objects.filter(pk=run_id).exists()
    assert not cancel(execution, by=alice)


def test_a_running_run_is_cancelled_after_the_step_under_way(deploy, service, alice, transactional_db):
    service.pause_s = 0.6
    run_id = start(deploy(workflow(call("a", service, "b"), call("b", service))))
    engine = Engine(slots=2, lease_s=30)
    worker = drain_apart(engine)
    while not service.calls:
        time.sleep(0.01)

    assert cancel(WorkflowExecution.objects.get(pk=run_id), by=alice)
    worker.join()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.status == "CANCELLED"
    assert len(service.calls) == 1
    assert steps_of(execution)["a"].step_status == "COMPLETED"


def test_a_retry_keeps_finished_steps_and_their_keys(engine, deploy, service, alice):
    service.answers = [Response('{"n": 1}', content_type="application/json"), Response("no", status=500)]
    deployment = deploy(workflow(call("a", service, "b"), call("b", service)))
    run_id = start(deployment)
    engine.drain()
    failed = WorkflowExecution.objects.get(pk=run_id)
    assert failed.status == "FAILED"

    again = retry(failed, by=alice)
    engine.drain()

    execution = WorkflowExecution.objects.get(pk=again)
    assert execution.status == "COMPLETED"
    assert execution.retry_of_id == failed.pk
    assert steps_of(execution)["a"].copied_from is not None
    assert service.sent_keys() == [f"{run_id}:a", f"{run_id}:b", f"{run_id}:b"]


def test_a_retry_inside_a_loop_repeats_only_the_failed_item(engine, deploy, service, alice):
    service.answers = [Response("{}"), Response("no", status=500)]
    loop = {"key": "each", "type": "loop", "over": "{{ trigger.body }}", "next": {"each": "ask"}}
    run_id = start(deploy(workflow(loop, call("ask", service))), [1, 2])
    engine.drain()

    again = retry(WorkflowExecution.objects.get(pk=run_id), by=alice)
    engine.drain()

    execution = WorkflowExecution.objects.get(pk=again)
    assert execution.output == {"count": 2, "failed": 0, "results": []}
    assert [key.split(":")[1] for key in service.sent_keys()] == ["each[0].ask", "each[1].ask", "each[1].ask"]


def test_a_sub_workflow_gives_its_output_to_the_step_that_waits(engine, deploy, service):
    deploy(
        {
            **workflow(make_value("double", n="{{ trigger.body.n * 2 }}"), key="doubler"),
            "triggers": [{"key": "called", "type": "workflow"}],
        }
    )
    parent = deploy(
        workflow(
            {
                "key": "sub",
                "type": "sub_workflow",
                "workflow": "doubler",
                "input": {"n": "{{ trigger.body }}"},
            }
        )
    )

    execution = drain_until(engine, start(parent, 21), "COMPLETED")

    assert execution.output == {"n": 42}


def test_a_sub_workflow_that_is_gone_fails_in_words(engine, deploy, service):
    child = deploy(workflow(make_value("a"), key="helper"))
    parent = deploy(workflow({"key": "sub", "type": "sub_workflow", "workflow": "helper"}))
    child.delete()

    execution = drain_until(engine, start(parent), "FAILED")

    assert "helper" in execution.error["message"]


def test_a_run_longer_than_its_limit_is_timed_out(run, service):
    service.pause_s = 1.2
    data = workflow(call("a", service, "b"), call("b", service), settings={"timeout_s": 1})

    execution = run(data)

    assert execution.status == "TIMED_OUT"
    assert len(service.calls) == 1


def test_nothing_is_kept_when_the_workflow_says_so(run, service):
    execution = run(workflow(make_value("a", x=1), settings={"keep_data": "nothing"}), {"secret": 1})

    assert execution.output is None
    assert execution.input is None
    assert steps_of(execution)["a"].output is None
    assert isinstance(execution.pk, uuid.UUID)


def test_secrets_are_masked_in_inputs_and_sealed_in_outputs(run, service, workspace):
    variable = WorkflowVariable(tenant=workspace, key="API_KEY", type=WorkflowVariable.Type.SECRET)
    conceal(variable, "canary-4711-secret")
    variable.save()
    service.answers = [Response('{"echo": "you sent canary-4711-secret"}', content_type="application/json")]
    step = call("ask", service, "copy")
    step["input"]["headers"] = {"X-Key": "{{ vars.API_KEY }}"}
    copy = make_value("copy", "twice", seen="{{ steps.ask.body.echo }}")

    execution = run(workflow(step, copy, call("twice", service)))

    assert service.calls[0].headers["X-Key"] == "canary-4711-secret"
    assert execution.status == "COMPLETED", execution.error
    stored = [
        str(row)
        for row in [
            *StepExecution.objects.values("input", "output", "error", "request_log"),
            *WorkflowExecution.objects.values("input", "output", "error"),
        ]
    ]
    assert not [row for row in stored if "canary-4711" in row]
    assert steps_of(execution)["copy"].is_encrypted
