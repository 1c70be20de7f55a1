"""The fields of a form trigger as rows that are added, moved and taken out; a richer schema is edited as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from workflows.builder.forms.fields import MAX_ROWS, Errors, Post
from workflows.builder.forms.values import ABSENT, BadValue, clean, json_from_text, pretty
from workflows.engine.form_fields import KINDS, FormField, fields_of, is_plain, schema_of

_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
FIRST: Final = FormField("name", label="Your name", required=True)  # what a new form begins with


@dataclass(frozen=True)
class Row:
    """One field as it is edited. `choices` and `accept` as people type them."""

    at: int
    field: FormField
    choices: str = ""
    accept: str = ""
    is_first: bool = False
    is_last: bool = False
    error: str = ""


@dataclass(frozen=True)
class FormRows:
    """`text` instead of rows where the schema says more than rows can."""

    name: str
    rows: tuple[Row, ...] = ()
    text: str = ""
    error: str = ""
    kinds: tuple[tuple[str, str], ...] = tuple(KINDS.items())


def show_rows(name: str, schema: Any, errors: Errors) -> FormRows:
    if schema is not ABSENT and not is_plain(schema):
        return FormRows(name, text=pretty(schema), error=errors.get(name, ""))
    fields = fields_of(schema)
    last = len(fields) - 1
    rows = [
        Row(at, field, "\n".join(map(str, field.choices)), ", ".join(field.accept), at == 0, at == last,
            errors.get(f"{name}.{at}", ""))
        for at, field in enumerate(fields)
    ]  # fmt: skip
    return FormRows(name, tuple(rows), error=errors.get(name, ""))


def read_rows(name: str, post: Post, old: Any, errors: Errors) -> Any:
    """The schema that was typed; the old one where something is wrong, which `errors` then says. Raises BadValue."""
    if f"{name}.text" in post:
        made = json_from_text(clean(post[f"{name}.text"]))
        if made is not ABSENT and not isinstance(made, dict):
            raise BadValue('A JSON Schema is an object, such as {"type": "object", "properties": {}}.')
        return made
    if f"{name}.shown" not in post:
        return old
    before = {field.key: field for field in fields_of(old)}
    typed = [_typed(name, at, post, before) for at in range(MAX_ROWS) if f"{name}.label.{at}" in post]
    keyed = _with_keys(typed)
    faults = {at: said for at, field in enumerate(keyed) if (said := _fault(field, keyed))}
    errors |= {f"{name}.{at}": said for at, said in faults.items()}
    made_of = _rearranged(keyed, post.get("_do", ""))
    if faults and len(made_of) >= len(keyed):  # taking the wrong one out is a way to put it right
        return old
    return schema_of(made_of) if made_of else ABSENT


def _typed(name: str, at: int, post: Post, before: Mapping[str, FormField]) -> FormField:
    def text(part: str) -> str:
        return clean(post.get(f"{name}.{part}.{at}", "")).strip()

    kind = text("kind")
    old = before.get(text("was"), FormField(""))
    if kind not in KINDS:
        raise BadValue(f'There is no kind of field called "{kind[:40]}".')
    choices: tuple[Any, ...] = tuple(line.strip() for line in text("choices").splitlines() if line.strip())
    same = tuple(map(str, old.choices)) == choices
    return replace(
        old,
        key=text("key"),
        kind=kind,
        label=text("label"),
        help=text("help"),
        required=f"{name}.req.{at}" in post,
        choices=(old.choices if same else choices) if kind == "choice" else (),
        accept=tuple(_ending(part) for part in re.split(r"[,\s]+", text("accept")) if part)
        if kind == "file"
        else (),
        default=old.default if kind == old.kind else None,
        limits=old.limits if kind == old.kind else (),
    )


def _ending(text: str) -> str:
    return text if text.startswith(".") or "/" in text else f".{text}"


def _with_keys(fields: list[FormField]) -> list[FormField]:
    """A field without a name of its own is called by its label."""
    taken = {field.key for field in fields if field.key}
    found = []
    for field in fields:
        key = field.key or _free(_slug(field.label), taken)
        taken.add(key)
        found.append(replace(field, key=key))
    return found


def _slug(label: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:34]
    return plain if plain[:1].isalpha() else f"field_{plain}".strip("_")


def _free(key: str, taken: set[str]) -> str:
    n = 2
    free = key
    while free in taken:
        free, n = f"{key}_{n}", n + 1
    return free


def _fault(field: FormField, fields: list[FormField]) -> str:
    if not _KEY.fullmatch(field.key):
        return f"“{field.key[:40]}” cannot be a name in the data. Use small letters, digits and _, such as first_name."
    if sum(other.key == field.key for other in fields) > 1:
        return f"Two fields are called “{field.key}” in the data. Give each its own name."
    if field.kind == "choice" and not field.choices:
        return f"Give the choices of “{field.shown_label}”, one per line."
    return ""


def _rearranged(fields: list[FormField], do: str) -> list[FormField]:
    """What the buttons ask for: one more, one less, one earlier or later."""
    room, _, rest = do.partition(":")
    verb, _, at_text = rest.partition(":")
    at = int(at_text) if at_text.isdigit() else -1
    if room != "fields":
        return fields
    if verb == "add" and len(fields) < MAX_ROWS:
        taken = {field.key for field in fields}
        return [*fields, FormField(_free("question", taken)) if fields else FIRST]
    if not 0 <= at < len(fields):
        return fields
    if verb == "drop":
        return fields[:at] + fields[at + 1 :]
    other = {"up": at - 1, "down": at + 1}.get(verb, -1)
    if 0 <= other < len(fields):
        fields = [*fields]
        fields[at], fields[other] = fields[other], fields[at]
    return fields
