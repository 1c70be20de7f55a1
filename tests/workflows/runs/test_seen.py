"""Removing duplicates across runs: each item goes on once, whatever happens."""

from __future__ import annotations

import pytest

from tests.workflows.runs.conftest import drain_apart, make_value, start, start_and_drain, workflow
from workflows.models import SeenItem, WorkflowExecution
from workflows.runs import memory_store
from workflows.runs.drain import Engine
from workflows.runs.memory import Owner
from workflows.runs.start import start_test_run


def only_new(**more):
    op = {"op": "dedupe", "by": "id", "scope": "workflow"}
    return {
        "key": "fresh",
        "type": "transform",
        "config": {"items": "{{ trigger.body }}", "ops": [op]},
        **more,
    }


def items(*ids):
    return [{"id": one} for one in ids]


@pytest.fixture
def feed(deploy):
    return deploy(workflow(only_new(), key="feed"))


def test_an_item_goes_on_in_one_run_only(feed, engine):
    outputs = [
        start_and_drain(feed, engine, body).output for body in (items(1, 2, 2), items(2, 3), items(1, 2, 3))
    ]

    assert outputs == [items(1, 2), items(3), []]


def test_two_runs_at_the_same_time_share_the_items(feed, engine):
    for _ in range(10):
        start(feed, items(*range(20)))

    workers = [drain_apart(engine), drain_apart(Engine(slots=8))]
    for worker in workers:
        worker.join()

    outputs = WorkflowExecution.objects.values_list("status", "output")
    assert {status for status, _ in outputs} == {"COMPLETED"}
    assert sorted(item["id"] for _, output in outputs for item in output) == list(range(20))


def test_items_of_a_step_that_failed_are_not_lost(deploy, engine):
    shape = only_new()
    shape["config"]["ops"].append({"op": "aggregate", "fields": {"sum": {"fn": "sum", "of": "id"}}})
    deployment = deploy(workflow(shape, key="feed"))

    broken = start_and_drain(deployment, engine, items("x", 2))
    again = start_and_drain(deployment, engine, items(2))

    assert broken.status == "FAILED"
    assert again.output == [{"sum": 2}]


def test_test_runs_know_nothing_of_live_ones(feed, engine, alice):
    start_and_drain(feed, engine, items(1))

    trigger = {"type": "manual", "key": "go", "body": items(1)}
    start_test_run(feed.template, trigger=trigger, trigger_type="MANUAL", by=alice)
    engine.drain()

    assert WorkflowExecution.objects.get(is_test=True).output == items(1)


def test_a_file_made_of_rows_is_there_for_later_steps(deploy, engine):
    sheet = {
        "key": "sheet", "type": "transform", "next": ["back"],
        "config": {"items": "{{ trigger.body }}", "give": "first", "ops": [{"op": "write", "as": "csv", "name": "out"}]},
    }  # fmt: skip
    back = {
        "key": "back", "type": "transform", "next": ["say"],
        "config": {"items": "{{ steps.sheet }}", "ops": [{"op": "read", "as": "csv"}]},
    }  # fmt: skip
    say = make_value("say", name="{{ steps.sheet.name }}", rows="{{ steps.back }}")
    rows = [{"zebra": "1", "a": "2"}]

    execution = start_and_drain(deploy(workflow(sheet, back, say)), engine, rows)

    assert execution.output == {"name": "out.csv", "rows": rows}
    assert list(execution.output["rows"][0]) == ["zebra", "a"]


def test_the_oldest_are_forgotten(feed, engine):
    for ids in ((1, 2), (3,)):
        start_and_drain(feed, engine, items(*ids))
    owner = Owner(feed.tenant_id, feed.template_id, feed.environment_id)

    forgotten = memory_store.forget_oldest(owner, "fresh", keep=1)

    assert (forgotten, SeenItem.objects.count()) == (2, 1)
    assert start_and_drain(feed, engine, items(1, 2, 3)).output == items(1, 2)


def test_many_items_at_once(feed, engine):
    first = start_and_drain(feed, engine, items(*range(2_500)))
    second = start_and_drain(feed, engine, items(*range(2_501)))

    assert (len(first.output), second.output) == (2_500, items(2_500))
