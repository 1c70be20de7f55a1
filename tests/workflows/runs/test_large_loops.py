"""Loops with many items: what stays in memory, what a later attempt reads, where they end."""

from __future__ import annotations

import time

import pytest

from automate.lib import clock
from tests.workflows.runs.conftest import call, drain_apart, make_value, start, steps_of, workflow
from workflows.engine.document import load
from workflows.engine.outcome import Record
from workflows.models import ActiveRun, StepExecution, WorkflowExecution
from workflows.runs import journal, loop_places, recovery
from workflows.runs.cancel import cancel
from workflows.runs.drain import Engine
from workflows.runs.scopes import LoopRun
from workflows.runs.segment import Segment

pytestmark = pytest.mark.usefixtures("catalogue")


def loop(count, body="work", after=None, key="each", **config):
    links = {"each": body} | ({"done": after} if after else {})
    over = f"{{{{ range({count}) }}}}"
    return {"key": key, "type": "loop", "over": over, "max_items": 100_000, **config, "next": links}


@pytest.fixture
def segments(monkeypatch):
    """Every segment that was run, as it was at its end, with the most records it held at a time."""
    seen = []
    begin = Segment._begin

    def look(self, scope, step):
        self.most = max(getattr(self, "most", 0), len(self.data.records))
        if self not in seen:
            seen.append(self)
        begin(self, scope, step)

    monkeypatch.setattr(Segment, "_begin", look)
    return seen


def crashed(deployment, items, cursor, value=lambda n: n * 100):
    """A run whose worker vanished when these items of `each` had been journaled."""
    run_id = start(deployment)
    ActiveRun.objects.filter(pk=run_id).update(state="RUNNING", worker="gone", attempt=1, cursor=cursor)
    WorkflowExecution.objects.filter(pk=run_id).update(status="RUNNING", number=1, started_at=clock.now())
    for item in items:
        StepExecution.objects.create(
            tenant=deployment.tenant, execution_id=run_id, path=f"each[{item}].work", step_id="work",
            step_name="Work", step_type="ACTION", step_status="COMPLETED", port="main", output={"n": value(item)},
        )  # fmt: skip
    recovery.sweep()
    return run_id


def test_records_of_ended_items_leave_memory(run, segments):
    execution = run(workflow(loop(300, collect="{{ steps.work.n }}"), make_value("work", n="{{ item }}")))

    assert execution.output["results"] == list(range(300))
    assert segments[0].most < 5


def test_items_of_inner_loops_leave_memory_too(run, segments):
    inner = loop(10, key="inner", collect="{{ steps.work.n }}")
    outer = loop(20, "inner", key="outer", collect="{{ steps.inner.results | sum }}")

    execution = run(workflow(outer, inner, make_value("work", n="{{ item }}")))

    assert execution.output["results"] == [45] * 20
    assert segments[0].most < 8


@pytest.mark.parametrize(
    "cursor",
    [{}, {"waits": {}, "seen": [5, False, False], "loops": {"each": [6, 0, 0]}}],
    ids=["unknown", "known"],
)
def test_after_a_crash_only_the_items_that_are_not_journaled_run(engine, deploy, service, cursor):
    body = call("work", service, output={"n": "{{ 1 }}"})
    data = workflow(loop(8, collect="{{ steps.work.n }}", parallel=2), body)
    run_id = crashed(deploy(data), [0, 1, 2, 3, 5], cursor)

    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.output == {"count": 8, "failed": 0, "results": [0, 100, 200, 300, 1, 500, 1, 1]}
    assert len(service.calls) == 3


def test_a_later_attempt_reads_the_journal_some_items_at_a_time(
    engine, deploy, service, monkeypatch, segments
):
    monkeypatch.setattr(loop_places, "PATHS", 4)
    data = workflow(loop(40, collect="{{ steps.work.n }}"), call("work", service, output={"n": "{{ 1 }}"}))
    cursor = {"waits": {}, "seen": [38, False, False], "loops": {"each": [38, 0, 0]}}
    run_id = crashed(deploy(data), range(38), cursor)

    engine.drain()

    assert WorkflowExecution.objects.get(pk=run_id).output["results"] == [n * 100 for n in range(38)] + [1, 1]
    assert len(service.calls) == 2
    assert segments[0].most <= 5


def test_a_loop_that_collects_nothing_goes_on_where_it_was(engine, deploy, service, segments):
    data = workflow(loop(8, on_item_error="continue"), call("work", service))
    cursor = {"waits": {}, "seen": [5, True, False], "loops": {"each": [5, 5, 2]}}
    run_id = crashed(deploy(data), range(5), cursor)

    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.output == {"count": 8, "failed": 2, "results": []}
    assert execution.had_errors
    assert len(service.calls) == 3


