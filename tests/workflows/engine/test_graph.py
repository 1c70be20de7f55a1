"""The graph: order, links, loops, and what a step may look at."""

import time
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows.engine import samples
from workflows.engine.document import Document, Step, load
from workflows.engine.graph import Graph, Link


def graph(*steps: Any, **more: Any) -> Graph:
    return Graph(samples.draft(*steps, **more))


def loop(key: str, each: Any, done: Any = (), **more: Any) -> dict[str, Any]:
    return samples.step(
        key, {"each": each, "done": list(done)}, type="loop", over="{{ trigger.body }}", **more
    )


def test_the_order_example():
    found = Graph(load(samples.ORDER))

    assert found.order == ("big", "alert", "thank", "items", "reserve", "tell_me", "log")
    assert found.incoming["items"] == (Link("alert", "main", "items"), Link("thank", "main", "items"))
    assert found.loop_of["reserve"] == "items"
    assert found.members() == ("big", "alert", "thank", "items", "tell_me", "log")
    assert found.members("items") == found.loop_entries("items") == ("reserve",)
    assert found.entries("order") == found.entries() == ("big",)
    assert found.ancestors("reserve") == ("big", "alert", "thank")
    assert found.ancestors("log") == ("big", "alert", "thank", "items")
    assert found.ancestors("tell_me") == ("big", "alert")


def test_links_go_by_port_in_the_order_people_read():
    found = graph(
        samples.step("a", {"else": "d", "two": ["c", "b"], "one": "b"}, type="condition", on_error="d",
                     cases=[{"key": "one", "when": True}, {"key": "two", "when": True}]),
        samples.step("b"), samples.step("c"), samples.step("d"),
    )  # fmt: skip

    assert [(link.port, link.target) for link in found.outgoing["a"]] == [
        ("one", "b"), ("two", "c"), ("two", "b"), ("else", "d"), ("error", "d")
    ]  # fmt: skip


def test_a_trigger_may_lead_elsewhere():
    found = graph(
        samples.step("a"),
        samples.step("b"),
        triggers=[{"key": "hand", "type": "manual"}, {"key": "clock", "type": "manual", "next": ["b"]}],
    )

    assert (found.entries("hand"), found.entries("clock"), found.roots()) == (("a",), ("b",), ("a", "b"))


def test_inner_loops_have_bodies_of_their_own():
    found = graph(loop("outer", "x", ["z"]), samples.step("x", "inner"), loop("inner", "y", ["w"]), samples.step("y"),
                  samples.step("w"), samples.step("z"))  # fmt: skip

    assert found.members("outer") == ("x", "inner", "w")
    assert found.members("inner") == ("y",)
    assert found.loops_around("y") == ("inner", "outer")
    assert found.ancestors("y") == ("x",)
    assert found.ancestors("w") == ("x", "inner")
    assert found.ancestors("z") == ("outer",)


def test_branches_of_a_body_join_inside_of_it():
    found = graph(loop("l", ["a", "b"]), samples.step("a", "c"), samples.step("b", "c"), samples.step("c"))

    assert found.members("l") == ("a", "b", "c")


def test_a_loop_nothing_leads_to_keeps_its_body():
    found = graph(samples.step("a"), loop("l", "b"), samples.step("b"))

    assert found.members("l") == ("b",)


def test_steps_reached_from_outside_too_are_no_body():
    found = graph(loop("l", "a", ["b"]), samples.step("a", "b"), samples.step("b"))

    assert found.members("l") == ("a",)
    assert found.loop_of["b"] is None


def test_notes_are_no_part_of_it():
    found = graph(samples.step("a", "n"), samples.step("n", type="note", notes="Text"))

    assert (found.order, found.links, set(found.steps)) == (("a",), (), {"a", "n"})


def test_faulty_drafts_have_a_graph_too():
    found = graph(samples.step("a", ["a", "gone", "b"]), samples.step("b", "c"), samples.step("c", ["b", "d"]),
                  samples.step("d"), start=["gone", "a"])  # fmt: skip

    assert found.order == ("a", "b", "c", "d")
    assert found.circular == {"b", "c"}
    assert found.entries() == ("a",)
    assert found.ancestors("d") == ("a", "b", "c")


