"""The memory of a workflow: what state steps keep, once, and for whom."""

from __future__ import annotations

from datetime import timedelta

import pytest

from automate.lib import clock
from tests.workflows.runs.conftest import drain_apart, make_value, start, start_and_drain, steps_of, workflow
from workflows.models import ActiveRun, StepExecution, StepState, WorkflowExecution
from workflows.runs import memory_store
from workflows.runs.drain import Engine
from workflows.runs.start import start_test_run


def state(key, next=None, **config):
    step = {"key": key, "type": "state", "config": config}
    return {**step, "next": next} if next else step


@pytest.fixture
def runs(deploy, engine):
    """Publish once, and run as often as bodies are given; the outputs."""

    def go(data, *bodies):
        deployment = deploy(data)
        return [start_and_drain(deployment, engine, body) for body in bodies]

    return go


def test_what_one_run_keeps_the_next_one_reads(runs):
    read = state("before", next="keep", get="last", default="none yet")
    keep = state("keep", next="say", set={"last": "{{ trigger.body }}"})
    say = make_value("say", was="{{ steps.before }}", kept="{{ steps.keep }}")

    first, second = runs(workflow(read, keep, say), "a", "b")

    assert first.output == {"was": "none yet", "kept": {"last": "a"}}
    assert second.output == {"was": "a", "kept": {"last": "b"}}


def test_counting_gives_the_new_number(runs):
    count = state("count", increment={"orders": 1, "total": "{{ trigger.body }}"})

    outputs = [run.output for run in runs(workflow(count), 5, 2.5)]

    assert outputs == [{"orders": 1, "total": 5}, {"orders": 2, "total": 7.5}]


def test_appending_keeps_the_newest(runs):
    add = state("add", append={"log": "{{ trigger.body }}"}, keep=2)

    outputs = [run.output for run in runs(workflow(add), "a", "b", "c")]

    assert outputs[-1] == {"log": ["b", "c"]}


def test_deleting_says_what_was_there(runs):
    keep = state("keep", next="drop", set={"a": 1, "b": 2})
    drop = state("drop", next="look", delete=["a", "missing"])
    look = state("look", next="say", get=["a", "b"])
    say = make_value("say", dropped="{{ steps.drop }}", left="{{ steps.look }}")

    (execution,) = runs(workflow(keep, drop, look, say), None)

    assert execution.output == {"dropped": {"deleted": ["a"]}, "left": {"a": None, "b": 2}}
    assert list(StepState.objects.values_list("key", flat=True)) == ["b"]


def test_names_may_be_expressions(runs):
    count = state("count", increment={"visits of {{ trigger.body }}": 1})

    outputs = [run.output for run in runs(workflow(count), "bob", "eve", "bob")]

    assert outputs[-1] == {"visits of bob": 2}


def test_what_has_expired_is_forgotten(runs):
    count = state("count", increment={"today": 1}, expires_s=60)
    (first,) = runs(workflow(count), None)
    StepState.objects.update(expires_at=clock.now() - timedelta(seconds=1))

    again = start_and_drain(first.deployment, Engine(slots=2), None)

    assert again.output == {"today": 1}


def test_null_forgets_a_name(runs):
    keep, forget = state("keep", next="forget", set={"a": 1}), state("forget", set={"a": None})

    (execution,) = runs(workflow(keep, forget), None)

    assert execution.output == {"a": None}
    assert not StepState.objects.exists()


def test_the_order_of_what_is_kept_stays(runs):
    keep = state("keep", set={"row": {"zebra": 1, "a": 2, "middle": 3}})

    (execution,) = runs(workflow(keep), None)

    assert list(execution.output["row"]) == ["zebra", "a", "middle"]
    assert list(StepState.objects.get().value) == ["zebra", "a", "middle"]


def test_items_of_a_loop_count_one_after_the_other(runs):
    loop = {
        "key": "each", "type": "loop", "over": "{{ range(20) }}", "parallel": 10, "collect": "{{ steps.count.n }}",
        "next": {"each": ["count"]},
    }  # fmt: skip

    (execution,) = runs(workflow(loop, state("count", increment={"n": 1})), None)

    assert sorted(execution.output["results"]) == list(range(1, 21))


def test_runs_of_two_workers_at_the_same_time_all_count(deploy, engine):
    deployment = deploy(workflow(state("count", increment={"n": 1}), key="counting"))
    for _ in range(30):
        start(deployment)

    workers = [drain_apart(engine), drain_apart(Engine(slots=8))]
    for worker in workers:
        worker.join()

    numbers = sorted(row["n"] for row in WorkflowExecution.objects.values_list("output", flat=True))
    assert numbers == list(range(1, 31))


