"""YAML 1.2: plain words mean what they say, and nothing hides in a text."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows.engine.strategies import values
from workflows.engine.yaml_io import BadYAML, loads
from workflows.engine.yaml_text import dumps

long_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@pytest.mark.parametrize(
    "word",
    [
        "on",
        "no",
        "yes",
        "y",
        "2024-01-01",
        "2024-01-01T10:00:00Z",
        "1:30",
        "1_000",
        "010x",
        "0b1",
        "Null.",
        "=",
        "#x"[1:],
    ],
)
def test_words_that_other_readers_change_stay_text(word):
    assert loads(f"a: {word}") == {"a": word}


@pytest.mark.parametrize(
    ("word", "value"),
    [("1", 1), ("-7", -7), ("010", 10), ("0x1F", 31), ("0o17", 15), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5),
     ("true", True), ("FALSE", False), ("~", None), ("", None), ("null", None), ('"1"', "1"), ("'true'", "true"),
     ("!!str 5", "5"), ("! 5", "5")],
)  # fmt: skip
def test_core_schema(word, value):
    found = loads(f"a: {word}")

    assert found == {"a": value}
    assert type(found["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: {c: 1, c: 2}", '"c" is given twice at line 2, column 11'),
        ("a: .inf", "infinity"),
        ("a: .NaN", "not-a-number"),
        ("a: 1e999", "too large"),
        ("a: " + "9" * 4301, "4,300 digits"),
        ("a: *x", "*x stands for nothing"),
        ("<<: {a: 1}", "merge keys"),
        ("? [a]\n: 1", "a key must be"),
        ("a: !!python/object:os.system x", "tag"),
        ("a: !!binary aGk=", "tag"),
        ("a: 1\n---\nb: 2", "more than one document"),
        ("a: [1", "line 1"),
        ("\ta: 1", "line 1"),
        ("a: " + "[" * 65 + "]" * 65, "64 levels"),
        ('a: "\\0"', "NUL"),
        ("a: &a [*a]", "*a stands for nothing"),
    ],
)
def test_bad_yaml_is_refused_with_its_place(text, words):
    with pytest.raises(BadYAML, match=r"^This is not the YAML we read: .*\.$") as caught:
        loads(text)

    assert words in str(caught.value)


def test_anchors_work_but_cannot_grow_without_end():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )

    assert loads("a: &x {b: 1}\nc: *x") == {"a": {"b": 1}, "c": {"b": 1}}
    with pytest.raises(BadYAML, match="more than 200,000 values"):
        loads(bomb)


def test_aliases_cannot_nest_deeper_than_allowed():
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 70))

    with pytest.raises(BadYAML, match="64 levels"):
        loads(text)


@settings(max_examples=50, deadline=None)
@given(values)
def test_what_was_written_is_read_back(value):
    assert loads(dumps(value)) == value


@settings(max_examples=80, deadline=None)
@given(long_texts)
def test_any_text_survives_as_key_and_value(text):
    assert loads(dumps({text: [text, {"a": text + "\n"}]})) == {text: [text, {"a": text + "\n"}]}


def test_long_texts_are_written_as_blocks():
    assert dumps({"notes": "One line.\nAnother.\n"}) == "notes: |\n  One line.\n  Another.\n"


def test_words_that_other_readers_change_are_quoted():
    assert dumps({"name": "Yes", "at": "2024-01-01"}) == '{name: "Yes", at: "2024-01-01"}\n'


def test_reading_a_large_text_takes_seconds_at_most():
    text = "".join(f"k{n}: {{a: 1, b: [x, y], c: some text here}}\n" for n in range(2_000))
    started = time.perf_counter()

    found = loads(text)

    assert isinstance(found, dict)
    assert len(found) == 2_000
    assert time.perf_counter() - started < 5
