"""What the canvas does to a draft: places, notes, copy and paste."""

from __future__ import annotations

import json

import pytest

from tests.workflows.builder.test_commands import do, flow, lines
from workflows.builder.canvas import layout
from workflows.builder.commands.paste import copy_text
from workflows.builder.commands.renaming import renamed
from workflows.engine.document import Document, load
from workflows.engine.graph import Graph
from workflows.errors import EditRefused


def place(document: Document, **spots: list[float]) -> Document:
    return do(document, "place", places=json.dumps(spots)).document


# --- places ---------------------------------------------------------------------------------------


def test_the_first_card_that_is_placed_fixes_all_of_them_where_they_are() -> None:
    before = layout.free(flow(), Graph(flow()), Graph(flow()).outline()).spots

    after = place(flow(), log=[101, 203])

    places = layout.positions(after)
    assert places["log"] == (104, 200), "on the grid of 8 pixels"
    assert {id: (spot.x, spot.y) for id, spot in before.items()} | {"log": (104, 200)} == places
    assert do(flow(), "place", places='{"log": [0, 0]}').label == "Placed Log"


def test_a_note_that_is_placed_moves_nothing_else_and_keeps_its_size() -> None:
    noted = do(flow(), "insert", type="note", x="10", y="-20").document

    after = place(noted, note=[40, 40, 300, 8])

    assert layout.positions(after) == {"note": (40, 40)}
    assert layout.note_sizes(after) == {"note": (304, 96)}
    assert layout.auto(after, Graph(after), Graph(after).outline()).spots["note"][:2] == (40, 40)


def test_tidying_up_gives_all_places_back() -> None:
    after = do(place(flow(), log=[0, 0]), "tidy").document

    assert after.layout == {}
    with pytest.raises(EditRefused, match="belongs already"):
        do(flow(), "tidy")


def test_the_place_of_a_deleted_step_goes_with_it() -> None:
    after = do(place(flow(), log=[0, 0]), "delete", key="log").document

    assert "log" not in layout.positions(after)
    assert "big" in layout.positions(after)


@pytest.mark.parametrize(
    "places",
    ["", "[]", "{}", '{"log": [1]}', '{"log": [1, "2"]}', '{"log": [1, 30000]}', '{"nobody": [1, 2]}'],
)
def test_what_is_no_place_is_refused(places: str) -> None:
    with pytest.raises(EditRefused):
        do(flow(), "place", places=places)


@pytest.mark.parametrize("x", ["nan", "inf", "far", "30000"])
def test_a_new_step_is_put_on_the_canvas_only(x: str) -> None:
    with pytest.raises(EditRefused, match="no place on the canvas"):
        do(flow(), "insert", type="note", x=x, y="0")


def test_a_step_dropped_beside_the_lines_is_not_connected() -> None:
    change = do(flow(), "insert", type="delay", loose="1", x="800", y="80")

    assert lines(change.document) == lines(flow())
    assert layout.positions(change.document)["wait"] == (800, 80)


# --- triggers and lines ---------------------------------------------------------------------------


def test_the_line_of_the_only_trigger_is_the_start() -> None:
    after = do(flow(), "link", source="trigger:call", target="thank").document

    assert after.start == ("big", "thank")
    assert do(after, "unlink", source="trigger:call", target="big").document.start == ("thank",)


def test_nothing_leads_to_a_trigger() -> None:
    with pytest.raises(EditRefused, match="what starts a run"):
        do(flow(), "link", source="log", target="trigger:call")


def test_one_of_two_triggers_gets_a_start_of_its_own() -> None:
    two = do(flow(), "add_trigger", type="manual").document

    after = do(two, "link", source="trigger:manual", target="thank").document

    assert [(t.key, t.next) for t in after.triggers] == [("call", ()), ("manual", ("big", "thank"))]
    assert after.start == ("big",)
    with pytest.raises(EditRefused, match="where the other triggers start"):
        do(two, "unlink", source="trigger:manual", target="big")


# --- copy and paste -------------------------------------------------------------------------------

SOURCE = """
format: automate/1
key: source
connections: {chat: {integration: chat}, web: {integration: web}}
start: fetch
steps:
  - {key: fetch, type: action, integration: chat, action: send, connection: chat, input: {text: "hi"}, next: items}
  - {key: items, type: loop, over: "{{ steps.fetch.lines }}", as: line, next: {each: reserve, done: log}}
  - {key: reserve, type: transform, config: {set: {sku: "{{ line.sku }} of {{ steps['fetch'].n }} line, not \\"steps.fetch\\""}}}
  - {key: log, type: transform, config: {set: {n: "{{ steps.items.count }} {{ steps.other.x }}"}}, next: far}
  - {key: far, type: delay, config: {minutes: 1}}
"""


def test_copied_text_is_a_document_with_the_lines_and_slots_among_the_steps() -> None:
    text = copy_text(load(SOURCE), ["log", "fetch", "items", "nobody"])

    copied = load({**load_yaml(text), "key": "x"}, complete=False)
    assert [step.key for step in copied.steps] == ["fetch", "items", "log"]
    assert list(copied.connections) == ["chat"]
    assert copied.steps[1].next == {"done": ("log",)}


