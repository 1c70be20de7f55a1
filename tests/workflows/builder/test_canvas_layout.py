"""The layout of the canvas: what must hold for every document, and the drawing of one by the pixel."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows.builder.test_commands import commands, do, flow
from workflows.builder.canvas import layout, sizes
from workflows.builder.canvas.contour import Contour
from workflows.builder.canvas.layout import Layout, Spot
from workflows.builder.canvas.lines import Line, lines
from workflows.engine.document import Document, load
from workflows.engine.graph import Graph
from workflows.errors import EditRefused


def laid_out(document: Document) -> Layout:
    graph = Graph(document)
    return layout.auto(document, graph, graph.outline())


def drawn(document: Document) -> dict[str, Line]:
    graph = Graph(document)
    found = lines(document, graph, layout.auto(document, graph, graph.outline()))
    return {f"{line.source}:{line.port}>{line.target}": line for line in found}


def of(steps: list[dict[str, Any]], **more: Any) -> Document:
    trigger = {"key": "go", "type": "manual"}
    given = {
        "format": "automate/1",
        "key": "x",
        "triggers": [trigger],
        "start": steps[0]["key"],
        "steps": steps,
    }
    return load(given | more)


def step(key: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "type": "delay", "config": {"minutes": 1}, **more}


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """What people can make of a workflow with a dozen commands."""
    document = flow()
    for command, args in draw(st.lists(commands(), max_size=14)):
        with suppress(EditRefused):
            document = do(document, command, **args).document
    return document


# --- what holds for every document ----------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(documents())
def test_cards_never_touch_and_lines_go_down(document: Document) -> None:
    found, graph = laid_out(document), Graph(document)

    for (one, left), (other, right) in combinations(found.spots.items(), 2):
        assert not left.touches(right), f"{one} lies on {other}"
    for link in graph.links:
        assert found.spots[link.target].y >= found.spots[link.source].bottom + sizes.BOX_GAP, link


@settings(max_examples=25, deadline=None)
@given(documents())
def test_chains_are_straight_and_bodies_lie_in_their_boxes(document: Document) -> None:
    found, graph = laid_out(document), Graph(document)

    for link in graph.links:
        alone = len(graph.incoming[link.target]) == 1 and link.target not in graph.roots()
        only = [other for other in graph.outgoing[link.source] if other.port == "main"] == [link]
        if alone and only:
            assert found.spots[link.source].x == found.spots[link.target].x, link
    for loop, box in found.boxes.items():
        for key in graph.order:
            inside = loop in graph.loops_around(key)
            assert found.spots[key].touches(box) == inside, f"{key} and the box of {loop}"


@settings(max_examples=15, deadline=None)
@given(documents())
def test_the_same_document_gives_the_same_drawing(document: Document) -> None:
    graph = Graph(document)

    twice = [lines(document, graph, laid_out(document)) for _ in range(2)]

    assert twice[0] == twice[1]
    assert {(line.source, line.port, line.target) for line in twice[0]} >= {
        (link.source, link.port, link.target) for link in graph.links
    }


@settings(max_examples=15, deadline=None)
@given(documents(), st.sampled_from(["alert", "items", "trigger:call"]), st.integers(-2000, 2000))
def test_what_has_no_place_yet_touches_nothing_in_free_form(document: Document, id: str, x: int) -> None:
    graph = Graph(document)
    placed = [id] if id in laid_out(document).spots else []
    document = Document(**{**vars(document), "layout": {"positions": {key: [x, 3 * x] for key in placed}}})

    spots = layout.free(document, graph, graph.outline()).spots

    assert set(spots) == set(laid_out(document).spots)
    for (one, left), (other, right) in combinations(spots.items(), 2):
        assert not left.touches(right), f"{one} lies on {other}"


# --- one by the pixel -----------------------------------------------------------------------------


def test_branches_stand_side_by_side_and_meet_in_the_middle() -> None:
    spots = laid_out(do(flow(), "delete", key="tell").document).spots

    assert (spots["trigger:call"].middle, spots["big"].middle, spots["items"].middle) == (0, 0, 0)
    assert spots["alert"].y == spots["thank"].y == spots["big"].bottom + sizes.LABEL_GAP
    assert (spots["alert"].middle, spots["thank"].middle) == (-150, 150)
    assert spots["big"].y == spots["trigger:call"].bottom + sizes.ROW_GAP


def test_an_error_path_leaves_its_card_to_the_right() -> None:
    spots, found = laid_out(flow()).spots, drawn(flow())

    line = found["alert:error>tell"]
    assert line.path.startswith(f"M{spots['alert'].right} {spots['alert'].y + 34}H")
    assert spots["tell"].middle > spots["alert"].right
    assert (line.label, line.label_at) == ("On error", (spots["tell"].middle, spots["alert"].bottom + 41))


def test_what_follows_a_loop_stands_below_its_box_beside_which_the_line_runs() -> None:
    found = laid_out(flow())

    box, log = found.boxes["items"], found.spots["log"]
    assert log.y == box.bottom + sizes.BOX_GAP
    assert log.middle > box.right
    done = drawn(flow())["items:done>log"]
    assert done.label == "After the last item"
    assert done.path.endswith(f"V{log.y}")
    assert done.label_at is not None
    assert done.label_at.x == log.middle


def test_a_straight_line_is_one_stroke_with_its_plus_in_the_middle() -> None:
    line = drawn(of([step("a", next="b"), step("b")]))["a:main>b"]

    assert line.path == "M0 194V252"
    assert line.add_at == (0, 223)


def test_an_open_end_has_a_plus_and_says_that_the_workflow_ends() -> None:
    document = of(
        [
            {"key": "each", "type": "loop", "over": "{{ [1] }}", "next": {"each": "in", "done": "out"}},
            step("in"),
            step("out"),
        ]
    )
    found = drawn(document)

    assert found["out:main>"].end_at is not None
    assert found["in:main>"].add_at is not None
    assert found["in:main>"].end_at is None, "only the item ends there"


def test_an_empty_branch_has_a_lane_of_its_own() -> None:
    document = of(
        [
            {"key": "if", "type": "condition", "cases": [{"key": "a", "when": "{{ true }}"}, {"key": "b", "when": "{{ true }}"}],
             "next": {"a": "x", "b": "end"}},
            step("x", next="end"), step("end"),
        ]
    )  # fmt: skip
    found = drawn(document)

    xs = [
        line.label_at.x for line in (found["if:a>x"], found["if:b>end"], found["if:else>"]) if line.label_at
    ]
    assert xs == sorted(xs)
    assert xs[1] - xs[0] >= sizes.HALF
    assert xs[2] - xs[1] >= sizes.LANE


def test_several_triggers_stand_side_by_side_over_what_they_start() -> None:
    triggers = [{"key": key, "type": "manual"} for key in ("a", "b", "c")]
    spots = laid_out(of([step("one")], triggers=triggers)).spots

    xs = [spots[f"trigger:{key}"].middle for key in ("a", "b", "c")]
    assert xs == [-300, 0, 300]
    assert spots["one"].middle == 0


def test_a_trigger_with_a_start_of_its_own_stands_over_it() -> None:
    triggers = [{"key": "a", "type": "manual"}, {"key": "b", "type": "manual", "next": "two"}]
    spots = laid_out(of([step("one"), step("two")], triggers=triggers)).spots

    assert spots["trigger:a"].x == spots["one"].x
    assert spots["trigger:b"].x == spots["two"].x


def test_steps_nothing_leads_to_stand_apart_and_notes_at_the_left() -> None:
    document = of([step("one"), step("loose"), {"key": "hint", "type": "note", "notes": "Mind the gap"}])
    spots = laid_out(document).spots

    assert spots["loose"].x >= spots["one"].right + sizes.COLUMN_GAP
    assert spots["hint"].right < spots["one"].x


def test_a_draft_with_a_circle_is_drawn_too() -> None:
    document = of([step("a", next="b"), step("b", next="a")])

    found = drawn(document)

    assert re.fullmatch(r"M\S+ \S+v12H\S+V\S+H\S+V\S+", found["b:main>a"].path)


def test_places_that_are_no_places_are_passed_over() -> None:
    document = of([step("a")], layout={"positions": {"a": ["x", 2], "b": [1], "go": None, "c": [1e9, 0]}})

    assert layout.positions(document) == {}
    assert layout.positions(of([step("a")], layout={"positions": "everywhere"})) == {}


def test_contours_keep_their_distance_at_every_height() -> None:
    left, right = Contour(), Contour()
    left.add(0, 10, 0, 48)
    left.add(0, 100, 48, 72)
    right.add(-20, 5, 24, 72)

    assert left.gap_to(right) == 120
    joined = left.join(right.moved(120))
    assert (joined.left, joined.right) == (0, 125)
    other = Contour()
    other.add(0, 1, 240, 264)
    assert joined.gap_to(other) is None


def test_touching_is_more_than_standing_side_by_side() -> None:
    assert not Spot(0, 0, 10, 10).touches(Spot(10, 0, 10, 10))
    assert Spot(0, 0, 10, 10).touches(Spot(9, 9, 10, 10))
    assert Spot(0, 0, 10, 10).touches(Spot(15, 0, 10, 10), gap=6)
