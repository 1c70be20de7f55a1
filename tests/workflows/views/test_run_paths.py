"""Places in a run as addresses name them, and the row of items beside a step in a loop."""

from __future__ import annotations

import pytest

from workflows.engine.document import load
from workflows.engine.graph import Graph
from workflows.views.run_paths import Place, Window, parse, place_of, window


@pytest.fixture(scope="module")
def graph():
    """outer > inner > mark, then end."""
    return Graph(
        load(
            {
                "format": "automate/1",
                "key": "nested",
                "triggers": [{"key": "go", "type": "manual"}],
                "start": "outer",
                "steps": [
                    {
                        "key": "outer",
                        "type": "loop",
                        "over": [],
                        "next": {"each": ["inner"], "done": ["end"]},
                    },
                    {"key": "inner", "type": "loop", "over": [], "next": {"each": ["mark"]}},
                    {"key": "mark", "type": "transform", "config": {"set": {"a": 1}}},
                    {"key": "end", "type": "transform", "config": {"set": {"a": 1}}},
                ],
            }
        )
    )


def place_at(text, graph):
    place = parse(text, graph)
    assert place is not None
    return place


@pytest.mark.parametrize(
    "text", ["end", "outer", "outer[3]", "outer[3].inner", "outer[3].inner[0]", "outer[3].inner[0].mark"]
)
def test_a_place_is_written_as_it_is_read(graph, text):
    assert place_at(text, graph).path == text


@pytest.mark.parametrize(
    "text",
    ["", "mark", "nothing", "end[0]", "inner", "outer.inner", "inner[0].mark", "outer[1].mark", "outer[1]inner",
     "outer[-1]", "outer[1].inner[0].mark.", "outer[9999999]", "OUTER", "outer[1].outer[1].inner"],
)  # fmt: skip
def test_what_lies_elsewhere_is_no_place(graph, text):
    assert parse(text, graph) is None


def test_another_item_of_an_outer_loop_keeps_the_inner_one(graph):
    place = place_at("outer[3].inner[5].mark", graph)

    assert place.at("outer", 0).path == "outer[0].inner[5].mark"
    assert place.at("inner", 0).path == "outer[3].inner[0].mark"
    assert place_at("outer[3].inner", graph).at("inner", 2).path == "outer[3].inner[2]"


def test_a_place_knows_where_its_loops_are(graph):
    place = place_at("outer[3].inner[5].mark", graph)

    assert (place.loop_path("outer"), place.loop_path("inner")) == ("outer", "outer[3].inner")
    assert place.chosen == {"outer": 3, "inner": 5}


def test_a_step_in_a_loop_without_a_chosen_item_is_in_the_first(graph):
    assert place_of("mark", graph, {"outer": 4}) == Place("mark", (("outer", 4), ("inner", 0)))


@pytest.mark.parametrize(
    ("current", "count", "numbers", "before", "after"),
    [
        (None, 3, (1, 2, 3), None, None),
        (10, 25, tuple(range(1, 11)), None, 11),
        (11, 25, tuple(range(11, 21)), 10, 21),
        (25, 25, (21, 22, 23, 24, 25), 20, None),
        (8, 500, tuple(range(8, 15)), 7, 15),
        (None, 0, (), None, None),
    ],
)
def test_items_are_shown_a_few_at_a_time(current, count, numbers, before, after):
    assert window(current, count) == Window(numbers, before, after)
