"""Limits of runs: what becomes of a start while others are under way, and who goes on when one has ended."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, connections, transaction
from werkzeug import Request, Response

from accounts.models import Tenant
from automate.lib import clock
from tests.workflows.runs.conftest import call, drain_apart, let_time_pass, make_value, start, workflow
from workflows.models import ActiveRun, RunEvent, TriggerReceipt, WorkflowExecution
from workflows.runs import policies, recovery, turns
from workflows.runs import start as starting
from workflows.runs.cancel import cancel
from workflows.runs.deletion import delete_runs
from workflows.runs.store import current_store

AT_ONCE = [make_value("a")]
FOR_LONG = [{"key": "later", "type": "delay", "config": {"hours": 1}, "next": ["a"]}, make_value("a")]


@pytest.fixture(autouse=True)
def _nothing_kept():
    policies.forget()


@pytest.fixture
def gate(httpserver):
    """A service that answers when it is told to."""
    gate = SimpleNamespace(
        arrived=threading.Event(), opened=threading.Event(), url=httpserver.url_for("/gate")
    )

    def answer(request: Request) -> Response:
        gate.arrived.set()
        gate.opened.wait(10)
        return Response("{}", content_type="application/json")

    httpserver.expect_request("/gate").respond_with_handler(answer)
    yield gate
    gate.opened.set()


def limited(steps: list[dict[str, Any]] = AT_ONCE, **settings: Any) -> dict[str, Any]:
    return workflow(*steps, settings=settings, key=settings.pop("key", "under-test"))


def states(*runs) -> list[str]:
    """State in the queue, or the status of a run that has ended."""
    found = dict(ActiveRun.objects.filter(pk__in=runs).values_list("pk", "state"))
    ended = dict(WorkflowExecution.objects.filter(pk__in=runs).values_list("pk", "status"))
    return [found.get(run) or ended.get(run, "none") for run in runs]


def test_a_queued_start_is_held_and_goes_on_when_the_first_has_ended(engine, deploy):
    deployment = deploy(limited(overlap="queue"))
    first, second, third = (start(deployment) for _ in range(3))
    held = states(first, second, third)

    engine.drain()

    assert held == ["READY", "HELD", "HELD"]
    assert states(first, second, third) == ["COMPLETED"] * 3


def test_a_run_that_waits_counts_as_under_way(engine, deploy):
    deployment = deploy(limited(FOR_LONG, overlap="queue"))
    first, second = start(deployment), start(deployment)

    engine.drain()
    waiting = states(first, second)
    let_time_pass(first)
    engine.drain()

    assert waiting == ["WAITING", "HELD"]
    assert states(first, second) == ["COMPLETED", "WAITING"]


def test_starts_beyond_a_limit_of_parallel_runs_wait(engine, deploy):
    deployment = deploy(limited(max_parallel_runs=2))

    runs = [start(deployment) for _ in range(3)]

    assert states(*runs) == ["READY", "READY", "HELD"]


def test_a_start_is_left_out_with_an_event_while_a_run_is_under_way(engine, deploy):
    deployment = deploy(limited(FOR_LONG, overlap="skip"))
    first = start(deployment)

    second = start(deployment)

    assert second is None
    assert WorkflowExecution.objects.count() == 1
    event = RunEvent.objects.get()
    assert (event.kind, event.trigger_key, event.template_id) == ("SKIPPED", "go", deployment.template_id)
    assert "a run of this workflow was still under way" in event.message
    cancel(WorkflowExecution.objects.get(pk=first), by=None)
    assert start(deployment) is not None


def test_a_newer_start_stops_the_older_run_and_goes_on(engine, deploy):
    deployment = deploy(limited(FOR_LONG, overlap="restart"))
    first = start(deployment)
    engine.drain()

    second = start(deployment)

    assert states(first, second) == ["CANCELLED", "READY"]
    assert "A newer run" in WorkflowExecution.objects.get(pk=first).error["message"]
    assert RunEvent.objects.get(execution_id=first).kind == "REPLACED"


def test_a_newer_start_waits_until_a_busy_older_run_has_stopped(engine, catalogue, deploy, gate):
    deployment = deploy(limited([call("ask", gate, "then"), call("then", gate)], overlap="restart"))
    first = start(deployment)
    worker = drain_apart(engine)
    gate.arrived.wait(10)

    second = start(deployment)
    at_once = states(second)
    gate.opened.set()
    worker.join()

    assert at_once == ["HELD"]
    assert states(first, second) == ["CANCELLED", "COMPLETED"]
    assert "A newer run" in WorkflowExecution.objects.get(pk=first).error["message"]


def test_of_several_newer_starts_the_newest_wins(engine, deploy):
    deployment = deploy(limited(FOR_LONG, overlap="restart"))

    runs = [start(deployment) for _ in range(3)]

    assert states(*runs) == ["CANCELLED", "CANCELLED", "READY"]


@pytest.mark.parametrize("overlap", ["restart", "skip", "queue"])
def test_a_delivery_that_came_before_counts_for_nothing(engine, deploy, overlap):
    deployment = deploy(
        {**limited(FOR_LONG, overlap=overlap), "triggers": [{"key": "in", "type": "webhook"}]}
    )
    live = deployment.live_triggers.get()

    def deliver():
        return starting.start_run(
            deployment=deployment, live_trigger=live, trigger={"key": "in"}, trigger_type="WEBHOOK",
            receipt=starting.Receipt("order-1", "aa"),
        )  # fmt: skip

    first, again = deliver(), deliver()

    assert (again.execution_id, again.duplicate) == (first.execution_id, True)
    assert states(first.execution_id) == ["READY"]
    assert TriggerReceipt.objects.count() == 1


def test_runs_without_a_limit_carry_no_key(engine, deploy):
    assert ActiveRun.objects.get(pk=start(deploy(workflow(*AT_ONCE)))).concurrency_key == ""


def test_test_runs_are_not_limited(engine, deploy, alice):
    deployment = deploy(limited(FOR_LONG, overlap="queue"))
    start(deployment)

    tried = starting.start_test_run(
        deployment.template, trigger={"key": "go"}, trigger_type="MANUAL", by=alice
    )

    assert states(tried) == ["READY"]


def test_a_held_run_can_be_stopped_and_deleted(engine, deploy):
    deployment = deploy(limited(FOR_LONG, overlap="queue"))
    first, second, third = (start(deployment) for _ in range(3))

    cancel(WorkflowExecution.objects.get(pk=second), by=None)
    delete_runs(WorkflowExecution.objects.filter(pk=first))

    assert states(first, second, third) == ["none", "CANCELLED", "READY"]


def test_held_runs_go_on_by_what_is_published_now(engine, deploy):
    deployment = deploy(limited(FOR_LONG, overlap="queue"))
    first, second = start(deployment), start(deployment)
    version = deployment.version
    version.workflow_data["settings"] = {"overlap": "queue", "max_parallel_runs": 2}
    version.save()

    recovery.sweep()

    assert states(first, second) == ["READY", "READY"]


def test_the_sweep_lets_go_on_what_nothing_holds_up(engine, deploy):
    deployment = deploy(limited(overlap="queue"))
    first, second = start(deployment), start(deployment)
    ActiveRun.objects.filter(pk=first).delete()

    recovery.sweep()

    assert states(second) == ["READY"]


def test_a_sub_workflow_waits_for_its_turn(engine, deploy):
    helper = limited(FOR_LONG, overlap="skip", key="helper")
    busy = deploy({**helper, "triggers": [{"key": "go", "type": "manual"}]})
    parent = deploy(workflow({"key": "sub", "type": "sub_workflow", "workflow": "helper"}, key="parent"))
    first, asking = start(busy), start(parent)
    engine.drain()
    child = WorkflowExecution.objects.get(parent_id=asking).pk
    waiting = states(first, asking, child)

    cancel(WorkflowExecution.objects.get(pk=first), by=None)

    assert waiting == ["WAITING", "WAITING", "HELD"]
    assert states(child) == ["READY"]


def test_a_limited_workflow_that_starts_itself_does_not_wait_for_itself(engine, deploy):
    again = {"key": "again", "type": "sub_workflow", "workflow": "under-test"}
    choice = {
        "key": "choice", "type": "condition",
        "cases": [{"key": "once", "name": "Once", "when": "{{ trigger.parent is not defined }}"}],
        "next": {"once": ["again"], "else": ["a"]},
    }  # fmt: skip
    deployment = deploy(limited([choice, again, make_value("a")], overlap="queue"))

    run = start(deployment)
    engine.drain()

    assert states(run) == ["COMPLETED"]
    assert WorkflowExecution.objects.get(parent_id=run).status == "COMPLETED"


def test_the_sub_workflow_of_a_test_run_is_not_limited(engine, deploy, alice):
    busy = deploy(limited(FOR_LONG, overlap="queue", key="helper"))
    parent = deploy(workflow({"key": "sub", "type": "sub_workflow", "workflow": "helper"}, key="parent"))
    start(busy)

    tried = starting.start_test_run(parent.template, trigger={"key": "go"}, trigger_type="MANUAL", by=alice)
    engine.drain()

    child = ActiveRun.objects.get(execution__parent_id=tried)
    assert (child.state, child.priority) == ("WAITING", 1)


# --- the workspace ---------------------------------------------------------------------------------


@pytest.fixture
def one_at_once(workspace: Tenant) -> Tenant:
    workspace.max_parallel_runs = 1
    workspace.save()
    return workspace


def test_a_workspace_limits_the_runs_at_work(engine, deploy, one_at_once):
    one, other = deploy(workflow(*AT_ONCE)), deploy(workflow(*AT_ONCE, key="other"))
    first, second = start(one), start(other)
    held = states(first, second)

    engine.drain()

    assert held == ["READY", "HELD"]
    assert states(first, second) == ["COMPLETED", "COMPLETED"]


def test_a_run_that_waits_gives_its_place_in_the_workspace_to_others(engine, deploy, one_at_once):
    slow, quick = deploy(workflow(*FOR_LONG)), deploy(workflow(*AT_ONCE, key="quick"))
    first, second = start(slow), start(quick)

    engine.drain()

    assert states(first, second) == ["WAITING", "COMPLETED"]


def test_both_limits_hold_together(engine, deploy, workspace):
    workspace.max_parallel_runs = 2
    workspace.save()
    limited_one, free = deploy(limited(overlap="queue")), deploy(workflow(*AT_ONCE, key="free"))
    runs = [start(limited_one), start(limited_one), start(free), start(free)]
    held = states(*runs)

    engine.drain()

    assert held == ["READY", "HELD", "READY", "HELD"]
    assert states(*runs) == ["COMPLETED"] * 4


def test_a_limit_that_is_taken_away_lets_everybody_go_on(engine, deploy, one_at_once):
    deployment = deploy(workflow(*AT_ONCE))
    runs = [start(deployment) for _ in range(3)]
    one_at_once.max_parallel_runs = None
    one_at_once.save()

    recovery.sweep()

    assert states(*runs) == ["READY"] * 3


# --- at the same time -----------------------------------------------------------------------------


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time.")
def test_starts_at_the_same_moment_do_not_slip_in_together(engine, deploy):
    deployment = deploy(limited(FOR_LONG, overlap="queue"))
    ready = threading.Barrier(4)

    def go():
        try:
            with transaction.atomic():
                ready.wait()
                start(deployment)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ActiveRun.objects.values_list("state", flat=True)) == ["HELD", "HELD", "HELD", "READY"]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time.")
def test_stopping_that_meets_an_ending_is_tried_again(engine, deploy):
    helper = limited(FOR_LONG, key="helper")
    deploy({**helper, "triggers": [{"key": "called", "type": "workflow"}]})
    parent = start(
        deploy(workflow({"key": "sub", "type": "sub_workflow", "workflow": "helper"}, key="parent"))
    )
    engine.drain()
    child = WorkflowExecution.objects.get(parent_id=parent).pk
    holds, stopped = threading.Event(), []

    def stop():
        holds.wait(5)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET deadlock_timeout = '20ms'")
            stopped.append(cancel(WorkflowExecution.objects.get(pk=parent), by=None))
        finally:
            connections.close_all()

    person = threading.Thread(target=stop)
    person.start()
    with transaction.atomic():  # what an ending does: the child's row, then its parent's
        ActiveRun.objects.select_for_update().get(pk=child)
        holds.set()
        while not _is_waited_for():
            threading.Event().wait(0.01)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '5s'")  # so that the other one is ended
        ActiveRun.objects.filter(pk=parent).update(signals=1)
    person.join()

    assert stopped == [True]
    assert states(parent, child) == ["CANCELLED", "CANCELLED"]


def _is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_held_runs_are_settled_in_the_order_they_came(engine, deploy):
    deployment = deploy(limited(FOR_LONG, overlap="queue"))
    runs = [start(deployment) for _ in range(4)]
    ActiveRun.objects.filter(pk=runs[0]).delete()

    turns.settle(deployment.tenant_id, {f"d:{deployment.pk}"})

    assert states(*runs[1:]) == ["READY", "HELD", "HELD"]
    assert ActiveRun.objects.get(pk=runs[1]).run_at <= clock.now()


# --- hearing of a stop ----------------------------------------------------------------------------


def claimed_run(deployment):
    """A run that a worker holds and somebody has stopped since."""
    run = start(deployment)
    with transaction.atomic():
        lease = current_store().claim("worker", 1, clock.now())[0].lease
    cancel(WorkflowExecution.objects.get(pk=run), by=None)
    return lease


def test_showing_progress_hears_of_a_stop(engine, deploy):
    lease = claimed_run(deploy(workflow(*AT_ONCE)))
    lease.running["a"] = {"state": "RUNNING"}

    current_store().show_progress([lease])

    assert lease.cancelled


def test_a_beat_hears_of_stops(engine, deploy):
    lease = claimed_run(deploy(workflow(*AT_ONCE)))

    assert current_store().cancelled_of("worker") == {lease.execution_id}
    assert current_store().cancelled_of("another") == set()


def test_a_run_busy_with_one_long_call_hears_of_a_stop(engine, catalogue, deploy, gate):
    run = start(deploy(workflow(call("ask", gate))))
    engine.lease_s = 0.1  # beats come with every turn of the writer
    worker = drain_apart(engine)
    gate.arrived.wait(10)
    lease = engine.held[run].lease
    while lease.shown != lease.running:  # what follows writes nothing
        threading.Event().wait(0.01)

    cancel(WorkflowExecution.objects.get(pk=run), by=None)
    give_up = time.monotonic() + 5
    while not lease.cancelled and time.monotonic() < give_up:
        threading.Event().wait(0.01)
    heard = lease.cancelled
    gate.opened.set()
    worker.join()

    assert heard
    assert states(run) == ["CANCELLED"]
