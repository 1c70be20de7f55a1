"""The fields of a form trigger: rows and a schema, there and back."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.builder.forms.form_rows import FIRST, read_rows, show_rows
from workflows.builder.forms.values import ABSENT, BadValue
from workflows.engine.form_fields import FormField, fields_of, is_plain, schema_of

NAME = "config.fields"
FIELDS = (
    FormField("name", label="Your name", required=True, limits=(("maxLength", 40),)),
    FormField("size", "choice", label="Size", choices=("S", "M", 7)),
    FormField("cv", "file", label="CV", accept=(".pdf",), help="As PDF."),
    FormField("about", "long"),
)


def posted(schema: Any, **changes: str | None) -> dict[str, str]:
    """What a browser sends back for a schema that was shown, with some fields typed over (None: not sent)."""
    form = show_rows(NAME, schema, {})
    post = {f"{NAME}.shown": "1"}
    for row in form.rows:
        parts = {"was": row.field.key, "key": row.field.key, "label": row.field.shown_label, "kind": row.field.kind,
                 "help": row.field.help, "choices": row.choices, "accept": row.accept}  # fmt: skip
        post |= {f"{NAME}.{part}.{row.at}": value for part, value in parts.items()}
        if row.field.required:
            post[f"{NAME}.req.{row.at}"] = "on"
    for name, value in changes.items():
        key = f"{NAME}.{name.replace('__', '.')}" if name != "_do" else name
        post.pop(key, None)
        if value is not None:
            post[key] = value
    return post


def read(schema: Any, **changes: str | None) -> tuple[Any, dict[str, str]]:
    errors: dict[str, str] = {}
    return read_rows(NAME, posted(schema, **changes), schema, errors), errors


def keys(schema: Any) -> list[str]:
    return [field.key for field in fields_of(schema)]


@pytest.fixture
def schema() -> dict[str, Any]:
    return schema_of(FIELDS)


def test_what_was_shown_and_sent_back_unchanged_is_the_same(schema):
    made, errors = read(schema)

    assert errors == {}
    assert [(f.key, f.kind, f.required, f.choices, f.accept, f.limits, f.help) for f in fields_of(made)] == [
        (f.key, f.kind, f.required, f.choices, f.accept, f.limits, f.help) for f in FIELDS
    ]


def test_schema_without_an_order_keeps_that_of_its_properties():
    assert keys({"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}}) == [
        "b",
        "a",
    ]


@pytest.mark.parametrize(
    ("do", "after"),
    [
        ("fields:up:1", ["size", "name", "cv", "about"]),
        ("fields:down:0", ["size", "name", "cv", "about"]),
        ("fields:drop:1", ["name", "cv", "about"]),
        ("fields:add", ["name", "size", "cv", "about", "question"]),
        ("fields:up:0", ["name", "size", "cv", "about"]),
        ("fields:drop:9", ["name", "size", "cv", "about"]),
    ],
)
def test_buttons_add_move_and_take_out(schema, do, after):
    assert keys(read(schema, _do=do)[0]) == after


def test_first_field_of_a_new_form_is_a_name():
    errors: dict[str, str] = {}

    made = read_rows(NAME, {f"{NAME}.shown": "1", "_do": "fields:add"}, ABSENT, errors)

    assert fields_of(made) == (FIRST,)


def test_form_without_fields_has_no_schema():
    assert read_rows(NAME, {f"{NAME}.shown": "1"}, ABSENT, {}) is ABSENT


def test_field_without_a_name_is_called_by_its_label(schema):
    made, errors = read(
        schema, key__0="", label__0="E-Mail (privat)", key__1="", label__1="E mail privat", choices__1="a"
    )

    assert errors == {}
    assert keys(made)[:2] == ["e_mail_privat", "e_mail_privat_2"]


@pytest.mark.parametrize(
    ("changes", "at", "words"),
    [
        ({"key__0": "Bad Name"}, 0, "cannot be a name"),
        ({"key__3": "name"}, 3, "Two fields are called"),
        ({"choices__1": " \n "}, 1, "Give the choices of “Size”"),
    ],
)
def test_what_is_wrong_stands_beside_its_row_and_changes_nothing(schema, changes, at, words):
    made, errors = read(schema, **changes)

    assert words in errors[f"{NAME}.{at}"]
    assert made == schema


def test_wrong_row_can_be_taken_out(schema):
    made, _ = read(schema, choices__1="", _do="fields:drop:1")

    assert keys(made) == ["name", "cv", "about"]


def test_other_kind_forgets_what_belonged_to_the_old_one(schema):
    made, errors = read(schema, kind__0="number", kind__2="text")

    assert errors == {}
    assert made["properties"]["name"] == {"type": "number", "title": "Your name"}
    assert made["properties"]["cv"] == {"type": "string", "title": "CV", "description": "As PDF."}


def test_endings_of_files_are_written_with_a_point(schema):
    assert read(schema, accept__2="pdf, .docx")[0]["properties"]["cv"]["x-accept"] == [".pdf", ".docx"]


def test_richer_schema_is_edited_as_json():
    rich = {"type": "object", "properties": {"tags": {"type": "array"}}}

    form = show_rows(NAME, rich, {})

    assert not is_plain(rich)
    assert '"tags"' in form.text
    assert read_rows(NAME, {f"{NAME}.text": '{"type": "object"}'}, rich, {}) == {"type": "object"}
    with pytest.raises(BadValue):
        read_rows(NAME, {f"{NAME}.text": "[1]"}, rich, {})


def test_unknown_kind_is_refused(schema):
    with pytest.raises(BadValue):
        read(schema, kind__0="evil")


def test_post_without_the_rows_leaves_them(schema):
    assert read_rows(NAME, {}, schema, {}) == schema