def load_yaml(text: str) -> dict[str, object]:
    from workflows.engine.document import parse

    return parse(text)


def test_pasted_steps_get_keys_of_their_own_and_know_each_other_by_them() -> None:
    change = do(flow(), "paste", text=copy_text(load(SOURCE), ["fetch", "items", "reserve", "log"]), at="log")

    found = {step.key: step for step in change.document.steps}
    assert change.label == "Pasted 4 steps"
    assert lines(change.document) - lines(flow()) == {
        "log:main>fetch", "fetch:main>items_2", "items_2:each>reserve_2", "items_2:done>log_2",
    }  # fmt: skip
    assert found["items_2"].config["over"] == "{{ steps.fetch.lines }}"
    assert found["log_2"].config["set"] == {"n": "{{ steps.items_2.count }} {{ steps.other.x }}"}
    assert found["fetch"].connection == "chat"


def test_a_pasted_loop_calls_its_item_otherwise_where_a_step_has_that_name() -> None:
    named = load(
        SOURCE.replace("key: far", "key: line")
        .replace("next: far", "next: line")
        .replace("as: line", "as: row")
    )
    text = copy_text(load(SOURCE), ["items", "reserve"])

    after = do(named, "paste", text=text).document

    found = {step.key: step for step in after.steps}
    assert found["items_2"].config["as"] == "line_2"
    expected = "{{ line_2.sku }} of {{ steps['fetch'].n }} line, not \"steps.fetch\""
    assert found["reserve_2"].config["set"]["sku"] == expected


def test_pasting_takes_over_the_slot_of_the_same_app_or_brings_one() -> None:
    text = copy_text(load(SOURCE), ["fetch"])
    has_one = load(
        SOURCE.replace("chat: {integration: chat}", "talk: {integration: chat}").replace(
            "connection: chat", "connection: talk"
        )
    )

    taken = do(has_one, "paste", text=text).document
    brought = do(flow(), "paste", text=text).document

    assert {step.key: step.connection for step in taken.steps}["fetch_2"] == "talk"
    assert {key: slot.integration for key, slot in brought.connections.items()} == {"chat": "chat"}


def test_a_group_with_two_beginnings_stays_unconnected() -> None:
    text = "format: automate/1\nsteps:\n  - {key: a, type: stop}\n  - {key: b, type: stop}\n"

    after = do(flow(), "paste", text=text, at="log").document

    assert lines(after) == lines(flow())
    assert {"a", "b"} <= {step.key for step in after.steps}


def test_the_older_form_and_json_can_be_pasted_too() -> None:
    old = {"name": "old", "nodes": [{"id": "n1", "type": "stop"}], "connections": []}
    new = {"format": "automate/1", "steps": [{"key": "a", "type": "stop"}]}

    assert do(flow(), "paste", text=json.dumps(new)).opens == "a"
    with pytest.raises(EditRefused):
        do(flow(), "paste", text=json.dumps({**old, "nodes": []}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no steps in this text"),
        ("Dear Sir or Madam", "no steps in this text"),
        ("format: automate/1", "no steps in this text"),
        ("format: automate/1\nsteps:\n  - {key: a, type: dance}", "cannot be pasted. .*dance"),
        ("format: automate/1\nsteps: [{key: a, type: stop}]\nsteps: []", "cannot be pasted"),
        ("[" * 100, "no steps in this text"),
    ],
)
def test_what_cannot_be_pasted_is_said_in_words(text: str, words: str) -> None:
    with pytest.raises(EditRefused, match=words):
        do(flow(), "paste", text=text)


def test_no_more_steps_than_a_workflow_may_have() -> None:
    text = json.dumps(
        {"format": "automate/1", "steps": [{"key": f"s{n}", "type": "stop"} for n in range(495)]}
    )

    with pytest.raises(EditRefused, match="500 steps at most"):
        do(flow(), "paste", text=text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{{ steps.a.x }}", "{{ steps.b.x }}"),
        ("{{ steps . a }}", "{{ steps . b }}"),
        ('{{ steps["a"].x }}', '{{ steps["b"].x }}'),
        ("{{ callback_url('a') }}", "{{ callback_url('b') }}"),
        ("steps.a is text", "steps.a is text"),
        ("{{ 'steps.a' }}", "{{ 'steps.a' }}"),
        ("{{ trigger.steps.a }}", "{{ trigger.steps.a }}"),
        ("{{ item.x + f(item=item.y) + my.item }}", "{{ row.x + f(item=row.y) + my.item }}"),
        ("{{ steps.a.x", "{{ steps.a.x"),
    ],
)
def test_only_expressions_are_renamed(before: str, after: str) -> None:
    assert renamed({"x": [before]}, {"a": "b"}, {"item": "row"}) == {"x": [after]}
