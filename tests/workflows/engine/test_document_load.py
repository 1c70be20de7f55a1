"""What loading refuses: every fault with its place and a sentence."""

from typing import Any

import pytest

from tests.workflows.engine import samples
from workflows.engine.document import MAX_TEXT_BYTES, DocumentError, load


def faults(source, **how) -> dict[str, str]:
    with pytest.raises(DocumentError) as caught:
        load(source, **how)
    return {fault.path: fault.message for fault in caught.value.faults}


def step_faults(**step) -> dict[str, str]:
    return faults(samples.data({"key": "a", **step}))


def test_all_faults_are_said_at_once_in_the_documents_order():
    found = faults(
        samples.data(
            {"key": "a", "type": "delay", "config": {"seconds": -1}},
            {"key": "b", "type": "action", "integration": "slack"},
            key="Not A Key",
            settings={"overlap": "que"},
        )
    )

    assert list(found) == ["key", "settings.overlap", "steps.a.config.seconds", "steps.b.action"]


def test_missing_action_says_what_to_do():
    found = step_faults(type="action", integration="slack")

    assert found == {"steps.a.action": "Step `a` has no `action`. Choose one of the integration's actions."}


def test_drafts_may_lack_things():
    document = load(samples.data({"key": "a", "type": "action", "integration": "slack"}), complete=False)

    assert document.steps[0].action is None


def test_faults_know_their_step_and_field():
    with pytest.raises(DocumentError) as caught:
        load(samples.data(samples.step("a", retry={"attempts": 0})))

    (fault,) = caught.value.faults
    assert (fault.step, fault.field, fault.severity) == ("a", "retry.attempts", "error")
    assert "a whole number from 1 to 20" in fault.message
    assert str(caught.value) == f"steps.a.retry.attempts: {fault.message}"


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("nxt", "next"),
        ("params", "input"),
        ("task", "action"),
        ("timeout", "timeout_s"),
        ("on_eror", "on_error"),
    ],
)
def test_unknown_keys_are_refused_with_what_was_meant(key, meant):
    found = step_faults(type="action", integration="http", action="request", **{key: 1})

    assert f"Did you mean `{meant}`?" in found[f"steps.a.{key}"]


@pytest.mark.parametrize(
    ("step", "path", "words"),
    [
        ({"type": "loop", "over": [], "parallel": 0}, "parallel", "whole number from 1 to 100"),
        ({"type": "loop", "over": [], "max_items": 100_001}, "max_items", "from 1 to 100,000"),
        ({"type": "loop", "over": [], "as": "Line Item"}, "as", "lower-case"),
        ({"type": "merge", "join": "some"}, "join", "all or any"),
        ({"type": "stop", "config": {"as": "finish"}}, "config.as", "completed, failed, next_item or break"),
        ({"type": "stop", "next": "b"}, "next", "not a key"),
        ({"type": "note", "retry": {}}, "retry", "not a key"),
        ({"type": "delay", "timeout_s": 5, "config": {"seconds": 1}}, "timeout_s", "not a key"),
        ({"type": "delay", "seconds": 5}, "seconds", "belongs under `config:`"),
        ({"type": "sub_workflow", "workflow": "Other One"}, "workflow", "key of a workflow"),
        (
            {"type": "code", "config": {"language": "ruby", "source": "1"}},
            "config.language",
            "python or javascript",
        ),
        ({"type": "approval", "config": {"assignees": ["a"], "need": 0}}, "config.need", "how many people"),
        (
            {"type": "approval", "config": {"assignees": ["a"], "notify": ["fax"]}},
            "config.notify[0]",
            "email, inbox",
        ),
        (
            {"type": "transform", "config": {"items": [], "ops": [{"op": "srt"}]}},
            "config.ops[0].op",
            "`sort`",
        ),
        (
            {"type": "transform", "config": {"items": [], "ops": [{"op": "limit"}]}},
            "config.ops[0].count",
            "missing",
        ),
        ({"type": "filter", "when": 5}, "when", "must be an expression"),
        (
            {"type": "filter", "when": {"left": 1, "op": "equal", "right": 1}},
            "when.op",
            "Did you mean `equals`?",
        ),
        ({"type": "filter", "when": {"left": 1, "op": "equals"}}, "when", "needs right"),
        ({"type": "filter", "when": {"left": 1, "op": "between", "right": 3}}, "when.right", "[low, high]"),
        ({"type": "filter", "when": {"all": [], "any": []}}, "when", "alone"),
        ({"type": "filter", "when": {"not": {"any": [7]}}}, "when.not.any[0]", "expression"),
        ({"type": "filter", "when": "{{ 1 }}", "next": {"main": 3}}, "next.main", "list of keys"),
        ({"type": "filter", "when": "{{ 1 }}", "next": {"error": "b"}}, "next.error", "`on_error:`"),
        ({"type": "filter", "when": "{{ 1 }}", "notes": 5}, "notes", "put it in quotes"),
        ({"type": "filter", "when": "{{ 1 }}", "enabled": "yes"}, "enabled", "true or false"),
        ({"type": "respond", "config": {"status": 99}}, "config.status", "from 200 to 599"),
    ],
)
def test_wrong_values_are_refused_by_place(step, path, words):
    assert words in step_faults(**step)[f"steps.a.{path}"]