def test_a_commit_nobody_heard_of_counts_once(deploy, engine, monkeypatch):
    run_id = start(deploy(workflow(state("count", increment={"n": 1}), key="counting")))
    commit, commits = engine._commit, []

    def lose_the_answer(want, beat, show):
        claimed = None
        unwritten = list(engine.unwritten)
        claimed = commit(want, beat, show)
        if any(entry.has_memory for entry in unwritten) and not commits:
            commits.append(unwritten)
            with_memory = [entry for entry in unwritten if entry.has_memory]
            engine.unwritten = with_memory  # as if the connection had broken before the answer came
            commit([], False, [])
        return claimed

    monkeypatch.setattr(engine, "_commit", lose_the_answer)
    engine.drain()

    assert commits
    assert WorkflowExecution.objects.get(pk=run_id).output == {"n": 1}
    assert StepState.objects.get().value == 1


def test_a_run_taken_over_after_its_count_was_committed_does_not_count_again(deploy, engine):
    deployment = deploy(
        workflow(state("first", next="say", increment={"n": 1}), make_value("say", n="{{ steps.first.n }}"))
    )
    run_id = start(deployment)
    StepState.objects.create(
        tenant=deployment.tenant,
        template=deployment.template,
        environment_id=deployment.environment_id,
        key="n",
        value=1,
    )
    StepExecution.objects.create(
        tenant=deployment.tenant, execution_id=run_id, path="first", step_id="first", step_name="First",
        step_type="STATE", step_status="COMPLETED", port="main", output={"n": 1},
    )  # fmt: skip
    ActiveRun.objects.filter(pk=run_id).update(attempt=1)
    WorkflowExecution.objects.filter(pk=run_id).update(status="RUNNING", number=1, started_at=clock.now())

    engine.drain()

    assert WorkflowExecution.objects.get(pk=run_id).output == {"n": 1}
    assert StepState.objects.get().value == 1


def test_test_runs_have_a_memory_of_their_own(runs, engine, alice):
    (live,) = runs(workflow(state("count", increment={"n": 1})), None)

    start_test_run(
        live.template, trigger={"type": "manual", "key": "go", "body": None}, trigger_type="MANUAL", by=alice
    )
    engine.drain()

    assert WorkflowExecution.objects.get(is_test=True).output == {"n": 1}
    assert sorted(StepState.objects.values_list("value", flat=True)) == [1, 1]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"increment": {"name": 1}}, "“name” holds 'x', which is no number to count on"),
        ({"append": {"name": 1}}, "“name” holds 'x', which is no list to append to"),
        (
            {"set": {"name": "{{ repeat('x', 300000) }}"}},
            "“name” would hold 300,002 bytes; one name of the memory holds",
        ),
        ({"set": {"x" * 121: 1}}, "at most 120 characters"),
        ({"increment": {"n": "many"}}, "“n” can be raised by a number only, not by 'many'"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(runs, config, said):
    before = state("before", next="broken", set={"name": "x"})

    (execution,) = runs(workflow(before, state("broken", **config)), None)

    assert execution.status == "FAILED"
    assert said in execution.error["message"]
    assert list(StepState.objects.values_list("key", "value")) == [("name", "x")]


def test_more_names_than_allowed_are_refused_and_expired_ones_make_room(runs, monkeypatch):
    monkeypatch.setattr(memory_store, "MAX_KEYS", 2)
    keep = state("keep", set={"{{ trigger.body }}": 1})

    *_, refused = runs(workflow(keep), "a", "b", "c")
    StepState.objects.filter(key="a").update(expires_at=clock.now() - timedelta(seconds=1))
    fits = start_and_drain(refused.deployment, Engine(slots=2), "c")

    assert "remembers 2 names already, the most it may" in refused.error["message"]
    assert fits.status == "COMPLETED"
    assert sorted(StepState.objects.values_list("key", flat=True)) == ["b", "c"]


def test_a_failure_takes_the_error_path(runs):
    before = state("before", next="broken", set={"name": "x"})
    broken = {**state("broken", increment={"name": 1}), "on_error": "rescue"}

    (execution,) = runs(workflow(before, broken, make_value("rescue", code="{{ error.code }}")), None)

    assert execution.output == {"code": "input"}
    assert steps_of(execution)["broken"].step_status == "FAILED"
