"""Forms: a schema becomes fields, and what is typed becomes values; nothing a form cannot show is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.builder.forms import conditions
from workflows.builder.forms.fields import BoundField, show
from workflows.builder.forms.json_part import read_json
from workflows.builder.forms.reading import read
from workflows.builder.forms.schema_rows import read_schema, show_schema
from workflows.builder.forms.specs import from_schema
from workflows.builder.forms.step import read_errors, read_step, show_errors, show_step
from workflows.builder.forms.trigger import read_trigger, show_trigger
from workflows.builder.forms.values import (
    ABSENT,
    BadValue,
    as_text,
    clean,
    from_text,
    json_from_text,
    number_from_text,
)
from workflows.engine.catalogue import ActionInfo
from workflows.engine.document import Document, Retry, Step, Trigger, load

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["text", "channel"],
    "properties": {
        "silent": {"type": "boolean", "title": "Silent", "x-advanced": True},
        "count": {"type": "integer", "title": "Count", "default": 3},
        "text": {"type": "string", "title": "Message", "description": "What is said.", "x-multiline": True},
        "channel": {"type": "string", "x-options": {"action": "list", "value": "id", "label": "name"}},
        "colour": {"enum": ["red", "light_blue"]},
        "level": {"enum": [1, 2]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "days": {"type": "array", "items": {"enum": ["mon", "tue"]}},
        "body": {"title": "Body"},
        "headers": {"type": "object"},
        "auth": {
            "type": "object",
            "properties": {"user": {"type": "string"}, "password": {"type": "string", "x-secret": True}},
        },
        "rows": {"type": "array", "items": {"type": "object"}},
        "file_name": {"type": ["string", "null"]},
    },
}
INFO = ActionInfo("send", input_schema=SCHEMA)


def form_of(bounds: tuple[BoundField, ...]) -> dict[str, str]:
    """What a browser posts for these fields, untouched."""
    post: dict[str, str] = {}
    for bound in bounds:
        post.update(form_of(bound.fields))
        for block in bound.blocks:
            post.update(form_of(block.fields))
        if bound.template.endswith(("multi.html", "ops.html")):
            post[f"{bound.name}.shown"] = "1"
            post.update({f"{bound.name}.{value}": "on" for value in bound.chosen})
        for pair in bound.pairs:
            post |= {f"{bound.name}.k.{pair.at}": pair.name, f"{bound.name}.v.{pair.at}": pair.value}
        if bound.condition is not None:
            post |= {f"{bound.name}.mode": bound.condition.mode, f"{bound.name}.text": bound.condition.text}
            for at, row in enumerate(bound.condition.rows):
                names = [f"{bound.name}.{side}.{at}" for side in ("left", "op", "right")]
                post |= dict(zip(names, (row.left, row.op, row.right), strict=True))
        if not (bound.fields or bound.is_group):
            post[bound.name] = bound.text.replace("\n", "\r\n")
    return post


def typed(value: Any = None, **fields: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The input after typing into some fields of the action's form."""
    errors: dict[str, str] = {}
    post = {f"input.{name.replace('__', '.')}": text for name, text in fields.items()}
    return read(from_schema(SCHEMA), post, value or {}, "input", errors), errors


# --- which fields ---------------------------------------------------------------------------------


def test_required_fields_come_first_and_advanced_ones_last() -> None:
    names = [spec.name for spec in from_schema(SCHEMA)]

    assert names[:2] == ["text", "channel"]
    assert names[-1] == "silent"


def test_each_part_of_the_schema_finds_its_field() -> None:
    kinds = {spec.name: spec.kind for spec in from_schema(SCHEMA)}

    assert kinds == {
        "text": "area", "channel": "options", "count": "integer", "colour": "choice", "level": "choice", "tags": "list",
        "days": "multi", "body": "any", "headers": "rows", "auth": "object", "rows": "json", "file_name": "text",
        "silent": "flag",
    }  # fmt: skip


def test_labels_help_and_choices_are_read_from_the_schema() -> None:
    specs = {spec.name: spec for spec in from_schema(SCHEMA)}

    assert (specs["text"].label, specs["text"].help, specs["file_name"].label) == (
        "Message",
        "What is said.",
        "File name",
    )
    assert specs["colour"].choices == (("red", "Red"), ("light_blue", "Light blue"))


def test_fixed_text_offers_no_data() -> None:
    schema = {"properties": {"sql": {"type": "string", "x-literal": True}, "params": {"type": "array"}}}

    assert {spec.name: spec.data for spec in from_schema(schema)} == {"sql": False, "params": True}


