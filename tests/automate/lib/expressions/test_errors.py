"""Every error is a sentence that says what is wrong, where, and what to do."""

import pickle

import pytest

from automate.lib.expressions import (
    ExpressionError,
    ExpressionSyntaxError,
    ExpressionTypeError,
    Fault,
    Scope,
    UnknownName,
    check,
    evaluate,
    references,
)
from automate.lib.jsontypes import JSON

NAMES: dict[str, JSON] = {
    "trigger": {
        "body": {
            "order": {"id": 1},
            "customer": "Ann",
            "x-id": 5,
            "list": [1, 2],
            "raw": '{"a": 1}',
            "empty": {},
        }
    },
    "vars": {},
}


class Steps:
    def get_member(self, key):
        raise KeyError(key)

    def describe_missing(self, key):
        return f"`steps.{key}` does not exist: the step comes later."


def failing(value: JSON) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        evaluate(value, Scope({**NAMES, "steps": Steps()}))
    return caught.value


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        (
            "trigger.body.custmer",
            "`trigger.body.custmer` does not exist: `trigger.body` has order, customer, x-id, list, raw and empty."
            " Did you mean `customer`?",
        ),
        (
            "trigger.body.x-id",
            "`trigger.body.x` does not exist: `trigger.body` has order, customer, x-id, list, raw and empty."
            ' Names with - are written `trigger.body["x-id"]`.',
        ),
        (
            "trigger.body.empty.a",
            "`trigger.body.empty.a` does not exist: `trigger.body.empty` is an empty object.",
        ),
        (
            "trigger.body['a b'].c",
            '`trigger.body["a b"]` does not exist: `trigger.body` has order, customer, x-id, list, raw and empty.',
        ),
        (
            "trigger.body.list.id",
            "`trigger.body.list.id` does not exist: `trigger.body.list` is a list. Take one element,"
            ' `trigger.body.list[0].id`, or all, `trigger.body.list | map("id")`.',
        ),
        (
            "trigger.body.list[2]",
            "`trigger.body.list[2]` does not exist: `trigger.body.list` has 2 elements (the first is [0]).",
        ),
        (
            "trigger.body.raw.a",
            "`trigger.body.raw.a` does not exist: `trigger.body.raw` is text that looks like JSON."
            " Read it first: `(trigger.body.raw | from_json).a`.",
        ),
        (
            "trigger.body.customer.name",
            "`trigger.body.customer.name` does not exist: `trigger.body.customer` is text and has no fields.",
        ),
        (
            "trigger.body.order.id.x",
            "`trigger.body.order.id.x` does not exist: `trigger.body.order.id` is a number (1).",
        ),
        (
            "triger.body",
            "`triger` does not exist. Here you can use trigger, vars and steps. Did you mean `trigger`?",
        ),
        ("steps.late.id", "`steps.late` does not exist: the step comes later."),
        ("(trigger.body | pick('list')).nope", "`(…).nope` does not exist: `(…)` has list."),
    ],
)
def test_a_missing_name_says_which_part_and_what_is_there(expression, sentence):
    error = failing(f"{{{{ {expression} }}}}")

    assert type(error) is UnknownName
    assert error.message == sentence


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        (
            "'a' + 1",
            "`+` works on numbers, but was given text. Convert it with number(…), or join texts with `~`.",
        ),
        ("null * 2", "`*` works on numbers, but was given null. Give a value for it with default(…)."),
        ("true + 1", "`+` works on numbers, but was given true or false."),
        ("1 / 0", "`/` cannot divide by zero."),
        ("0 ** -1", "`**` cannot raise zero to a negative power."),
        ("(-8) ** 0.5", "`**` cannot take an even root of a negative number."),
        ("1e308 * 10", "The result is not a number that can be stored (infinite or undefined)."),
        ("10.0 ** 400", "The result is too large a number."),
        (
            "'a' < 'b'",
            'There is no order between text ("a") and text ("b"). Numbers (also as text) and dates in ISO form can be ordered.',
        ),
        ("upper([1])", "`upper` needs text, but was given a list."),
        ("replace('a', [1])", "`replace` needs text for `old`, but was given a list."),
        ("repeat('a', 1.5)", "`repeat` needs a whole number for `count`, but was given a number."),
        ("steps", "`steps` is a group of names, not a value. Choose one, like `steps.name`."),
        ("[1][true]", "`(…)[…]` takes a name or a position, but was given true or false."),
        ("[1]['a':]", "The bounds of [a:b] are whole numbers, not text."),
        ("5[1:]", "Only text and lists can be cut with [a:b], not a number."),
        ("[1][::0]", "The step of [a:b:step] cannot be zero."),
        ("{null: 1}", "The keys of an object are text, not null."),
        ("'a' is odd", "`is odd`, `is even` and `is divisibleby` need whole numbers, not text."),
        ("'a' | matches('(')", "The pattern “(” cannot be used: missing ): (."),
        (
            "now('Europe/Berln')",
            "There is no time zone called “Europe/Berln”. Use a name like Europe/Berlin or UTC. Did you mean `Europe/Berlin`?",
        ),
        (
            "[] | where('a', 'equal')",
            'There is no comparison called “equal”: write where(field, comparison, value), e.g. where("status", "equals", "open"). Did you mean `equals`?',
        ),
        (
            "url_decode('%00')",
            "The result cannot be stored: the text contains the NUL character, which cannot be stored.",
        ),
    ],
)
def test_a_wrong_type_says_what_was_expected(expression, sentence):
    error = failing(f"{{{{ {expression} }}}}")

    assert type(error) is ExpressionTypeError
    assert error.message == sentence


