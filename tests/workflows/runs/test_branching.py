"""Conditions that take every way that fits, and where branches meet again."""

from __future__ import annotations

import pytest

from tests.workflows.runs.conftest import make_value, steps_of, workflow


def ways(mode, *, by_value=False):
    number = "{{ trigger.body }}"
    cases = [
        {"key": "big", "when": "{{ trigger.body > 10 }}"},
        {"key": "even", "when": "{{ trigger.body % 2 == 0 }}"},
    ]
    step = {"key": "which", "type": "condition", "mode": mode, "cases": cases,
            "next": {"big": ["on_big"], "even": ["on_even"], "else": ["on_else"]}}  # fmt: skip
    if by_value:
        step |= {"value": number, "cases": [{"key": "big", "equals": 12}, {"key": "even", "equals": 12.0}]}
    ends = [make_value(key, next="meet") for key in ("on_big", "on_even", "on_else")]
    return workflow(step, *ends, {"key": "meet", "type": "merge"})


@pytest.mark.parametrize(
    ("mode", "number", "taken"),
    [
        ("first", 12, ["big"]), ("all", 12, ["big", "even"]), ("all", 13, ["big"]), ("all", 4, ["even"]),
        ("all", 3, ["else"]),
    ],
)  # fmt: skip
def test_every_case_that_holds_goes_its_way_and_the_merge_waits_for_those(run, mode, number, taken):
    execution = run(ways(mode), number)

    done = {key for key, step in steps_of(execution).items() if step.step_status == "COMPLETED"}
    assert steps_of(execution)["which"].output["taken"] == taken
    assert done == {"which", "meet", *(f"on_{key}" for key in taken)}
    assert execution.output["taken"] == [f"on_{key}" for key in taken]


def test_a_switch_over_a_value_takes_every_case_that_equals_it(run):
    assert steps_of(run(ways("all", by_value=True), 12))["which"].output["taken"] == ["big", "even"]


def test_a_loop_that_repeats_collects_until_its_condition_ends_it(run):
    loop = {
        "key": "pages", "type": "loop", "while": "{{ loop.state.page < 4 }}", "collect": "{{ steps.page.items }}",
        "state": {"page": "{{ (loop.state.page | default(0)) + 1 }}"}, "next": {"each": ["page"]},
    }  # fmt: skip
    page = make_value("page", items="{{ loop.state.page * 10 }}")

    execution = run(workflow(loop, page))

    assert execution.output["results"] == [10, 20, 30]
