"""What an expression gives: types, paths, operators, text."""

import pytest

from automate.lib.expressions import Scope, evaluate
from automate.lib.jsontypes import JSON

BODY: JSON = {
    "order": {"number": 1007, "total": 12.5, "lines": [{"sku": "A", "qty": 2}, {"sku": "B", "qty": 1}]},
    "items": ["x", "y"],
    "keys": 3,
    "x-request-id": "r1",
    "1": "one",
    "nothing": None,
    "evil": "{{ trigger.body.keys }}",
    "big": 9007199254740993,
}


class Steps:
    """Looks steps up one by one, as the engine does."""

    outputs = {"alert": {"id": 7}, "skipped": None}

    def get_member(self, key):
        return self.outputs[key]

    def describe_missing(self, key):
        return f"There is no step `{key}`."


class WholeSteps(Steps):
    def as_value(self):
        return {"alert": {"id": 7}}


def run(value: JSON, **more) -> JSON:
    return evaluate(
        value, Scope({"trigger": {"body": BODY}, "steps": Steps(), "lazy": lambda: {"a": 1}, **more})
    )


@pytest.mark.parametrize(
    "value", [1, True, None, 1.5, "a", [1, {"b": None}], {"a": [1.0, "x"]}, 2**70, "", [], {}]
)
def test_a_lone_expression_keeps_the_type(value):
    got = run("{{ v }}", v=value)

    assert got == value
    assert type(got) is type(value)


def test_blanks_around_a_lone_expression_do_not_make_it_text():
    assert run("  {{ 1 }}\n") == 1
    assert run("{{ 1 }} {{ 2 }}") == "1 2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No {{ trigger.body.order.number }}: {{ trigger.body.order.total }} EUR", "No 1007: 12.5 EUR"),
        (
            "{{ null }}|{{ true }}|{{ 2.0 }}|{{ [1, null] }}|{{ {'a': 1} }}|{{ 1e22 }}",
            '|true|2|[1,null]|{"a":1}|1e+22',
        ),
        ("a\r\nb {{ 1 }}\r\n", "a\r\nb 1\r\n"),
        ("{% if x %} {# no #} {{ 1 }} }} % ${x} {x}", "{% if x %} {# no #} 1 }} % ${x} {x}"),
        ('{{ "{{" }} and {{ "}}" }}', "{{ and }}"),
        ("no expression }}", "no expression }}"),
        ("{{ '\\u00e9\\n' }}!", "é\n!"),
    ],
)
def test_text_around_makes_text(text, expected):
    assert run(text) == expected


def test_values_at_any_depth_are_evaluated_and_keys_are_not():
    document: JSON = {"{{ 1 }}": ["{{ 1 }}", {"a": "x{{ 2 }}"}, 5, None]}

    assert run(document) == {"{{ 1 }}": [1, {"a": "x2"}, 5, None]}


