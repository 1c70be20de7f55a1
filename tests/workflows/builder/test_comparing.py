"""Two documents beside each other: what is marked, what is drawn, which words are different."""

from __future__ import annotations

from typing import Any

from workflows.builder.canvas import both, drawing
from workflows.builder.comparing import Comparison, compare, side_by_side
from workflows.builder.names import Names
from workflows.engine.document import Document, load
from workflows.engine.graph import Graph


def document(*steps: dict[str, Any], start: str = "a", **more: Any) -> Document:
    plain = {"type": "transform", "config": {"set": {"x": "{{ 1 }}"}}}
    full = [step if "type" in step else {**plain, **step} for step in steps]
    triggers = [{"key": "go", "type": "manual"}]
    return load(
        {"format": "automate/1", "key": "k", "triggers": triggers, "start": start, "steps": full, **more}
    )


def found(old: Document, new: Document) -> Comparison:
    return compare(old, new, describe=lambda part: part.type)


def drawn(old: Document, new: Document) -> tuple[set[str], dict[str, str]]:
    """The cards, and the class of every line by its ends."""
    whole = both.union(old, new)
    graph = Graph(whole)
    cards = dict.fromkeys(["trigger:go", *graph.steps], object())
    said = found(old, new)
    names = Names(whole, object(), graph.outline())  # type: ignore[arg-type]  # no app is asked for
    seen = drawing.view(whole, graph, names, cards, state=lambda line: both.state_of(said, line))
    lines = both.overlay(seen, said).paths
    return {node.id for node in seen.nodes}, {f"{p.source}>{p.target}": p.state for p in lines if p.target}


def test_steps_and_lines_are_marked_where_they_come_go_and_change() -> None:
    old = document({"key": "a", "next": "b"}, {"key": "b", "next": "c"}, {"key": "c"})
    new = document(
        {"key": "a", "next": "d"}, {"key": "d", "next": "c"}, {"key": "c", "name": "Last", "notes": "Here"}
    )

    said = found(old, new)

    assert said.marks == {"d": "added", "c": "changed", "b": "removed"}
    assert [change.label for change in said.parts[1].fields] == ["Name", "Notes"]
    assert drawn(old, new) == (
        {"trigger:go", "a", "b", "c", "d"},
        {"trigger:go>a": "", "a>d": "is-added", "d>c": "is-added", "a>b": "is-removed", "b>c": "is-removed"},
    )
    assert not found(new, new)


def test_what_would_be_a_circle_is_drawn_from_card_to_card() -> None:
    old = document({"key": "a", "next": "b"}, {"key": "b", "next": "c"}, {"key": "c"})
    new = document({"key": "a", "next": "c"}, {"key": "c", "next": "b"}, {"key": "b"})

    _, lines = drawn(old, new)

    assert lines["b>c"] == "is-removed"
    assert lines["c>b"] == "is-added"
    assert Graph(both.union(old, new)).circular == frozenset()


def test_a_way_out_and_a_start_that_are_gone_are_still_shown() -> None:
    case = {"key": "yes", "name": "Yes", "when": "{{ true }}"}
    asks = {"key": "a", "type": "condition", "cases": [case], "next": {"yes": "b", "else": "c"}}
    old = document(asks, {"key": "b"}, {"key": "c"})
    new = document({"key": "c"}, {"key": "b"}, start="c")

    cards, lines = drawn(old, new)

    assert cards == {"trigger:go", "a", "b", "c"}
    assert lines["trigger:go>a"] == lines["a>b"] == "is-removed"
    assert lines["trigger:go>c"] == "is-added"


def test_fields_of_objects_and_of_lists_of_objects_are_told_apart() -> None:
    case = {"key": "yes", "name": "Yes", "when": "{{ true }}"}
    asks = {"key": "a", "type": "condition", "cases": [case]}
    old = document(asks, {"key": "b", "config": {"set": {"x": 1, "y": 2}}})
    renamed = {**asks, "cases": [{**case, "name": "Sure"}]}
    new = document(renamed, {"key": "b", "config": {"set": {"x": True, "z": 3}}}, settings={"timeout_s": 60})

    said = found(old, new)

    labels = [change.label.replace("\u203a", ">") for part in said.parts for change in part.fields]
    assert labels == ["Cases 1 > Name", "Set > x", "Set > z", "Set > y"]
    assert [change.label for change in said.about] == ["Time limit of a run"]


def test_long_texts_show_the_lines_around_a_change_and_its_words() -> None:
    old = "\n".join(f"line {number}" for number in range(40))
    new = old.replace("line 20", "line twenty").replace("line 30", "line 30\nand more")

    rows = list(side_by_side(old, new))

    assert [row.kind for row in rows].count("gap") == 2
    assert [("".join(p.text for p in row.new if p.kind)) for row in rows if row.kind == "changed"] == [
        "twenty"
    ]
    assert [row.new[0].text for row in rows if row.kind == "added"] == ["and more"]
    assert len(rows) < 20
