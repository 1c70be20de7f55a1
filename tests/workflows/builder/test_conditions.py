"""Conditions as rows and groups, there and back; lists of objects; what previews, picker and editor know. No database."""

from __future__ import annotations

from typing import Any

import pytest

from automate.lib.expressions import Scope
from workflows.builder import completion, picker, previews
from workflows.builder.forms import conditions
from workflows.builder.forms.expression_rows import from_expression
from workflows.builder.forms.fields import show
from workflows.builder.forms.reading import read
from workflows.builder.forms.specs import from_schema
from workflows.builder.names import Names
from workflows.builder.samples import Found, Samples
from workflows.builder.scope import SampleScope
from workflows.engine.document import load
from workflows.engine.graph import Graph

TOTAL = {"left": "{{ trigger.body.total }}", "op": "greater_than", "right": 500}
NAME = {"left": "{{ trigger.body.name }}", "op": "equals", "right": "Ines"}
SHAPES: list[Any] = [
    TOTAL,
    {"all": [TOTAL, {"any": [NAME, TOTAL]}, {"not": {"any": [NAME]}}]},
    {"not": {"any": [TOTAL, NAME]}},
    {"not": NAME},
    {"any": [{"left": "{{ trigger.body.total }}", "op": "between", "right": [1, "{{ vars.TOP }}"]}]},
    {"any": [{"left": "{{ trigger.body.name }}", "op": "in", "right": ["Ines", "2", 2, "a, b"]}]},
    {"any": [{"left": "{{ trigger.body.name }}", "op": "in", "right": "Ines and Bo"}]},
    {"all": [{"left": None, "op": "equals", "right": None}, {"left": "", "op": "is_empty"}]},
    "{{ trigger.body.total > 500 and (trigger.body.name == 'Ines' or not trigger.body.total <= -1) }}",
    "{{ trigger.body.name | upper }}",
]


def posted(form: conditions.ConditionForm, name: str = "c") -> dict[str, str]:
    """What a browser sends for it, untouched."""
    post = {f"{name}.mode": form.mode, f"{name}.text": form.text}
    parts = [(name, form.rows), *((f"{name}.g.{group.at}", group.rows) for group in form.groups)]
    post |= {f"{name}.g.{group.at}.mode": group.mode for group in form.groups}
    for prefix, rows in parts:
        for at, row in enumerate(rows):
            sides = {"left": row.left, "op": row.op, "right": row.right, "high": row.high}
            post |= {f"{prefix}.{side}.{at}": text for side, text in sides.items()}
    return post


@pytest.mark.parametrize("value", SHAPES, ids=range(len(SHAPES)))
def test_a_condition_comes_back_as_it_was_stored(value: Any) -> None:
    form = conditions.show(value)

    assert form.mode != "json"
    assert conditions.read("c", posted(form), value) == value


def test_one_row_changed_changes_that_row_alone() -> None:
    value = {"all": [{"left": None, "op": "equals", "right": "1"}, {"any": [NAME, TOTAL]}]}
    post = posted(conditions.show(value)) | {
        "c.g.0.right.1": "700",
        "c.g.1.left.0": "{{ a }}",
        "c.g.1.right.0": "b",
    }

    made = conditions.read("c", post, value)

    added = {"any": [{"left": "{{ a }}", "op": "equals", "right": "b"}]}
    assert made == {"all": [value["all"][0], {"any": [NAME, {**TOTAL, "right": 700}]}, added]}


@pytest.mark.parametrize(
    "text", ["{{ a.b > 5 }} and more", "{{ a.b + 1 > 5 }}", "{{ 1 < a.b < 5 }}", "{{ a in b }}", "{{ a"]
)
def test_an_expression_that_does_more_than_compare_stays_one(text: str) -> None:
    assert from_expression(text) is None
    assert conditions.show(text).mode == "expression"


def test_rows_and_the_expression_they_stand_for_agree() -> None:
    text = "{{ (a.n >= 3 and a.s != 'x') or not a.n == 7 }}"
    rows = from_expression(text)

    for number in (2, 3, 7, "7", "3"):
        for word in ("x", "y"):
            scope = Scope({"a": {"n": number, "s": word}})
            verdicts = {previews.of_condition(when, scope).verdict for when in (text, rows)}
            assert len(verdicts) == 1, (number, word)


def test_the_comparisons_that_fit_the_sample_come_first() -> None:
    scope = Scope({"a": {"day": "2026-01-31", "yes": True, "many": [1]}})
    value = {
        "all": [{"left": f"{{{{ a.{name} }}}}", "op": "exists"} for name in ("day", "yes", "many", "none")]
    }

    rows = previews.with_kinds(conditions.show(value), scope).rows

    assert [row.kind for row in rows] == ["date", "boolean", "list", "", ""]
    assert [row.op_groups[0][1][0].name for row in rows[:3]] == ["before", "is_true", "contains"]


