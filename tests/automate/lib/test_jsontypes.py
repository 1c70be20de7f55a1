"""The strict reader refuses what PostgreSQL or another service could not be given, by place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automate.lib.jsontypes import BadJSON, check, dumps, dumps_bytes, loads

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read_back(value):
    assert loads(dumps(value)) == value
    assert loads(dumps_bytes(value)) == value
    assert json.dumps(loads(json.dumps(value))) == json.dumps(value)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ('{"a": {"b": [1, {"d": 1, "d": 2}]}}', 'At `a.b[1]`: the key "d" is given twice.'),
        ("[NaN]", "At `[0]`: NaN is not a number in JSON."),
        ('{"a": -Infinity}', "At `a`: -Infinity is not a number in JSON."),
        ('{"x": [1e400]}', "At `x[0]`: the number is too large."),
        ('{"x": ' + "9" * 4301 + "}", "At `x`: the integer has more than 4,300 digits."),
        (r'{"t": "a\u0000b"}', "At `t`: the text contains the NUL character, which cannot be stored."),
        (r'{"t": "\ud800"}', "At `t`: the text contains half of a surrogate pair, which is not a character."),
        ("[" * 65 + "]" * 65, "At `[0][0][0][0]`: the data is nested more than 64 levels deep."),
        ("[" * 200_000, "The data is nested more than 64 levels deep."),
        ("", "The text is empty, where JSON was expected."),
        ('{"a" 1}', "This is not JSON: expecting ':' delimiter at line 1, column 6."),
        ("[1]\n[2]", "This is not JSON: extra data at line 2, column 1."),
        (b'"\xff"', "Byte 2 is not valid UTF-8. JSON is sent as UTF-8."),
        ('"x"'.encode("utf-16"), "The text is UTF-16 or UTF-32. JSON is sent as UTF-8."),
        ('"\ud800"', "The text contains half of a surrogate pair, which is not a character."),
    ],
)
def test_refused_with_its_place(source, sentence):
    with pytest.raises(BadJSON) as caught:
        loads(source)

    assert str(caught.value) == sentence


def test_limits_themselves_are_allowed():
    assert loads("9" * 4300) == int("9" * 4300)
    assert loads("[" * 64 + "]" * 64) is not None
    assert loads("[1]", max_depth=1) == [1]
    with pytest.raises(BadJSON):
        loads("[[1]]", max_depth=1)


def test_a_byte_order_mark_is_no_fault():
    assert loads(b"\xef\xbb\xbf[1]") == [1]


def test_large_ids_stay_exact():
    assert loads("9007199254740993") == 9007199254740993
    assert dumps(2**70) == str(2**70)


@pytest.mark.parametrize(
    "value", [float("nan"), [None, float("inf")], {1: 2}, object(), [{"a": b"x"}], "\ud800", {"a\0": 1}]
)
def test_what_is_not_json_is_not_accepted(value):
    with pytest.raises(BadJSON, match=r"\.$"):
        check(value)


@pytest.mark.parametrize(
    "value", [float("nan"), [None, float("inf")], {1: 2}, object(), [{"a": b"x"}], "\ud800"]
)
def test_what_is_not_json_is_not_written(value):
    with pytest.raises(BadJSON, match=r"\.$"):
        dumps(value)


def test_keys_can_be_sorted():
    assert (
        dumps({"b": 1, "a": {"d": 2**80, "c": 1}}, sort_keys=True) == f'{{"a":{{"c":1,"d":{2**80}}},"b":1}}'
    )
