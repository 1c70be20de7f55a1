"""Input schemas: what fits is recognised without the library, what does not is said in plain sentences."""

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from integrations.actions import InputError, InputSchema
from integrations.actions.inputs import quick_test

SCHEMA = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "title": "Name", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]+$"},
        "age": {"type": "integer", "title": "Age", "minimum": 0, "maximum": 150},
        "ratio": {"type": "number", "title": "Ratio", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "kind": {"type": "string", "title": "Kind", "enum": ["a", "b"], "default": "a"},
        "tags": {"type": "array", "title": "Tags", "minItems": 1, "maxItems": 2, "items": {"type": "string", "title": "Tag"}},
        "deep": {"type": "object", "title": "Deep", "properties": {"flag": {"type": "boolean", "title": "Flag"}}, "required": ["flag"]},
        "any": {"type": ["string", "null"], "title": "Any"},
    },
}  # fmt: skip


def test_valid_input_passes_with_defaults_filled_in():
    assert InputSchema(SCHEMA).check({"name": "ada"}) == {"name": "ada", "kind": "a"}
    assert InputSchema(SCHEMA).check({"name": "ada", "kind": "b", "age": 3.0}) == {
        "name": "ada",
        "kind": "b",
        "age": 3.0,
    }


def test_the_given_input_is_not_changed():
    given = {"name": "ada"}

    InputSchema(SCHEMA).check(given)

    assert given == {"name": "ada"}


@pytest.mark.parametrize(
    ("change", "says", "field"),
    [
        ({"name": None}, "Name must be text, not empty.", "name"),
        ({"name": "x"}, "Name must have at least 2 characters.", "name"),
        ({"name": "xxxxxx"}, "Name must have at most 5 characters.", "name"),
        ({"name": "X1"}, "Name does not have the expected form.", "name"),
        ({"age": "36"}, "Age must be a whole number, not text.", "age"),
        ({"age": True}, "Age must be a whole number, not true or false.", "age"),
        ({"age": 1.5}, "Age must be a whole number, not a number.", "age"),
        ({"age": -1}, "Age must be at least 0.", "age"),
        ({"age": 151}, "Age must be at most 150.", "age"),
        ({"ratio": 0}, "Ratio must be more than 0.", "ratio"),
        ({"ratio": 1}, "Ratio must be less than 1.", "ratio"),
        ({"kind": "c"}, "Kind must be one of a, b.", "kind"),
        ({"tags": []}, "Tags must have at least 1 entries.", "tags"),
        ({"tags": ["a", 2]}, "Tags, entry 2 must be text, not a number.", "tags.1"),
        ({"deep": {}}, "Deep, Flag is required.", "deep.flag"),
        ({"deep": {"flag": 1}}, "Deep, Flag must be true or false, not a number.", "deep.flag"),
        ({"any": 5}, "Any must be text or empty, not a number.", "any"),
        ({"nmae": 1}, "“nmae” is not a field here. Did you mean “name”?", "nmae"),
    ],
)
def test_every_fault_is_a_sentence_about_a_field(change, says, field):
    with pytest.raises(InputError) as caught:
        InputSchema(SCHEMA).check({"name": "ada", **change})

    assert (caught.value.message, caught.value.field) == (says, field)


def test_what_is_missing_is_named_by_its_title():
    with pytest.raises(InputError) as caught:
        InputSchema(SCHEMA).check({})

    assert (caught.value.message, caught.value.field) == ("Name is required.", "name")


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_an_input_that_is_no_object_is_refused(value):
    with pytest.raises(InputError, match="must be an object"):
        InputSchema(SCHEMA).check(value)


def test_rarer_words_of_json_schema_work_too():
    schema = InputSchema(
        {"type": "object", "properties": {"a": {"oneOf": [{"const": 1}, {"multipleOf": 5}]}}}
    )

    assert schema.check({"a": 10}) == {"a": 10}
    with pytest.raises(InputError, match="“a” does not fit"):
        schema.check({"a": 7})


def test_patterns_take_linear_time():
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "pattern": "^(a+)+$"},
            "b": {"oneOf": [{"pattern": "^(a+)+$"}]},
        },
    }
    started = time.monotonic()

    for value in ({"a": "a" * 5000 + "!"}, {"b": "a" * 5000 + "!"}):
        with pytest.raises(InputError):
            InputSchema(schema).check(value)

    assert time.monotonic() - started < 1


def test_a_schema_cannot_have_us_fetch_something(httpserver):
    httpserver.expect_request("/schema").respond_with_json({})
    schema = {"type": "object", "properties": {"a": {"$ref": httpserver.url_for("/schema")}}}

    with pytest.raises(InputError, match="not in it"):
        InputSchema(schema).check({"a": 1})

    assert httpserver.log == []


PROPERTIES: list[str] = list(dict(SCHEMA["properties"]))  # type: ignore[call-overload]  # an object, as written above
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 200) | st.floats(-1, 2, allow_nan=False) | st.sampled_from(["", "a", "ada", "A1", "x" * 9]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PROPERTIES, "other", "flag"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(json_values)
def test_the_quick_test_agrees_with_the_library(value):
    assert quick_test(SCHEMA)(value) == Draft202012Validator(SCHEMA).is_valid(value)


def test_valid_input_never_loads_the_slow_library():
    code = (
        "import sys; from integrations.manifest import shipped; from integrations.actions import InputSchema\n"
        "for slug, action, given in (('http', 'request', {'url': 'https://x.example', 'fail_on': ['5xx', 404]}),"
        " ('slack', 'send_message', {'channel': 'C1', 'text': 'x'}), ('smtp', 'send_email', {'to': 'a@b', 'subject': 's', 'text': 't'})):\n"
        "    InputSchema(shipped(slug).action(action).input).check(given)\n"
        "print('jsonschema' in sys.modules)"
    )

    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )
