"""Several waits at once: in branches, in items of a loop, beside a question; and many delays."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from time_machine import travel

from tests.workflows.runs.conftest import (
    call,
    claim_and_die,
    make_value,
    start,
    steps_of,
    workflow,
)
from tests.workflows.runs.waits.conftest import SENDS, approval, approve, came
from workflows.models import ActiveRun, StepExecution, WaitToken, WorkflowExecution
from workflows.runs import recovery
from workflows.runs.answer import answer_unknown
from workflows.runs.answers import Given, answer_by_link

DELAYS = int(os.environ.get("DELAYS", "100"))  # the goal speaks of 1,000
NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def at_rest(engine, run_id):
    recovery.wake_due_now()
    engine.drain()
    return WorkflowExecution.objects.get(pk=run_id)


def test_approvals_calls_and_delays_wait_side_by_side_and_each_goes_on_alone(engine, deploy):
    begin = make_value("begin", ["ask", "wait", "pause"])
    wait = {"key": "wait", "type": "callback", "next": "called"}
    pause = {"key": "pause", "type": "delay", "config": {"minutes": 5}, "next": "rested"}
    ask = approval(next={"approved": "agreed"}, message="?")
    steps = [begin, ask, wait, pause, make_value("agreed"), make_value("called"), make_value("rested")]
    with travel(NOW) as time:
        run_id = start(deploy(workflow(*steps)))
        engine.drain()
        execution = WorkflowExecution.objects.get(pk=run_id)
        assert execution.status == "WAITING"

        approve(execution)
        at_rest(engine, run_id)
        assert set(steps_of(execution)) == {"begin", "ask", "agreed"}

        time.shift(timedelta(minutes=5, seconds=1))
        assert at_rest(engine, run_id).status == "WAITING"
        assert "rested" in steps_of(execution)

        came(run_id, 1)
        assert at_rest(engine, run_id).status == "COMPLETED"


def test_approvals_in_items_of_a_loop_are_asked_together_and_kept_apart(engine, deploy):
    loop = {
        "key": "each", "type": "loop", "over": "{{ trigger.body }}", "parallel": 10, "next": {"each": "ask"},
        "collect": "{{ steps.ask.decision }}",
    }  # fmt: skip
    run_id = start(deploy(workflow(loop, approval(message="{{ item }}?"))), ["a", "b", "c"])
    engine.drain()

    for path, fine in (("each[1].ask", False), ("each[2].ask", True), ("each[0].ask", True)):
        answer_by_link(WaitToken.objects.get(execution_id=run_id, path=path), Given(fine), user=None)
        engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.output["results"] == ["approved", "rejected", "approved"]


@SENDS
def test_a_question_beside_a_timed_wait_needs_attention_and_the_wait_still_ends(
    engine, deploy, service, catalogue, alice
):
    first = make_value("first", ["ask", "pause"])
    pause = {"key": "pause", "type": "delay", "config": {"minutes": 5}, "next": "rested"}
    data = workflow(first, call("ask", service, effect="unsafe"), pause, make_value("rested"))
    with travel(NOW) as time:
        run_id = claim_and_die(engine, deploy(data), service, inflight=["ask"])
        recovery.sweep()
        engine.drain()
        execution = WorkflowExecution.objects.get(pk=run_id)
        assert execution.status == "NEEDS_ATTENTION"
        assert ActiveRun.objects.get(pk=run_id).state == "ATTENTION"

        time.shift(timedelta(minutes=6))
        assert at_rest(engine, run_id).status == "NEEDS_ATTENTION"
        assert "rested" in steps_of(execution)

        answer_unknown(execution, "ask", "done", by=alice)
        assert at_rest(engine, run_id).status == "COMPLETED"


@SENDS
def test_an_approval_beside_a_question_is_answered_while_the_run_needs_attention(
    engine, deploy, service, catalogue
):
    first = make_value("first", ["ask", "ok"])
    data = workflow(
        first,
        call("ask", service, effect="unsafe"),
        approval("ok", next={"approved": "agreed"}),
        make_value("agreed"),
    )
    run_id = claim_and_die(engine, deploy(data), service, inflight=["ask"])
    recovery.sweep()
    engine.drain()

    approve(WorkflowExecution.objects.get(pk=run_id))

    assert at_rest(engine, run_id).status == "NEEDS_ATTENTION"
    assert "agreed" in steps_of(WorkflowExecution.objects.get(pk=run_id))


def test_an_approval_in_a_while_loop_is_asked_anew_each_round(engine, deploy):
    loop = {
        "key": "again", "type": "loop", "while": "{{ loop.state.go_on }}",
        "state": {"go_on": "{{ steps.ask.decision | default('rejected') == 'rejected' }}"},
        "next": {"each": "ask", "done": "end"},
    }  # fmt: skip
    run_id = start(deploy(workflow(loop, approval(), make_value("end"))))
    engine.drain()

    for number, fine in enumerate((False, False, True)):
        token = WaitToken.objects.get(execution_id=run_id, path=f"again[{number}].ask")
        answer_by_link(token, Given(fine), user=None)
        engine.drain()

    assert WorkflowExecution.objects.get(pk=run_id).output == {"done": "end"}


def test_delays_up_to_ten_minutes_and_one_of_forty_days_each_end_once_and_in_time(engine, deploy):
    """On rows and a clock that the test moves: nothing here takes the time it stands for."""
    pause = {"key": "pause", "type": "delay", "config": {"seconds": "{{ trigger.body }}"}, "next": "end"}
    count, days = DELAYS, 40
    with travel(NOW, tick=False) as time:
        deployment = deploy(workflow(pause, make_value("end")))
        runs = [start(deployment, 5 + number * 595 / DELAYS) for number in range(count)]
        long_one = start(deployment, days * 86_400)
        engine.drain()
        assert ActiveRun.objects.filter(state="WAITING").count() == count + 1

        for minute in range(1, 11):
            time.shift(timedelta(minutes=1))
            at_rest(engine, long_one)
            due = [number for number in range(count) if 5 + number * 595 / DELAYS <= minute * 60]
            ended = StepExecution.objects.filter(step_id="pause", step_status="COMPLETED").count()
            assert ended == len(due)
        assert StepExecution.objects.filter(step_id="end", execution_id__in=runs).count() == count

        time.shift(timedelta(days=days) - timedelta(minutes=11))
        assert at_rest(engine, long_one).status == "WAITING"
        time.shift(timedelta(minutes=2))
        assert at_rest(engine, long_one).status == "COMPLETED"


@pytest.mark.parametrize(
    ("until", "zone", "expected"),
    [
        ("09:00", "Europe/Berlin", "2027-03-02T08:00:00+00:00"),
        ("monday", "UTC", "2027-03-08T00:00:00+00:00"),
        ("Fri 17:30", "America/New_York", "2027-03-05T22:30:00+00:00"),
        ("2027-03-28T02:30", "Europe/Berlin", "2027-03-28T02:30:00+01:00"),
        ("{{ now | add_days(60) }}", "UTC", "2027-04-30T12:00:00+00:00"),
    ],
)
def test_a_delay_waits_until_a_date_a_time_of_day_or_a_weekday(engine, deploy, until, zone, expected):
    pause = {"key": "pause", "type": "delay", "config": {"until": until}, "next": "end"}
    with travel(NOW, tick=False):
        run_id = start(deploy(workflow(pause, make_value("end"), settings={"time_zone": zone})))
        engine.drain()

    moment = ActiveRun.objects.get(pk=run_id).run_at
    assert moment == datetime.fromisoformat(expected)