@pytest.mark.parametrize(
    ("text", "sentence", "position"),
    [
        ("ab {{ x", 'The `{{` has no `}}` that closes it. A literal `{{` is written `{{ "{{" }}`.', 3),
        ("{{ }}", "There is nothing between `{{` and `}}`.", 0),
        ("{{ a b }}", "`{{ a b }}` cannot be read: unexpected 'b'.", 5),
        ("{{ (a }}", "`{{ (a }}` cannot be read: it ends too early.", 2),
        ("{{ a && b }}", "`{{ a && b }}` cannot be read: unexpected '&'. Write `and` instead of `&&`.", 5),
        ("{{ a = 1 }}", "`{{ a = 1 }}` cannot be read: unexpected '='. Compare with `==`.", 5),
        ("{{ 1 | uper }}", "There is no function `uper`. Did you mean `upper`?", 7),
        ("x {{ toUpperCase(a) }}", "There is no function `toUpperCase`. Did you mean `to_upper_case`?", 5),
        ("{{ 'a'.upper() }}", "Values have no methods: write `value | upper` instead of `value.upper()`.", 7),
        ("{{ upper() }}", "`upper` needs `text`: upper(text).", 3),
        ("{{ upper(1, 2) }}", "`upper` takes at most 1 values: upper(text).", 3),
        ("{{ upper(1, size=2) }}", "`upper` takes no further `size`: upper(text).", 3),
        ("{{ 1 is ood }}", "`is ood` means nothing here. Did you mean `odd`?", 8),
        ("{{ 1e999 }}", "The expression holds a number that is too large.", 0),
        ("{{ " + "9" * 5000 + " }}", "The expression holds a number that is too large.", 0),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + "}}", "The expression is nested too deeply.", 0),
        ("{{ upper(*a) }}", "Arguments cannot be given with * or **.", 3),
    ],
)
def test_syntax_is_checked_with_a_position(text, sentence, position):
    assert check(text) == [Fault(sentence, position)]
    error = failing(text)
    assert isinstance(error, ExpressionSyntaxError)
    assert error.message == sentence


def test_check_finds_the_faults_of_all_expressions():
    faults = check("{{ a b }} {{ uper(1) | lowr }} {{ upper(1) }}")

    assert [fault.position for fault in faults] == [5, 13, 23]
    assert check("no expressions, {% even %} here }}") == []


def test_check_knows_the_scopes_own_functions():
    assert check("{{ callback_url('x') }}", {"callback_url"}) == []
    assert check("{{ callback_urll('x') }}", {"callback_url"})[0].message.endswith(
        "Did you mean `callback_url`?"
    )


def test_an_error_knows_its_field_and_place():
    error = failing({"json": {"lines": [{"sku": "ok"}, {"sku": "SKU {{ 1 }} {{ trigger.nope }}"}]}})

    assert error.place == ("json", "lines", 1, "sku")
    assert error.where == "json.lines[1].sku"
    assert error.text == "SKU {{ 1 }} {{ trigger.nope }}"
    assert error.position == 12


def test_an_error_can_be_carried_between_processes():
    error = failing({"a": "{{ trigger.nope }}"})

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), copy.message, copy.text, copy.position, copy.place) == (
        UnknownName, error.message, error.text, error.position, error.place,
    )  # fmt: skip


def test_an_extra_function_that_fails_is_an_error_of_the_expression():
    scope = Scope({}, extra_functions={"f": lambda key: key + 1})

    with pytest.raises(ExpressionTypeError, match="`f` cannot work with the values it was given"):
        evaluate("{{ f('a') }}", scope)
    with pytest.raises(ExpressionTypeError, match="`f` cannot work"):
        evaluate("{{ f() }}", scope)


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ("{{ steps.alert.id }}", {("steps", "alert", "id")}),
        ("{{ steps['alert'].items[0] | map('x') }}", {("steps", "alert", "items", "0")}),
        ("{{ steps[trigger.key].id }}", {("steps",), ("trigger", "key")}),
        ("{{ upper(vars.a) if now is defined }}", {("vars", "a"), ("now",)}),
        ({"a": ["{{ x.y }}", {"b": "{{ z }}"}], "c": 1}, {("x", "y"), ("z",)}),
        ("plain {% x %}", set()),
        ("{{ null }} {{ a b }} {{ c }}", {("c",)}),
        ("{{ broken", set()),
    ],
)
def test_references_are_the_paths_that_are_read(value, paths):
    assert references(value) == paths
