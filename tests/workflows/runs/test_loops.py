"""Loops: items, results, errors, breaks, nesting."""

from __future__ import annotations

from tests.workflows.runs.conftest import make_value, steps_of, workflow


def loop(key="each", body="work", after=None, **config):
    links = {"each": body} | ({"done": after} if after else {})
    return {"key": key, "type": "loop", "over": "{{ trigger.body }}", **config, "next": links}


def test_each_item_runs_the_body_and_results_keep_their_order(run):
    data = workflow(loop(collect="{{ steps.work.n }}", after="end"), make_value("work", n="{{ item * 2 }}"),
                    make_value("end", all="{{ steps.each.results }}"))  # fmt: skip

    execution = run(data, [1, 2, 3])

    assert execution.output == {"all": [2, 4, 6]}
    assert steps_of(execution)["each"].output == {"count": 3, "failed": 0, "results": [2, 4, 6]}
    assert {"each[0].work", "each[1].work", "each[2].work"} <= set(steps_of(execution))


def test_a_loop_over_nothing_is_done_at_once(run):
    execution = run(workflow(loop(), make_value("work")), [])

    assert execution.output == {"count": 0, "failed": 0, "results": []}


def test_filtered_items_are_left_out_of_the_results(run):
    gate = {"key": "gate", "type": "filter", "when": "{{ item > 1 }}", "next": "work"}
    data = workflow(loop(body="gate", collect="{{ item }}"), gate, make_value("work"))

    assert run(data, [1, 2, 3]).output == {"count": 3, "failed": 0, "results": [2, 3]}


def test_a_failing_item_stops_the_loop_and_names_the_item(run):
    execution = run(
        workflow(loop(), make_value("work", n="{{ item.name }}")), [{"name": 1}, {"nam": 2}, {"name": 3}]
    )

    assert execution.status == "FAILED"
    assert execution.error["message"].startswith("Item 2 failed:")
    assert "each[2].work" not in steps_of(execution)


def test_failed_items_are_counted_when_the_loop_goes_on(run):
    data = workflow(
        loop(on_item_error="continue", collect="{{ steps.work.n }}"), make_value("work", n="{{ item.name }}")
    )

    execution = run(data, [{"name": 1}, {"nam": 2}, {"name": 3}])

    assert execution.status == "COMPLETED"
    assert execution.had_errors
    assert execution.output == {"count": 3, "failed": 1, "results": [1, 3]}


def test_break_ends_the_loop_and_next_item_the_item(run):
    which = {
        "key": "which", "type": "condition", "value": "{{ item }}",
        "cases": [{"key": "two", "equals": 2}, {"key": "four", "equals": 4}],
        "next": {"two": "skip", "four": "leave", "else": "work"},
    }  # fmt: skip
    skip = {"key": "skip", "type": "stop", "config": {"as": "next_item"}}
    leave = {"key": "leave", "type": "stop", "config": {"as": "break"}}
    data = workflow(loop(body="which", collect="{{ item }}"), which, skip, leave, make_value("work"))

    assert run(data, [1, 2, 3, 4, 5]).output == {"count": 4, "failed": 0, "results": [1, 3]}


def test_loops_nest_and_inner_items_see_outer_ones(run):
    outer = loop("outer", "inner", collect="{{ steps.inner.results }}", **{"as": "row"})
    inner = {
        "key": "inner", "type": "loop", "over": "{{ row }}", "as": "cell", "collect": "{{ steps.work.v }}",
        "next": {"each": "work"},
    }  # fmt: skip
    work = make_value("work", v="{{ loop.parent.index }}:{{ cell }}")

    execution = run(workflow(outer, inner, work), [["a", "b"], ["c"]])

    assert execution.output["results"] == [["0:a", "0:b"], ["1:c"]]
    assert "outer[0].inner[1].work" in steps_of(execution)


def test_batches_hand_the_body_lists(run):
    data = workflow(loop(batch=2, collect="{{ item | length }}"), make_value("work"))

    assert run(data, [1, 2, 3, 4, 5]).output == {"count": 3, "failed": 0, "results": [2, 2, 1]}


def test_too_many_items_fail_with_the_limit_in_words(run):
    execution = run(workflow(loop(max_items=2), make_value("work")), [1, 2, 3])

    assert execution.error["code"] == "too_many_items"
    assert "limit of 2" in execution.error["message"]


def test_while_goes_on_as_long_as_it_holds(run):
    data = workflow(
        {
            "key": "each", "type": "loop", "while": "{{ loop.index < 3 }}", "collect": "{{ loop.index }}",
            "next": {"each": "work"},
        },
        make_value("work"),
    )  # fmt: skip

    assert run(data).output == {"count": 3, "failed": 0, "results": [0, 1, 2]}


def test_parallel_items_give_the_same_results(run):
    data = workflow(loop(parallel=3, collect="{{ steps.work.n }}"), make_value("work", n="{{ item }}"))

    assert run(data, list(range(20))).output["results"] == list(range(20))