def test_a_list_of_objects_has_fields_and_buttons_for_each() -> None:
    item = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
    }
    specs = from_schema({"properties": {"lines": {"type": "array", "items": item}}})
    old = {"lines": [{"name": "a", "extra": 1}, {"name": "b", "count": "{{ n }}"}]}
    bound = show(specs, old, "input")[0]
    post = {"input.lines.shown": "1"} | {one.name: one.text for block in bound.blocks for one in block.fields}
    errors: dict[str, str] = {}

    same = read(specs, post, old, "input", errors)
    up = read(
        specs, post | {"_do": "items:input.lines:up:1", "input.lines.0.count": "3"}, old, "input", errors
    )
    more = read(specs, post | {"_do": "items:input.lines:add"}, old, "input", errors)
    data = read(
        specs, {"input.lines.shown": "1", "input.lines.data": "{{ trigger.body.lines }}"}, {}, "input", errors
    )

    assert (same, errors) == (old, {})
    assert up["lines"] == [old["lines"][1], {"name": "a", "count": 3, "extra": 1}]
    assert more["lines"] == [*old["lines"], {}]
    assert data == {"lines": "{{ trigger.body.lines }}"}
    assert show(specs, data, "input")[0].text == "{{ trigger.body.lines }}"


DOCUMENT = load(
    {
        "format": "automate/1", "key": "k", "name": "K", "start": "each", "triggers": [{"key": "go", "name": "Go", "type": "manual"}],
        "steps": [
            {"key": "each", "name": "Each", "type": "loop", "over": "{{ trigger.body.lines }}", "as": "line", "next": {"each": ["one"], "done": ["last"]}},
            {"key": "one", "name": "One", "type": "transform", "config": {"set": {"a": "{{ line.sku }}"}}},
            {"key": "last", "name": "Last", "type": "transform", "config": {"set": {"a": "{{ steps.each.count }}"}}},
        ],
    }
)  # fmt: skip
LINES = [{"sku": f"S{number}"} for number in range(1, 36)]


def seen_from(step: str) -> tuple[Graph, Names, Samples, SampleScope]:
    graph = Graph(DOCUMENT)
    trigger: Any = {
        "type": "manual",
        "body": {"lines": LINES, "file": {"$file": "f1", "name": "a.pdf", "size": 3}},
    }
    scope = SampleScope(graph, step, trigger, {}, {"URL": "https://a.example"}, items={"line": {**LINES[0]}})
    return graph, Names(DOCUMENT, None, graph.outline()), Samples({"go": Found(trigger, "REQUEST")}), scope  # type: ignore[arg-type]  # no step uses an app


def test_the_editor_knows_what_is_before_a_step_and_what_comes_later() -> None:
    graph, names, samples, scope = seen_from("one")

    roots = {root.path: root for root in completion.roots(DOCUMENT, graph, names, samples, scope)}

    assert list(roots) == ["trigger", "line", "vars"]
    assert (roots["trigger"].n, roots["trigger"].name, roots["line"].shape) == (
        1, "Go", {"t": "object", "f": {"sku": {"t": "text", "v": "S1"}}})  # fmt: skip
    assert roots["trigger"].shape is not None
    lines = roots["trigger"].shape["f"]["body"]["f"]["lines"]  # type: ignore[index,call-overload]  # JSON
    assert lines == {"t": "list", "n": 35, "i": {"t": "object", "f": {"sku": {"t": "text", "v": "S1"}}}}
    assert completion.later(DOCUMENT, graph, names, "one") == {
        "each": "2. Each",
        "one": "3. One",
        "last": "4. Last",
    }
    assert {"name", "signature", "help", "example"} <= set(completion.functions()[0])


def test_long_lists_come_in_pages_and_are_searched_whole() -> None:
    graph, names, samples, scope = seen_from("one")

    first = picker.tree(DOCUMENT, graph, names, samples, scope)[0].children[0]
    found = picker.tree(DOCUMENT, graph, names, samples, scope, "s33")
    page = picker.items_of("trigger.body.lines", scope, start=30)

    assert [node.name for node in first.children[1:3]] == ["every item's sku", "item 1"]
    assert (first.children[-1].name, first.children[-1].start) == ("Items 11 to 20 of 35", 10)
    assert found[0].children[0].children[0].children[0].insert == "{{ trigger.body.lines[32].sku }}"
    assert [node.name for node in page] == [f"item {number}" for number in range(31, 36)]
    assert picker.items_of("nothing here", scope, start=0) == ()
