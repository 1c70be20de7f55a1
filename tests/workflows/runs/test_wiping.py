"""Workflows that keep nothing: who waits for a run gets its answer first, then its data is gone, however it ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from automate.lib import clock
from tests.workflows.runs.conftest import make_value, start, start_and_drain, steps_of, workflow
from workflows.models import ActiveRun, Blob, DueWipe, StepExecution, WorkflowExecution
from workflows.runs import wiping
from workflows.runs.cancel import cancel
from workflows.runs.drain import MAX_BARREN
from workflows.runs.start import start_run

pytestmark = pytest.mark.usefixtures("catalogue")
NOTHING = {"keep_data": "nothing"}
CALLED = {"triggers": [{"key": "called", "type": "workflow"}]}
SUB = {"key": "sub", "type": "sub_workflow", "workflow": "child", "next": "pause"}
PAUSE = {"key": "pause", "type": "delay", "config": {"hours": 2}}


def is_empty(execution_id):
    execution = WorkflowExecution.objects.get(pk=execution_id)
    rows = StepExecution.objects.filter(execution=execution).values_list("input", "output", "request_log")
    return execution.input is None and execution.output is None and set(rows) <= {(None, None, None)}


def test_what_was_put_aside_goes_too(run, settings):
    settings.MAX_OUTPUT_BYTES = 100
    execution = run(workflow(make_value("a", text="{{ 'x' | repeat(500) }}"), settings=NOTHING))

    assert execution.status == "COMPLETED"
    assert is_empty(execution.pk)
    assert not Blob.objects.exists()


def test_a_parent_reads_what_its_child_gave_and_the_child_is_wiped_when_the_parent_has_ended(engine, deploy):
    deploy({**workflow(make_value("a", x=4711), key="child", settings=NOTHING), **CALLED})
    parent = start_and_drain(deploy(workflow(SUB, PAUSE)), engine)
    child = WorkflowExecution.objects.get(parent=parent)
    assert steps_of(parent)["sub"].output == {"x": 4711}

    wiping.wipe_due(clock.now())
    kept_meanwhile = not is_empty(child.pk)
    cancel(parent, by=None)
    wiping.wipe_due(clock.now() + timedelta(seconds=2 * wiping.WIPE_EVERY_S))

    assert kept_meanwhile
    assert is_empty(child.pk)
    assert not DueWipe.objects.exists()


def test_a_caller_that_waits_has_a_minute_to_read_the_answer(engine, deploy):
    webhook = {"triggers": [{"key": "go", "type": "webhook", "config": {"respond": "when_done"}}]}
    execution = start_and_drain(
        deploy({**workflow(make_value("a", x=1), settings=NOTHING), **webhook}), engine
    )

    assert execution.output == {"x": 1}
    assert wiping.wipe_due(clock.now() + timedelta(seconds=40)) == 0
    assert wiping.wipe_due(clock.now() + timedelta(seconds=61)) == 1
    assert is_empty(execution.pk)


def test_a_start_that_waits_says_so(engine, deploy):
    deployment = deploy(workflow(make_value("a", x=1), settings=NOTHING))
    trigger = {"type": "manual", "key": "go", "at": "2026-01-01T00:00:00+00:00", "body": None}
    run_id = start_run(
        deployment=deployment, trigger=trigger, trigger_type="MANUAL", awaited=True
    ).execution_id

    engine.drain()

    assert WorkflowExecution.objects.get(pk=run_id).output == {"x": 1}
    assert DueWipe.objects.get().execution_id == run_id


def test_only_failures_are_kept_where_the_workflow_says_so(run):
    failing = {"key": "a", "type": "stop", "config": {"as": "failed", "message": "No."}}
    settings = {"keep_data": "failures"}

    good = run(workflow(make_value("a", x=1), settings=settings), {"n": 1})
    bad = run(workflow(failing, settings=settings, key="other"), {"n": 1})

    assert is_empty(good.pk)
    assert bad.input["body"] == {"n": 1}


def test_a_run_that_keeps_losing_its_worker_is_wiped_as_well(engine, deploy):
    run_id = start(deploy(workflow(make_value("a", x=1), settings=NOTHING)), {"private": 1})
    ActiveRun.objects.filter(pk=run_id).update(barren=MAX_BARREN)

    engine.drain()

    assert WorkflowExecution.objects.get(pk=run_id).error["code"] == "worker_lost"
    assert is_empty(run_id)


def test_a_run_that_is_refused_keeps_its_data_where_nothing_else_is_said(engine, deploy):
    run_id = start(deploy(workflow(make_value("a", x=1))), {"mine": 1})
    ActiveRun.objects.filter(pk=run_id).update(barren=MAX_BARREN)

    engine.drain()

    assert WorkflowExecution.objects.get(pk=run_id).input["body"] == {"mine": 1}
