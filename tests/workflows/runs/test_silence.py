"""A worker that was silent for too long, and services whose answer got lost on the way."""

from __future__ import annotations

import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from werkzeug import Response

from automate.lib import clock
from tests.workflows.runs.conftest import call, start, workflow
from workflows.models import ActiveRun, WorkflowExecution
from workflows.runs import drain, presence, recovery

pytestmark = [pytest.mark.usefixtures("catalogue"), pytest.mark.faults]
EACH = {"key": "each", "type": "loop", "over": "{{ range(3) }}", "next": {"each": "ask"}}


def test_worker_that_stood_still_calls_nobody_before_it_knows_that_the_run_is_its_own(
    engine, deploy, service, httpserver
):
    """In a loop, where the next call does not wait for the record of the one before."""
    service.url = httpserver.url_for("/stop")
    run_id = start(deploy(workflow(EACH, call("ask", service))))
    seen = []

    def stop_meanwhile(request):
        seen.append(request)
        engine.writer.beat_at = float("-inf")
        ActiveRun.objects.filter(pk=run_id).update(attempt=7, worker="another")
        connection.close()
        return Response("{}", content_type="application/json")

    httpserver.expect_request("/stop").respond_with_handler(stop_meanwhile)
    engine.drain()

    assert len(seen) == 1


def test_worker_that_stood_still_and_lost_nothing_goes_on(engine, deploy, service):
    run_id = start(deploy(workflow(EACH, call("ask", service))))
    engine.writer.beat_at = float("-inf")

    engine.drain()

    assert WorkflowExecution.objects.get(pk=run_id).status == "COMPLETED"
    assert len(service.calls) == 3


def test_runs_that_are_held_when_the_silence_ends_are_doubted(engine):
    engine.writer.beat_at = float("-inf")
    held = type("Held", (), {"lease": type("Lease", (), {"is_doubted": False})()})()
    engine.held["run"] = held

    engine._has_beaten(time.monotonic())

    assert held.lease.is_doubted
    assert not engine.writer.is_overdue()


def test_worker_that_stood_still_after_its_claim_was_committed_calls_nobody(
    engine, deploy, service, monkeypatch
):
    """The claim and the beat go in one commit; that beat says nothing about what happened after it."""
    run_id = start(deploy(workflow(call("ask", service))))
    late_s = [0.0]
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + late_s[0], sleep=time.sleep)
    monkeypatch.setattr(drain, "time", later)
    monkeypatch.setattr(presence, "time", later)

    def stand_still(name: str) -> None:
        if name == "drain.after_commit" and not late_s[0]:
            late_s[0] = 100.0
            ActiveRun.objects.filter(pk=run_id).update(attempt=7, worker="another")

    monkeypatch.setattr(drain, "failpoint", stand_still)
    engine.drain()

    assert late_s == [100.0]
    assert service.calls == []


def test_call_before_a_loop_is_recorded_before_the_calls_of_its_items_begin(
    engine, deploy, service, monkeypatch
):
    """Records of items may lag behind, but not that one: the item's call waits for the commit, however late it comes."""
    calls_meanwhile = []
    commit = engine._commit

    def commit_late(*args):
        if any(record.path == "first" for entry in engine.unwritten for record in entry.records):
            time.sleep(0.03)
            calls_meanwhile.append(len(service.calls))
        return commit(*args)

    monkeypatch.setattr(engine, "_commit", commit_late)
    start(deploy(workflow(call("first", service, next="each"), EACH, call("ask", service))))
    engine.drain()

    assert calls_meanwhile == [1]
    assert len(service.calls) == 4


@pytest.mark.parametrize("status", [502, 504])
def test_unsafe_call_that_a_proxy_gave_up_on_is_asked_about(run, service, status):
    service.answers = [Response("gateway", status=status)]

    execution = run(workflow(call("ask", service, effect="unsafe", retry={"attempts": 3, "backoff_s": 0})))

    assert execution.status == "NEEDS_ATTENTION"
    assert len(service.calls) == 1


def test_safe_call_that_a_proxy_gave_up_on_is_repeated_under_its_key(run, service):
    service.answers = [Response("gateway", status=502)]

    execution = run(workflow(call("ask", service, retry={"attempts": 2, "backoff_s": 0})))

    assert execution.status == "COMPLETED"
    assert service.sent_keys() == [f"{execution.pk}:ask"] * 2


def test_a_clock_that_is_wrong_takes_nobodys_runs_away(engine, deploy, monkeypatch):
    run_id = start(deploy(workflow({"key": "a", "type": "transform", "config": {"set": {"a": 1}}})))
    engine.drain()
    run_id = start(
        deploy(workflow({"key": "a", "type": "transform", "config": {"set": {"a": 1}}}, key="other"))
    )
    ActiveRun.objects.filter(pk=run_id).update(state="RUNNING", worker=engine.worker)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(hours=1))

    recovery.sweep()

    assert ActiveRun.objects.get(pk=run_id).state == "RUNNING"
