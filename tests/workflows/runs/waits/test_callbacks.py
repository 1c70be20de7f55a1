"""Steps that wait for a call: their address in earlier texts, and what comes to it when."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from werkzeug import Response

from tests.workflows.runs.conftest import (
    call,
    drain_apart,
    let_time_pass,
    make_value,
    start,
    steps_of,
    workflow,
)
from tests.workflows.runs.waits.conftest import SENDS, came, token_of
from workflows.models import ActiveRun, WaitToken, WorkflowExecution
from workflows.runs import recovery
from workflows.runs.answers import AlreadyAnswered, RunHasEnded, TimeIsUp
from workflows.runs.cancel import cancel
from workflows.runs.retry import retry
from workflows.runs.tokens import address

WAIT = {"key": "wait", "type": "callback", "next": {"main": "end", "timeout": "late"}}
END = make_value("end", got="{{ steps.wait }}")


def told(**more):
    """A workflow that tells its address in a value, and then waits for a call."""
    tell = make_value("tell", "wait", url="{{ callback_url('wait') }}")
    return workflow(tell, {**WAIT, **more}, END, make_value("late"))


def result(engine, run_id):
    engine.drain()
    return WorkflowExecution.objects.get(pk=run_id)


def test_what_is_sent_is_the_output(engine, deploy):
    run_id = start(deploy(told()))
    assert result(engine, run_id).status == "WAITING"

    came(run_id, {"paid": True})

    assert result(engine, run_id).output == {"got": {"paid": True}}


@SENDS
def test_the_address_is_stored_before_a_service_hears_of_it(engine, deploy, service, httpserver, catalogue):
    stored = []

    def hear(request):
        stored.extend(WaitToken.objects.values_list("pk", flat=True))
        connection.close()
        return Response(json.dumps({"heard": request.get_json()["back"]}), content_type="application/json")

    httpserver.expect_request("/ask").respond_with_handler(hear)
    ask = call("ask", service, "wait")
    ask["input"] |= {"url": httpserver.url_for("/ask"), "json": {"back": "{{ callback_url('wait') }}"}}
    run_id = start(deploy(workflow(ask, WAIT, END, make_value("late"))))
    engine.drain()

    assert stored == [token_of(run_id).pk]
    heard = steps_of(WorkflowExecution.objects.get(pk=run_id))["ask"].output["body"]["heard"]
    assert heard == address("CALLBACK", token_of(run_id).pk)


def test_a_call_that_comes_before_the_step_begins_completes_it_at_once(engine, deploy):
    pause = {"key": "pause", "type": "delay", "config": {"hours": 1}, "next": "wait"}
    data = workflow(
        make_value("tell", "pause", url="{{ callback_url('wait') }}"), pause, WAIT, END, make_value("late")
    )
    run_id = start(deploy(data))
    engine.drain()

    came(run_id, {"early": 1})
    assert result(engine, run_id).status == "WAITING"
    let_time_pass(run_id)

    assert result(engine, run_id).output == {"got": {"early": 1}}


def test_it_takes_one_call_only(engine, deploy):
    run_id = start(deploy(told()))
    engine.drain()
    came(run_id, 1)

    with pytest.raises(AlreadyAnswered):
        came(run_id, 2)

    assert result(engine, run_id).output == {"got": 1}


def test_no_call_in_time_goes_on_by_the_port_timeout(engine, deploy):
    run_id = start(deploy(told(config={"timeout_s": 60})))
    engine.drain()
    let_time_pass(run_id)

    assert result(engine, run_id).output == {"done": "late"}
    with pytest.raises((TimeIsUp, RunHasEnded)):
        came(run_id, 1)


def test_a_call_for_a_stopped_run_is_refused(engine, deploy, alice):
    run_id = start(deploy(told()))
    engine.drain()
    cancel(WorkflowExecution.objects.get(pk=run_id), by=alice)

    with pytest.raises(RunHasEnded):
        came(run_id, 1)


def test_the_address_is_the_same_after_a_crash(engine, deploy):
    run_id = start(deploy(told()))
    engine.drain()
    before = token_of(run_id).pk
    ActiveRun.objects.filter(pk=run_id).update(state="RUNNING", worker="gone")
    recovery.sweep()
    engine.drain()

    assert token_of(run_id).pk == before
    came(run_id, "ok")
    assert result(engine, run_id).output == {"got": "ok"}


def test_each_item_of_a_loop_waits_at_an_address_of_its_own(engine, deploy):
    loop = {
        "key": "each", "type": "loop", "over": "{{ trigger.body }}", "parallel": 3,
        "collect": "{{ steps.wait }}", "next": {"each": "tell"},
    }  # fmt: skip
    wait = {"key": "wait", "type": "callback"}
    data = workflow(loop, make_value("tell", "wait", url="{{ callback_url('wait') }}"), wait)
    run_id = start(deploy(data), ["a", "b", "c"])
    engine.drain()

    urls = {
        steps_of(WorkflowExecution.objects.get(pk=run_id))[f"each[{n}].tell"].output["url"] for n in range(3)
    }
    for number in (2, 0, 1):
        came(run_id, number, f"each[{number}].wait")
        engine.drain()

    assert len(urls) == 3
    assert WorkflowExecution.objects.get(pk=run_id).output["results"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("callback_url('wai' ~ 'ts')", "no step 'waits' that waits for a call. Did you mean"),
        ("callback_url(7)", "no step '7'"),
    ],
)
def test_an_address_of_nothing_is_an_error_that_says_so(engine, deploy, text, said):
    data = told()
    data["steps"][0]["config"]["set"]["url"] = "{{ " + text + " }}"
    run_id = start(deploy(data))

    assert said in result(engine, run_id).error["message"]


def test_a_retry_that_kept_the_step_which_told_the_address_hears_its_calls(engine, deploy, alice):
    run_id = start(deploy(told()))
    engine.drain()
    execution = WorkflowExecution.objects.get(pk=run_id)
    cancel(execution, by=alice)
    execution.refresh_from_db()
    token = token_of(run_id)

    again = retry(execution, by=alice)
    engine.drain()

    assert token_of(again).pk == token.pk
    came(again, "late but fine")
    assert result(engine, again).output == {"got": "late but fine"}


def test_a_retry_from_the_start_has_an_address_of_its_own(engine, deploy, alice):
    run_id = start(deploy(told()))
    engine.drain()
    execution = WorkflowExecution.objects.get(pk=run_id)
    cancel(execution, by=alice)
    execution.refresh_from_db()

    again = retry(execution, start="start", by=alice)
    engine.drain()

    assert token_of(again).pk != token_of(run_id).pk


@SENDS
def test_a_call_is_heard_while_another_branch_is_busy(engine, deploy, service, catalogue):
    """The run need not come to rest first: what it writes tells it that something came."""
    steps = [call(f"c{n}", service, f"c{n + 1}" if n < 4 else None, effect="unsafe") for n in range(5)]
    begin = make_value("begin", ["wait", "c0"])
    data = workflow(begin, {"key": "wait", "type": "callback", "next": "end"}, END, *steps)
    service.pause_s = 0.15
    run_id = start(deploy(data))
    thread = drain_apart(engine)
    _until(lambda: service.calls)
    came(run_id, "now")
    thread.join()

    steps_done = steps_of(WorkflowExecution.objects.get(pk=run_id))
    assert steps_done["end"].started_at < steps_done["c4"].started_at


def _until(holds):
    import time

    give_up = time.monotonic() + 10
    while not holds() and time.monotonic() < give_up:
        time.sleep(0.01)