def test_loops_inside_each_other_both_ways_do_not_hang():
    found = graph(loop("p", "q"), loop("q", "p"), start="p")

    assert set(found.order) == found.circular == {"p", "q"}
    assert found.ancestors("q") == ()


def test_an_empty_document_has_an_empty_graph():
    found = Graph(Document("empty"))

    assert (found.order, found.members(), found.entries(), found.outline().nodes) == ((), (), (), ())


@st.composite
def dags(draw):
    """Documents without circles: links go forward in a hidden order."""
    size = draw(st.integers(1, 12))
    keys = draw(st.permutations([f"s{number}" for number in range(size)]))
    steps = []
    for at, key in enumerate(keys):
        later = (
            st.lists(st.sampled_from(keys[at + 1 :]), unique=True, max_size=3)
            if at + 1 < size
            else st.just([])
        )
        kind = draw(st.sampled_from(("transform", "loop", "condition")))
        ports = {
            "transform": ("main", "error"),
            "loop": ("each", "done", "error"),
            "condition": ("yes", "else"),
        }[kind]
        config = {"cases": [{"key": "yes", "when": True}]} if kind == "condition" else {}
        steps.append(Step(key, kind, next={port: tuple(draw(later)) for port in ports}, config=config))
    start = draw(st.lists(st.sampled_from(keys), unique=True, min_size=1, max_size=2))
    return Document("random", start=tuple(start), steps=tuple(draw(st.permutations(steps))))


@settings(max_examples=50, deadline=None)
@given(dags())
def test_any_order_puts_sources_before_targets(document):
    found = Graph(document)

    assert sorted(found.order) == sorted(found.steps)
    assert not found.circular
    assert all(found.position[link.source] < found.position[link.target] for link in found.links)


@settings(max_examples=50, deadline=None)
@given(dags())
def test_bodies_are_what_each_alone_leads_to(document):
    found = Graph(document)

    for key, step in found.steps.items():
        if step.type == "loop":
            body = {at for at in found.order if key in found.loops_around(at)}
            assert body == _reached(found, found.loop_entries(key)) - _reached_without(found, key) - {key}


def _reached(found: Graph, starts: Iterable[str], skip: Any = None) -> set[str]:
    seen, waiting = set(starts), list(starts)
    while waiting:
        for link in found.outgoing[waiting.pop()]:
            if (link.source, link.port) != skip and link.target not in seen:
                seen.add(link.target)
                waiting.append(link.target)
    return seen


def _reached_without(found: Graph, loop: str) -> set[str]:
    starts = [*found.roots(), *(key for key in found.order if not found.incoming[key])]
    return _reached(found, starts, skip=(loop, "each"))


@settings(max_examples=50, deadline=None)
@given(dags())
def test_the_outline_names_every_step_once(document):
    found = Graph(document)
    outline = found.outline()

    assert sorted(node.step.key for node in outline.walk()) == sorted(found.order)
    loose = {key for key in found.order if key not in found.reached()}
    assert loose >= {node.step.key for node in outline.loose}


@settings(max_examples=50, deadline=None)
@given(dags())
def test_ancestors_come_before_and_can_be_seen(document):
    found = Graph(document)

    for key in found.order:
        for before in found.ancestors(key):
            assert found.position[before] < found.position[key]
            assert found.loop_of[before] in (None, *found.loops_around(key))
            assert before not in found.loops_around(key)


def test_500_steps_are_quick():
    steps = []
    for number in range(0, 500, 5):
        key, following = f"s{number}", f"s{number + 5}" if number < 495 else None
        steps += [
            samples.step(
                key, {"each": f"s{number + 1}", "done": following}, type="loop", over="{{ trigger.body }}"
            ),
            samples.step(f"s{number + 1}", [f"s{number + 2}", f"s{number + 3}"]),
            samples.step(f"s{number + 2}", f"s{number + 4}"),
            samples.step(f"s{number + 3}", f"s{number + 4}"),
            samples.step(f"s{number + 4}"),
        ]
    document = samples.draft(*steps)

    assert min(_seconds(lambda: Graph(document)) for _ in range(5)) < 0.04  # 5 ms on a quiet machine
    assert min(_seconds(lambda: Graph(document).outline()) for _ in range(3)) < 0.1


def _seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
