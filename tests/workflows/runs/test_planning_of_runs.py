"""What a run does with its graph: branches, joins, dead paths, failures, outputs."""

from __future__ import annotations

from tests.workflows.runs.conftest import make_value, steps_of, workflow


def test_steps_run_in_order_and_the_last_output_is_the_runs(run):
    execution = run(workflow(make_value("a", "b", x=1), make_value("b", y="{{ steps.a.x + 1 }}")))

    assert execution.status == "COMPLETED"
    assert execution.output == {"y": 2}
    assert execution.number == 1
    assert [step.step_status for step in steps_of(execution).values()] == ["COMPLETED", "COMPLETED"]


def test_trigger_data_reaches_the_steps(run):
    execution = run(workflow(make_value("a", name="{{ trigger.body.who }}")), {"who": "Mia"})

    assert execution.output == {"name": "Mia"}


def test_a_branch_not_taken_is_skipped_and_the_join_still_runs(run):
    condition = {
        "key": "big",
        "type": "condition",
        "cases": [{"key": "high", "when": {"left": "{{ trigger.body }}", "op": "greater_than", "right": 5}}],
        "next": {"high": "a", "else": "b"},
    }
    join = {"key": "join", "type": "merge", "next": "end"}
    end = make_value("end", a="{{ steps.a }}", b="{{ steps.b.done }}")

    execution = run(workflow(condition, make_value("a", "join"), make_value("b", "join"), join, end), 10)

    steps = steps_of(execution)
    assert execution.output == {"a": {"done": "a"}, "b": None}
    assert steps["b"].step_status == "SKIPPED"
    assert steps["join"].output == {"taken": ["a"], "first": {"done": "a"}}


def test_outputs_of_several_branch_ends_are_given_by_key(run):
    execution = run(workflow(make_value("a", ["b", "c"]), make_value("b", v=1), make_value("c", v=2)))

    assert execution.output == {"b": {"v": 1}, "c": {"v": 2}}


def test_a_failed_step_without_error_path_fails_the_run_with_its_sentence(run):
    execution = run(workflow(make_value("a", "b", v="{{ trigger.body.nam }}"), make_value("b")), {"name": 1})

    assert execution.status == "FAILED"
    assert execution.is_failed
    assert execution.error["step"] == "a"
    assert "nam" in execution.error["message"]
    assert "b" not in steps_of(execution)


def test_an_error_path_catches_and_the_run_completes_with_errors(run):
    failing = {**make_value("a", "b", v="{{ trigger.body.nam }}"), "on_error": ["tell"]}
    tell = make_value("tell", said="{{ error.message }}", also="{{ steps.a.error.code }}")

    execution = run(workflow(failing, make_value("b"), tell), {"name": 1})

    assert execution.status == "COMPLETED"
    assert execution.had_errors
    assert "nam" in execution.output["said"]
    assert execution.output["also"] == "expression"
    assert steps_of(execution)["b"].step_status == "SKIPPED"


def test_a_filter_that_does_not_hold_ends_its_branch(run):
    gate = {"key": "gate", "type": "filter", "when": "{{ trigger.body > 5 }}", "next": "after"}

    execution = run(workflow(gate, make_value("after")), 1)

    assert execution.status == "COMPLETED"
    assert execution.output is None
    assert steps_of(execution)["after"].step_status == "SKIPPED"


def test_stop_ends_the_run_with_its_output(run):
    stop = {"key": "halt", "type": "stop", "config": {"output": {"n": "{{ trigger.body }}"}}}

    execution = run(workflow(stop), 3)

    assert execution.status == "COMPLETED"
    assert execution.output == {"n": 3}


def test_stop_as_failed_fails_the_run_with_its_message(run):
    stop = {
        "key": "halt",
        "type": "stop",
        "config": {"as": "failed", "message": "No stock for {{ trigger.body }}"},
    }

    execution = run(workflow(stop), "chairs")

    assert execution.status == "FAILED"
    assert execution.error["message"] == "No stock for chairs"


def test_a_disabled_step_is_skipped_and_the_run_goes_through(run):
    execution = run(workflow({**make_value("a", "b"), "enabled": False}, make_value("b")))

    assert execution.output == {"done": "b"}
    assert steps_of(execution)["a"].step_status == "SKIPPED"


def test_a_merge_of_any_goes_on_at_the_first_arrival_and_only_once(run):
    slow = {"key": "slow", "type": "delay", "config": {"seconds": 0.2}, "next": "first"}
    first = {"key": "first", "type": "merge", "join": "any", "next": "end"}

    execution = run(
        workflow(
            make_value("a", ["quick", "slow"]), make_value("quick", "first"), slow, first, make_value("end")
        )
    )

    steps = steps_of(execution)
    assert steps["first"].output["taken"] == ["quick"]
    assert execution.output == {"done": "end"}
    assert steps["end"].completed_at < steps["slow"].completed_at