def test_what_came_in_as_data_is_never_evaluated():
    assert run("{{ trigger.body.evil }}") == "{{ trigger.body.keys }}"
    assert run("{{ [trigger.body.evil] }}") == ["{{ trigger.body.keys }}"]
    assert run("a {{ trigger.body.evil }}") == "a {{ trigger.body.keys }}"
    assert run("{{ '{' ~ '{ 1 }}' }}") == "{{ 1 }}"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("trigger.body.items", ["x", "y"]),
        ("trigger['body'].keys", 3),
        ("trigger.body['x-request-id']", "r1"),
        ("trigger.body.items[-1]", "y"),
        ("trigger.body[1]", "one"),
        ("trigger.body.order.lines.0.sku", "A"),
        ("trigger.body['it' ~ 'ems'][1]", "y"),
        ("trigger.body.nothing.deeper[3].still", None),
        ("steps.alert.id", 7),
        ("steps['alert'].id", 7),
        ("steps.skipped.a.b", None),
        ("lazy.a", 1),
        ("(steps.skipped or {'id': 9}).id", 9),
        ("trigger.body.items[:1]", ["x"]),
        ("'abcdef'[1:5:2]", "bd"),
        ("'abc'[0]", "a"),
        ("trigger.body.nothing[1:]", None),
    ],
)
def test_paths(expression, expected):
    assert run(f"{{{{ {expression} }}}}") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("6 / 3", 2),
        ("7 / 2", 3.5),
        ("-7 // 2", -4),
        ("7 % 4", 3),
        ("2 ** 10", 1024),
        ("2 ** -1", 0.5),
        ("-(3)", -3),
        ("+3", 3),
        ("trigger.body.big * 3", 27021597764222979),
        ("'a' ~ 1 ~ null ~ true", "a1true"),
        ("'a' + 'b'", "ab"),
        ("[1] + [2]", [1, 2]),
        ("1 == 1.0", True),
        ("1 == true", False),
        ("1 == '1'", False),
        ("[1, {'a': true}] == [1.0, {'a': true}]", True),
        ("[1] == [true]", False),
        ("1 < 2 < 3", True),
        ("1 < 2 > 5", False),
        ("'10' > 9", True),
        ("'2026-11-20' < '2026-11-20T01:00:00+00:00'", True),
        ("'x' in trigger.body.items", True),
        ("'order' in trigger.body", True),
        ("'a' not in 'bcd'", True),
        ("null or 'x'", "x"),
        ("0 and 1 / 0", 0),
        ("not []", True),
        ("'yes' if trigger.body.keys > 2 else 'no'", "yes"),
        ("1 if false", None),
        ("{'a': 1, 2: 3}", {"a": 1, "2": 3}),
        ("(1, 2)", [1, 2]),
        ("None", None),
        ("[none, True, False]", [None, True, False]),
        ("1_000", 1000),
        ("'a' 'b'", "ab"),
    ],
)
def test_operators(expression, expected):
    got = run(f"{{{{ {expression} }}}}")

    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("trigger.body.nope is defined", False),
        ("trigger.body.nope is not defined", True),
        ("trigger.nope.deeper is undefined", True),
        ("unknown is defined", False),
        ("trigger.body.nothing is defined", True),
        ("trigger.body.nothing.x is defined", False),
        ("steps.skipped is defined", True),
        ("steps.nope is defined", False),
        ("trigger.body.nothing is null", True),
        ("3 is odd and 4 is even and 9 is divisibleby 3", True),
        ("'a' is text and 1 is number and 1 is integer and 1.5 is float", True),
        ("[] is list and {} is object and true is boolean and true is true", True),
        ("true is number", False),
        ("[] is empty and 0 is not empty", True),
        ("1 is in [1, 2]", True),
        ("5 is gt(4)", True),
    ],
)
def test_words_after_is(expression, expected):
    assert run(f"{{{{ {expression} }}}}") is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("trigger.body.nope | default('d')", "d"),
        ("trigger.body.nope | default", None),
        ("unknown.a.b | default(0)", 0),
        ("trigger.body.nothing | default('d')", "d"),
        ("'' | default('d')", ""),
        ("'' | default('d', true)", "d"),
        ("steps.nope.id | default(1)", 1),
        ("'x' | default(unknown)", "x"),
        ("first_of(trigger.nope, trigger.body.nothing, 'c', 'd')", "c"),
        ("first_of(unknown)", None),
        ("if_error(number('x'), 5)", 5),
        ("choose(false, unknown, 1)", 1),
    ],
)
def test_missing_names_can_be_caught(expression, expected):
    assert run(f"{{{{ {expression} }}}}") == expected


def test_filters_and_calls_are_the_same_and_take_named_arguments():
    assert run("{{ 'a-b' | replace('-', '+') }}") == run("{{ replace('a-b', '-', '+') }}") == "a+b"
    assert run("{{ 'a-b' | replace(new='+', old='-') }}") == "a+b"


def test_a_namespace_can_stand_for_a_value():
    assert run("{{ steps }}", steps=WholeSteps()) == {"alert": {"id": 7}}
    assert run("{{ steps | keys }}", steps=WholeSteps()) == ["alert"]


def test_extra_functions_are_called_with_values():
    scope = Scope({"k": "a"}, extra_functions={"callback_url": lambda key: f"https://h/{key}"})

    assert evaluate("{{ callback_url(k) | upper }}", scope) == "HTTPS://H/A"
    assert evaluate("{{ k | callback_url }}", scope) == "https://h/a"


def test_data_is_not_changed_by_functions():
    data: JSON = {"list": [3, 1, 2], "object": {"a": {"b": 1}}}
    scope = Scope({"d": data})

    evaluate(
        "{{ d.list | sort | append(9) }}{{ d.object | set('a.b', 2) | merge({'c': 1}) | merge_deep(d.object) }}",
        scope,
    )

    assert data == {"list": [3, 1, 2], "object": {"a": {"b": 1}}}
