"""Loops in a run's pages: adding up over items, choosing one."""

from __future__ import annotations

import pytest

from tests.workflows.runs.conftest import make_value, workflow
from tests.workflows.views.run_pages import LOOP, address, cards, states

NESTED = workflow(
    {"key": "outer", "type": "loop", "over": "{{ trigger.body }}", "as": "o", "next": {"each": ["inner"]}},
    {"key": "inner", "type": "loop", "over": "{{ o }}", "as": "i", "next": {"each": ["mark"]}},
    make_value("mark", v="{{ i }}"),
)


def test_steps_in_a_loop_add_up_over_its_items(as_alice, run):
    page = as_alice.get(address(run(LOOP, body=[1, 0, 2])))

    assert cards(page)["items"].time == "3 items, 1 failed"
    assert (cards(page)["half"].status, cards(page)["half"].time) == ("FAILED", "3 of 3")
    assert cards(page)["half"].href.endswith("/steps/items%5B1%5D.half/")


def test_the_chosen_item_decides_what_its_steps_show(as_alice, run):
    execution = run(LOOP, body=[1, 0, 2])

    good = as_alice.get(address(execution, "run-step", "items[2].half"))
    bad = as_alice.get(address(execution, "run-step", "items[1].half"))

    assert (states(good)["half"], states(bad)["half"]) == ("COMPLETED", "FAILED")
    assert good.context["panel"].sections[-1].value == {"v": 6}


def test_items_are_chosen_by_number_and_failed_ones_are_marked(as_alice, run):
    chooser = (
        as_alice.get(address(run(LOOP, body=[1, 0, 2]), "run-step", "items")).context["panel"].choosers[0]
    )

    assert [(part["label"], part["icon_name"]) for part in chooser.segments] == [
        ("1", None), ("2", "alert-circle"), ("3", None)
    ]  # fmt: skip


def test_failed_items_are_listed(as_alice, run):
    panel = as_alice.get(address(run(LOOP, body=[1, 0, 2, 0]), "run-step", "items")).context["panel"]

    assert [number for number, _ in panel.failed_items] == [2, 4]


def test_an_item_shows_its_steps(as_alice, run):
    panel = as_alice.get(address(run(LOOP, body=[1, 0, 2]), "run-step", "items[1]")).context["panel"]

    assert (panel.title, panel.status) == ("Item 2", "FAILED")
    assert [card.key for card in panel.cards] == ["half"]


def test_many_items_have_pages_and_a_place_to_type(as_alice, run):
    execution = run(LOOP, body=[1] * 25)

    chooser = as_alice.get(address(execution, "run-step", "items[11].half")).context["panel"].choosers[0]
    jump = as_alice.get(address(execution, "run-step", "items[11].half"), {"loop": "items", "item": "25"})

    assert [part["label"] for part in chooser.segments] == [
        "Items before",
        *map(str, range(11, 21)),
        "Items after",
    ]
    assert chooser.has_more
    assert jump["Location"] == address(execution, "run-step", "items[24].half")


@pytest.mark.parametrize(
    "query", [{"item": "x", "loop": "items"}, {"item": "0", "loop": "items"}, {"item": "1"}]
)
def test_items_that_are_no_numbers_are_404(as_alice, run, query):
    assert as_alice.get(address(run(LOOP, body=[1]), "run-step", "items"), query).status_code == 404


def test_loops_in_loops_have_a_chooser_each(as_alice, run):
    execution = run(NESTED, body=[[1], [2, 3]])

    page = as_alice.get(address(execution, "run-step", "outer[1].inner[0].mark"))
    panel = page.context["panel"]

    assert [(chooser.loop, chooser.count, chooser.current) for chooser in panel.choosers] == [
        ("outer", 2, 1), ("inner", 2, 0)
    ]  # fmt: skip
    assert panel.sections[-1].value == {"v": 2}
    assert panel.choosers[0].segments[0]["url"] == address(execution, "run-step", "outer[0].inner[0].mark")