@pytest.mark.parametrize(
    ("step", "path", "words"),
    [
        ({"type": "condition"}, "cases", "Add a case"),
        ({"type": "condition", "cases": [{"key": "b"}]}, "cases[0].when", "no `when`"),
        ({"type": "condition", "cases": [{"key": "b", "equals": 1}]}, "cases[0]", "no `value`"),
        ({"type": "condition", "value": 1, "cases": [{"key": "b", "when": True}]}, "cases[0]", "no `equals`"),
        ({"type": "filter"}, "when", "Say when to go on"),
        ({"type": "loop"}, "over", "neither `over` nor `while`"),
        ({"type": "loop", "over": [1], "while": "{{ 1 }}"}, "while", "both"),
        ({"type": "loop", "over": [1], "state": {}}, "state", "Remove it"),
        ({"type": "loop", "while": "{{ 1 }}", "parallel": 2}, "parallel", "Remove `parallel`"),
        ({"type": "delay"}, "config", "how long"),
        ({"type": "delay", "config": {"hours": 1, "until": "x"}}, "config.until", "exactly one"),
        ({"type": "sub_workflow"}, "workflow", "Choose the workflow"),
        ({"type": "transform"}, "config.set", "makes nothing"),
        ({"type": "transform", "config": {"set": {}, "items": []}}, "config.items", "both"),
        ({"type": "state", "config": {"get": "a", "set": {}}}, "config", "exactly one"),
        ({"type": "respond", "config": {"text": "a", "json": 1}}, "config.text", "exactly one"),
        ({"type": "approval"}, "config.assignees", "who may answer"),
        ({"type": "code", "config": {"language": "python"}}, "config.source", "Write the program"),
    ],
)
def test_what_is_missing_is_said(step, path, words):
    assert words in step_faults(**step)[f"steps.a.{path}"]


def test_a_refused_value_is_not_called_missing():
    assert list(step_faults(type="action", integration="slack", action=5)) == ["steps.a.action"]


@pytest.mark.parametrize(
    ("trigger", "path", "words"),
    [
        ({"type": "webook"}, "type", "Did you mean `webhook`?"),
        ({"type": "webhook", "integration": "slack"}, "integration", "not a key"),
        ({"type": "webhook", "config": {"methods": ["FETCH"]}}, "config.methods[0]", "GET, POST"),
        ({"type": "webhook", "config": {"auth": {"type": "hmac"}}}, "config.auth.connection", "missing"),
        ({"type": "polling", "integration": "slack"}, "event", "Choose one of the integration's events"),
        (
            {"type": "polling", "integration": "slack", "event": "e", "config": {"every_s": 1}},
            "config.every_s",
            "10",
        ),
        ({"type": "schedule"}, "config", "Give `cron` or `every_s`"),
        ({"type": "schedule", "config": {"cron": "@daily", "every_s": 5}}, "config.every_s", "both"),
        ({"type": "schedule", "config": {"every_s": 0}}, "config.every_s", "from 1"),
        ({"type": "email"}, "connection", "mailbox"),
        ({"type": "form"}, "config.fields", "Describe"),
        ({"type": "failure", "config": {"workflows": "some"}}, "config.workflows", "all"),
    ],
)
def test_triggers_are_held_to_their_type(trigger, path, words):
    found = faults(samples.data(samples.step("a"), triggers=[{"key": "t", **trigger}]))

    assert words in found[f"triggers.t.{path}"]


