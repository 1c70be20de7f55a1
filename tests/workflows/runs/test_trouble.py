"""When something around the engine is broken: one bad run, a database or a Redis that is away."""

from __future__ import annotations

import threading
import time

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection

from automate.management.commands.scheduler import Chore
from tests.workflows.runs.conftest import call, drain_apart, drain_until, make_value, start, workflow
from workflows.models import ActiveRun, WorkerLease, WorkflowExecution, WorkflowVersion
from workflows.runs import health, presence
from workflows.runs.drain import Engine
from workflows.runs.facts import Facts
from workflows.runs.program import programs

pytestmark = pytest.mark.faults


def test_a_version_that_cannot_be_read_fails_its_own_runs_alone(engine, deploy):
    good, bad = deploy(workflow(make_value("a"))), deploy(workflow(make_value("a"), key="bad"))
    WorkflowVersion.objects.filter(pk=bad.version_id).update(workflow_data={"format": "automate/0"})
    programs._programs.pop(bad.version_id, None)
    bad_id, good_id = start(bad), start(good)

    engine.drain()

    assert WorkflowExecution.objects.get(pk=good_id).status == "COMPLETED"
    assert WorkflowExecution.objects.get(pk=bad_id).error["code"] == "internal"
    assert engine.held == {}


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite stores any text.")
def test_who_waits_for_a_run_that_cannot_be_stored_is_told(engine, deploy):
    child = workflow(make_value("a"), key="helper")
    deployment = deploy({**child, "triggers": [{"key": "called", "type": "workflow"}]})
    parent = deploy(workflow({"key": "sub", "type": "sub_workflow", "workflow": "helper"}))
    program = programs.get({deployment.version_id})[deployment.version_id]
    object.__setattr__(program.graph.steps["a"], "name", "n" * 400)  # longer than its column

    execution = drain_until(engine, start(parent), "FAILED")

    assert execution.status == "FAILED"
    assert "cannot be stored" in execution.error["message"]


@pytest.mark.parametrize("attempt", [0, 1])
def test_a_queue_row_whose_run_is_gone_is_in_nobodys_way(engine, deploy, attempt):
    deployment = deploy(workflow(make_value("a")))
    gone_id, run_id = start(deployment), start(deployment)
    ActiveRun.objects.filter(pk=gone_id).update(attempt=attempt)
    WorkflowExecution.objects.filter(pk=gone_id)._raw_delete("default")

    engine.drain()

    assert WorkflowExecution.objects.get(pk=run_id).status == "COMPLETED"
    assert ActiveRun.objects.count() == 0


def test_a_question_to_the_database_waits_until_it_is_back(transactional_db):
    facts, failures = Facts(), [OperationalError("gone"), OperationalError("gone")]
    facts.writer.thread = 0
    answers = []

    def read():
        if failures:
            raise failures.pop()
        return "here"

    asking = threading.Thread(target=lambda: answers.append(facts.ask(read)), daemon=True)
    asking.start()
    give_up = time.monotonic() + 10
    while asking.is_alive() and time.monotonic() < give_up:
        facts.serve()
        time.sleep(0.01)

    assert answers == ["here"]


def test_nobody_waits_for_a_writer_that_has_gone(monkeypatch):
    monkeypatch.setattr(presence, "GRACE_S", 0.2)
    facts, raised = Facts(), []
    with facts.writer.here():
        pass

    def ask():
        try:
            facts.ask(lambda: "never read")
        except presence.WriterGone as gone:
            raised.append(gone)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(10)

    assert len(raised) == 1


def test_a_long_run_holds_up_no_others(catalogue, deploy, service):
    service.pause_s = 2.5
    long_id = start(deploy(workflow(call("ask", service))))
    quick = deploy(workflow(make_value("a"), key="quick"))
    engine = Engine(slots=4, lease_s=30)
    worker = drain_apart(engine, max_s=0.2)
    while not service.calls:
        time.sleep(0.01)
    time.sleep(0.3)

    quick_id = start(quick)
    give_up = time.monotonic() + 10
    while not WorkflowExecution.objects.get(pk=quick_id).is_final and time.monotonic() < give_up:
        time.sleep(0.02)

    assert not WorkflowExecution.objects.get(pk=long_id).is_final
    worker.join()


def test_a_run_that_was_lost_and_claimed_again_here_is_still_held(catalogue, deploy, service):
    run_id = start(deploy(workflow(call("ask", service, "then"), call("then", service))))
    service.pause_s = 0.5
    engine = Engine(slots=4, lease_s=30)
    worker = drain_apart(engine)
    while not service.calls:
        time.sleep(0.01)

    ActiveRun.objects.filter(pk=run_id).update(state="READY")
    worker.join()

    assert WorkflowExecution.objects.get(pk=run_id).status == "COMPLETED"
    assert WorkerLease.objects.count() == 1


def test_a_cache_that_is_away_is_no_trouble(transactional_db, monkeypatch):
    def away(*args, **options):
        raise ConnectionError("Redis is away")

    monkeypatch.setattr(cache, "get", away)
    monkeypatch.setattr(cache, "set", away)
    health.note_tick()

    assert health.find_trouble() == []


def test_a_chore_that_breaks_keeps_no_other_from_being_done():
    done = []
    broken, other = Chore(lambda: 1 / 0, 0.0), Chore(lambda: done.append("swept"), 0.0)

    for chore in (broken, other):
        chore.do_if_due(1.0)

    assert done == ["swept"]
    assert broken.done_at == 0.0