# --- typing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"text": "Hello\r\nyou"}, {"text": "Hello\nyou"}),
        ({"text": "   "}, {}),
        ({"count": "7"}, {"count": 7}),
        ({"count": "{{ trigger.body.n }}"}, {"count": "{{ trigger.body.n }}"}),
        ({"silent": "true"}, {"silent": True}),
        ({"silent": ""}, {}),
        (
            {"silent": "", "silent__data": "{{ trigger.body.silent }}"},
            {"silent": "{{ trigger.body.silent }}"},
        ),
        ({"level": "2"}, {"level": 2}),
        ({"tags": "a\n\n b "}, {"tags": ["a", "b"]}),
        ({"tags": "{{ trigger.body.tags }}"}, {"tags": "{{ trigger.body.tags }}"}),
        ({"body": '{"a": 1}'}, {"body": {"a": 1}}),
        ({"body": "plain words"}, {"body": "plain words"}),
        ({"body": '"12"'}, {"body": "12"}),
        ({"body": "12"}, {"body": 12}),
        (
            {"headers__k__0": "X-A", "headers__v__0": "1", "headers__k__1": "", "headers__v__1": ""},
            {"headers": {"X-A": 1}},
        ),
        ({"auth__user": "mia"}, {"auth": {"user": "mia"}}),
        ({"days__shown": "1", "days__tue": "on"}, {"days": ["tue"]}),
    ],
)
def test_what_is_typed_becomes_a_value(fields: dict[str, str], expected: dict[str, Any]) -> None:
    assert typed(**fields) == (expected, {})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"count": "seven"}, '"seven" is not a whole number'),
        ({"count": "1.5"}, "is not a whole number"),
        ({"rows": "[1,"}, "This is not JSON"),
        ({"colour": "green"}, '"green" is not one of the choices'),
        ({"headers__k__0": "", "headers__v__0": "x"}, "has a value but no name"),
        (
            {"headers__k__0": "a", "headers__v__0": "1", "headers__k__1": "a", "headers__v__1": "2"},
            "used twice",
        ),
        ({"text": "a\x00b"}, "NUL character"),
    ],
)
def test_what_cannot_be_read_is_said_beside_the_field_and_the_old_value_stays(
    fields: dict[str, str], words: str
) -> None:
    old = {"count": 3, "rows": [{}], "colour": "red", "headers": {"old": 1}, "text": "old"}

    value, errors = typed(old, **fields)

    assert value == old
    assert words in next(iter(errors.values()))


def test_a_secret_is_never_sent_to_the_page_and_stays_when_nothing_is_typed() -> None:
    old = {"auth": {"password": "hunter2"}}
    field = next(bound for bound in show(from_schema(SCHEMA), old, "input") if bound.spec.name == "auth")

    kept, _ = typed(old, auth__user="", auth__password="")
    replaced, _ = typed(old, auth__password="new")

    assert [inner.text for inner in field.fields] == ["", ""]
    assert field.fields[1].is_set
    assert (kept, replaced["auth"]["password"]) == (old, "new")