@pytest.mark.parametrize(
    "word", ["trigger", "steps", "vars", "run", "loop", "error", "now", "input", "result", "item"]
)
def test_reserved_words_are_no_keys(word):
    found = faults(
        samples.data(
            samples.step(word),
            triggers=[{"key": word, "type": "manual"}],
            connections={word: {"integration": "x"}},
        )
    )

    assert list(found) == [f"connections.{word}.key", f"triggers.{word}.key", f"steps.{word}.key"]


@pytest.mark.parametrize("key", ["Alert", "1a", "a-b", "a" * 41, "ä", "a\n", ""])
def test_keys_have_a_fixed_form(key):
    (found,) = faults(samples.data(samples.step(key), start=[])).values()

    assert "lower-case letters" in found


@pytest.mark.parametrize("key", ["else", "error", "main"])
def test_cases_may_not_take_the_names_of_other_ports(key):
    found = step_faults(type="condition", cases=[{"key": key, "when": True}])

    assert "choose another key" in found["steps.a.cases[0].key"]


def test_keys_given_twice_are_refused():
    found = faults(samples.data(samples.step("a"), samples.step("a")))

    assert found == {"steps.a.key": "Step `a`: `key` is used by another step too. Give each its own key."}


def test_500_steps_are_the_most():
    many = [samples.step(f"s{number}") for number in range(501)]

    assert len(load(samples.data(*many[:500])).steps) == 500
    assert "500 is the most" in faults(samples.data(*many))["steps"]


def test_text_of_a_megabyte_is_the_most():
    text = samples.ORDER + "#" * (MAX_TEXT_BYTES - len(samples.ORDER))

    assert load(text).key == "order-follow-up"
    assert "is the most" in faults(text + "#")[""]
    assert "is the most" in faults((text + "#").encode())[""]


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def test_64_levels_are_the_most():
    assert load(samples.data(samples.step("a"), layout=nested(62))).layout == nested(62)
    assert "64 levels" in faults(samples.data(samples.step("a"), layout=nested(63)))[""]
    assert "64 levels" in faults(samples.data(layout=nested(5000)))[""]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "[]",
        "5",
        "hello",
        b"\xff\xfe\x00",
        b"\x80",
        "{",
        '{"format": NaN}',
        '{"a": 1, "a": 2}',
        "a: *b",
        "\ud800",
        {"a": object()},
        {5: 5},
    ],
)
def test_anything_else_is_a_fault_and_no_crash(source):
    assert all(message.endswith((".", "?")) for message in faults(source).values())


def test_thousands_of_strange_keys_are_no_problem():
    found = faults(samples.data(samples.step("a", **{f"k{number}": 1 for number in range(20_000)})))

    assert len(found) == 21
    assert "19,980 more keys" in found["steps.a"]


def test_format_is_required():
    assert "format: automate/1" in faults({"key": "a"})["format"]


def test_utf8_bytes_with_a_mark_are_read():
    assert load(b"\xef\xbb\xbf" + samples.ORDER.encode()).key == "order-follow-up"
    assert load("\ufeff" + samples.ORDER).key == "order-follow-up"


def test_keys_without_a_value_count_as_absent():
    document = load(samples.data(samples.step("a", on_error=None, retry=None, notes=None)))

    assert (document.steps[0].next, document.steps[0].retry, document.steps[0].notes) == ({}, None, "")