def test_a_second_crash_forgets_nothing_of_the_first(engine, deploy, service):
    """The second attempt had come to item 1 only; items up to 4 were journaled by the first."""
    data = workflow(loop(6, collect="{{ steps.work.n }}"), call("work", service, output={"n": "{{ 1 }}"}))
    deployment = deploy(data)
    run_id = crashed(
        deployment, range(5), {"waits": {}, "seen": [5, False, False], "loops": {"each": [5, 0, 0]}}
    )
    engine.drain(stop=stops_after(run_id))
    cursor = ActiveRun.objects.get(pk=run_id).cursor
    assert cursor["loops"]["each"][0] == 5
    recovery.sweep()

    Engine(slots=2, lease_s=30).drain()

    assert WorkflowExecution.objects.get(pk=run_id).output["results"] == [0, 100, 200, 300, 400, 1]
    assert len(service.calls) == 1


def stops_after(run_id):
    """True as soon as the run is held, so that it is handed over between two steps."""
    return lambda: ActiveRun.objects.filter(pk=run_id, state="RUNNING").exists()


def test_a_failed_item_that_stops_its_loop_stops_it_again_after_a_crash(engine, deploy, service):
    data = workflow(loop(4), call("work", service))
    run_id = crashed(deploy(data), [0], {"waits": {}, "seen": [2, True, False], "loops": {"each": [2, 1, 0]}})
    row = StepExecution.objects.get(path="each[0].work")
    row.pk, row.path, row.step_status, row.port = None, "each[1].work", "FAILED", ""
    row.error = {"message": "It broke.", "code": "broken", "step": "work", "retryable": False, "status": None}
    row.save(force_insert=True)

    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.error["message"] == "Item 2 failed: It broke."
    assert not service.calls


def test_what_a_loop_collects_is_put_aside_above_the_inline_limit(run, settings):
    settings.MAX_OUTPUT_BYTES = 500
    data = workflow(loop(200, collect="{{ item }}", after="end"), make_value("work"),
                    make_value("end", sum="{{ steps.each.results | sum }}"))  # fmt: skip

    execution = run(data)

    assert execution.output == {"sum": 19_900}
    reference = steps_of(execution)["each"].output
    assert (reference["count"], reference["failed"]) == (200, 0)
    assert reference["bytes"] > 500


def test_a_loop_that_collects_too_much_fails_at_that_item_and_keeps_what_it_did(run, settings):
    settings.MAX_OUTPUT_BYTES, settings.MAX_BLOB_BYTES = 500, 1_000
    data = workflow(loop(50, collect="{{ 'x' | repeat(97) }}"), make_value("work"))

    execution = run(data)

    assert (execution.status, execution.error["code"]) == ("FAILED", "too_large")
    assert "more than 1,000 bytes with item 11." in execution.error["message"]
    assert len([path for path in steps_of(execution) if path.endswith(".work")]) == 11


def test_a_run_does_as_many_steps_as_it_may_and_fails_at_the_next(run, settings):
    settings.MAX_STEP_RUNS = 10
    data = workflow(loop(9), make_value("work"))

    at_limit, above = run(data), run({**workflow(loop(11), make_value("work")), "key": "above"})

    assert at_limit.status == "COMPLETED"
    assert len(steps_of(at_limit)) == 10
    assert (above.status, above.error["code"]) == ("FAILED", "too_many_steps")
    assert "10 steps, the most that one run may do" in above.error["message"]
    assert len([path for path in steps_of(above) if path.endswith(".work")]) == 10


def test_steps_of_earlier_attempts_count(engine, deploy, service, settings):
    settings.MAX_STEP_RUNS = 5
    run_id = crashed(deploy(workflow(loop(8), call("work", service))), range(5), {})

    engine.drain()

    assert WorkflowExecution.objects.get(pk=run_id).error["code"] == "too_many_steps"
    assert not service.calls


def test_a_long_loop_shows_how_far_it_is_and_can_be_stopped(engine, deploy, alice, service, monkeypatch):
    monkeypatch.setattr(journal, "MAX_SILENT", 20)
    gate = {"key": "gate", "type": "condition", "cases": [{"key": "ask", "when": "{{ item == 500 }}"}],
            "next": {"ask": "work", "else": "rest"}}  # fmt: skip
    run_id = start(deploy(workflow(loop(1_000, "gate"), gate, call("work", service), make_value("rest"))))
    service.pause_s = 0.5
    worker = drain_apart(engine)
    while not service.calls:
        time.sleep(0.01)
    while (progress := ActiveRun.objects.get(pk=run_id).progress["each"])["done"] < 500:
        time.sleep(0.01)
    cancel(WorkflowExecution.objects.get(pk=run_id), by=alice)
    worker.join()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert (progress["items"], progress["done"]) == (1_000, 500)
    assert execution.status == "CANCELLED"
    assert not StepExecution.objects.filter(path="each[600].rest").exists()


def test_a_later_attempt_begins_at_the_item_that_closed_the_loop_or_had_not_ended():
    step = load_step(loop(9))
    started = Record("each", "each", "COMPLETED")
    run = LoopRun(step, "each", None, list(range(9)), 3, False, started)

    for index, failed, stays in [(1, False, False), (0, True, False), (2, True, True), (3, False, False)]:
        run.ended(index, failed, stays=stays)

    assert (run.passed, run.failed_passed) == (2, 1)


def load_step(data):
    return load(workflow(data, make_value("work"))).steps[0]