# --- nothing is lost ------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6, allow_nan=False)
    | st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12) | st.just("{{ trigger.body }}"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc xyz", min_size=1, max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "unknown"]), JSON_VALUES, max_size=6))
def test_a_form_that_was_not_touched_changes_nothing(old: dict[str, Any]) -> None:
    step = Step("s", "action", integration="chat", action="send", input=old)

    same, errors = read_step(step, INFO, form_of(show_step(step, INFO).all))

    assert errors == {}
    assert (same.input, _types(same.input)) == (step.input, _types(step.input))


def _types(value: Any) -> Any:
    """True is not 1, and 1 is not 1.0."""
    if isinstance(value, dict):
        return {key: _types(inner) for key, inner in value.items()}
    return [_types(inner) for inner in value] if isinstance(value, list) else type(value)


STEPS: list[dict[str, Any]] = [
    {"type": "condition", "cases": [{"key": "a", "name": "A", "when": {"all": [{"left": 1, "op": "equals", "right": "1"}]}},
                                    {"key": "b", "when": {"not": {"left": "x", "op": "is_empty"}}},
                                    {"key": "c", "when": {"left": "{{ now }}", "op": "exists"}}], "mode": "all"},
    {"type": "condition", "value": "{{ trigger.body.kind }}", "cases": [{"key": "a", "equals": 5}]},
    {"type": "filter", "when": "{{ trigger.body.ok }}"},
    {"type": "loop", "over": ["a", 1], "as": "line", "parallel": 5, "collect": "{{ line }}", "on_item_error": "continue"},
    {"type": "loop", "while": {"any": [{"left": "{{ loop.state.n }}", "op": "less_than", "right": 3}]}, "state": {"n": 1}},
    {"type": "delay", "config": {"hours": 2}},
    {"type": "delay", "config": {"until": "{{ trigger.body.at }}"}},
    {"type": "merge", "join": "any"},
    {"type": "transform", "config": {"set": {"a": "{{ now }}", "b": {"c": [1]}, "d": None, "e": "5"}}},
    {"type": "transform", "config": {"items": "{{ trigger.body }}", "ops": [{"op": "sort", "by": "n", "desc": True},
                                                                          {"op": "keep", "fields": ["a", "b"]},
                                                                          {"op": "aggregate", "fields": {"s": {"fn": "sum", "of": "n"}}}]}},
    {"type": "respond", "config": {"status": 201, "headers": {"X": "1"}, "json": {"ok": True}}},
    {"type": "stop", "config": {"as": "failed", "message": "No", "output": 5}},
    {"type": "sub_workflow", "workflow": "other", "input": {"a": 1}, "wait": False},
    {"type": "code", "config": {"language": "python", "source": "x = 1\nx"}, "input": {"a": "{{ now }}"}},
    {"type": "approval", "config": {"assignees": ["a@b.c"], "need": 2, "fields": {"type": "object"}, "notify": ["email"]}},
    {"type": "approval", "config": {"assignees": "{{ trigger.body.boss }}", "message": "Pay?", "need": "all",
                                    "timeout_s": 7200, "reminder_s": "{{ vars.WAIT }}",
                                    "notify": ["inbox", {"connection": "slack", "channel": "#a"},
                                               {"connection": "slack", "channel": "#b: c"}]}},
    {"type": "callback", "config": {"timeout_s": 90, "methods": ["GET", "POST"]}},
    {"type": "state", "config": {"get": "n", "default": 0}},
    {"type": "note", "notes": "Remember\nthis"},
]  # fmt: skip


@pytest.mark.parametrize("data", STEPS, ids=[step["type"] + str(at) for at, step in enumerate(STEPS)])
def test_the_form_of_every_type_keeps_a_step_as_it_is(data: dict[str, Any]) -> None:
    document = load(
        {"format": "automate/1", "key": "w", "start": "s", "steps": [{"key": "s", **data}]}, complete=False
    )
    step = document.steps[0]

    same, errors = read_step(step, None, form_of(show_step(step, None).all))

    assert errors == {}
    assert same == step


@settings(max_examples=40, deadline=None)
@given(JSON_VALUES.filter(lambda value: value not in (None, "")))
def test_a_value_survives_being_shown_and_typed_again(value: Any) -> None:
    again = from_text(as_text(value))

    if isinstance(value, str) and not value.strip():
        return
    assert again == value
    assert type(again) is type(value)


# --- conditions -----------------------------------------------------------------------------------


def test_rows_become_a_condition() -> None:
    post = {
        "c.mode": "any", "c.left.0": "{{ trigger.body.total }}", "c.op.0": "greater_than", "c.right.0": "500",
        "c.left.1": "{{ trigger.body.name }}", "c.op.1": "is_empty", "c.right.1": "left over",
        "c.left.2": "", "c.op.2": "equals", "c.right.2": "",
    }  # fmt: skip

    assert conditions.read("c", post) == {
        "any": [
            {"left": "{{ trigger.body.total }}", "op": "greater_than", "right": 500},
            {"left": "{{ trigger.body.name }}", "op": "is_empty"},
        ]
    }


def test_no_rows_are_no_condition() -> None:
    assert conditions.read("c", {"c.mode": "all", "c.left.0": "", "c.right.0": ""}) is ABSENT


def test_conditions_nested_deeper_than_groups_are_edited_as_json() -> None:
    value = {"all": [{"any": [{"all": [{"left": 1, "op": "equals", "right": 1}]}]}]}

    form = conditions.show(value)

    assert form.mode == "json"
    assert conditions.read("c", {"c.mode": "json", "c.text": form.text}) == value


def test_an_unknown_comparison_is_refused() -> None:
    with pytest.raises(BadValue, match='no comparison "resembles"'):
        conditions.read("c", {"c.left.0": "a", "c.op.0": "resembles", "c.right.0": "b"})


def test_cases_are_added_dropped_and_moved_and_their_lines_go_with_them() -> None:
    cases = [{"key": "a", "name": "A", "when": "{{ x }}"}, {"key": "b", "name": "B", "when": "{{ y }}"}]
    step = Step(
        "s", "condition", config={"cases": cases}, next={"a": ("one",), "b": ("two",), "else": ("three",)}
    )
    post = form_of(show_step(step, None).all)

    added, _ = read_step(step, None, post | {"_do": "cases:add"})
    dropped, _ = read_step(step, None, post | {"_do": "cases:drop:0"})
    moved, _ = read_step(step, None, post | {"_do": "cases:up:1"})

    assert [case["key"] for case in added.cases] == ["a", "b", "case_3"]
    assert dropped.next == {"b": ("two",), "else": ("three",)}
    assert [case["key"] for case in moved.cases] == ["b", "a"]


def test_operations_are_added_dropped_and_moved() -> None:
    ops = [{"op": "flatten"}, {"op": "limit", "count": 5}]
    step = Step("s", "transform", config={"items": "{{ x }}", "ops": ops})
    post = form_of(show_step(step, None).all)

    added, _ = read_step(step, None, post | {"_do": "ops:add", "config.ops.new": "sort"})
    dropped, _ = read_step(step, None, post | {"_do": "ops:drop:0"})
    moved, _ = read_step(step, None, post | {"_do": "ops:up:1"})

    assert [op["op"] for op in added.config["ops"]] == ["flatten", "limit", "sort"]
    assert dropped.config["ops"] == [{"op": "limit", "count": 5}]
    assert [op["op"] for op in moved.config["ops"]] == ["limit", "flatten"]


# --- retries, triggers, JSON ----------------------------------------------------------------------


def test_retries_and_time_limit_are_read_and_shown() -> None:
    step = Step(
        "s",
        "action",
        integration="chat",
        retry=Retry(attempts=4, factor=3),
        timeout_s=10,
        config={"effect": "safe"},
    )

    same, errors = read_errors(step, form_of(show_errors(step).all))
    changed, _ = read_errors(
        step,
        {
            **form_of(show_errors(step).all),
            "errors.attempts": "",
            "errors.factor": "",
            "errors.timeout_s": "5",
        },
    )

    assert (same, errors) == (step, {})
    assert (changed.retry, changed.timeout_s) == (None, 5)


def test_every_kind_of_trigger_keeps_what_its_form_shows() -> None:
    for trigger in (
        Trigger(
            "t",
            "manual",
            config={
                "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
            },
        ),
        Trigger(
            "t",
            "webhook",
            config={
                "methods": ["PUT"],
                "respond": "when_done",
                "dedup": "{{ trigger.body.id }}",
                "max_bytes": 99,
            },
        ),
        Trigger(
            "t",
            "schedule",
            config={"cron": "0 9 * * *", "time_zone": "Europe/Berlin", "missed": "skip", "input": {"a": 1}},
        ),
        Trigger("t", "schedule", config={"every_s": 90}),
    ):
        form = show_trigger(trigger, None)
        post = dict(form_of((*form.main, *form.more)))
        for row in form.schema.rows if form.schema else ():
            post |= {
                f"{form.schema_name}.name.{row.at}": row.name,
                f"{form.schema_name}.type.{row.at}": row.type,
            }
            post |= {f"{form.schema_name}.req.{row.at}": "on"} if row.required else {}

        assert read_trigger(trigger, None, post) == (trigger, {})


def test_a_rich_schema_is_edited_as_json() -> None:
    rich = {"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]}}}

    form = show_schema(rich)

    assert form.rows == ()
    assert read_schema("s", {"s.text": form.text}, rich) == rich
    with pytest.raises(BadValue, match="is an object"):
        read_schema("s", {"s.text": "[]"}, rich)


def a_document() -> Document:
    return load({"format": "automate/1", "key": "w", "start": "s", "triggers": [{"key": "t", "type": "manual"}],
                 "steps": [{"key": "s", "type": "delay", "config": {"minutes": 1}, "next": "e"}, {"key": "e", "type": "stop"}]})  # fmt: skip


def test_json_reaches_everything_but_key_and_lines() -> None:
    document = a_document()

    step, errors = read_json(
        document, document.steps[0], '{"key": "other", "type": "delay", "config": {"days": 2}, "next": "s"}'
    )

    assert errors == {}
    assert (step.key, step.config, step.next) == ("s", {"days": 2}, {"main": ("e",)})


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"type": "delay", "config": {"days": "many"}}', '{"type": "nonsense"}']
)
def test_json_that_is_no_step_is_refused_in_words(text: str) -> None:
    document = a_document()

    step, errors = read_json(document, document.steps[0], text)

    assert step == document.steps[0]
    assert errors["_json"]


# --- small readers --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["1,5", "0x10", "1e", "--1", "\u0669"])
def test_odd_numbers_are_refused(text: str) -> None:
    with pytest.raises(BadValue):
        number_from_text(text, whole=False)


def test_an_expression_may_stand_for_json() -> None:
    assert json_from_text(" {{ trigger.body }} ") == "{{ trigger.body }}"
    assert json_from_text('{"a": "{{ trigger.body.a }}"}') == {"a": "{{ trigger.body.a }}"}


def test_half_a_character_is_refused() -> None:
    with pytest.raises(BadValue, match="half a character"):
        clean("a\ud800")
