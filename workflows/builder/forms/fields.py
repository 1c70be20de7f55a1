"""Specs and values → what templates draw. Pure; `reading.py` is the way back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from automate.lib.expressions import has_expression
from workflows.builder.forms import conditions
from workflows.builder.forms.operations import FUNCTIONS, OP_SPECS, OP_WORDS, specs_of
from workflows.builder.forms.specs import Choice, Spec, needs
from workflows.builder.forms.values import (
    ABSENT,
    as_text,
    pretty,
)

Post = Mapping[str, str]
Errors = dict[str, str]  # form name → sentence
MAX_ROWS: Final = 100
GROUPS: Final = ("cases", "ops", "multi", "sums", "items")  # several controls under one label
PICKED: Final = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "time": re.compile(r"\d\d:\d\d(:\d\d)?"),
}  # what such an input can show


@dataclass(frozen=True)
class Pair:
    """One row of names and values."""

    at: int
    name: str = ""
    value: str = ""


@dataclass(frozen=True)
class Sum:
    """One row of sums: a name, a function, and the field it takes."""

    at: int
    name: str = ""
    fn: str = "sum"
    of: str = ""


@dataclass(frozen=True)
class Block:
    """A part of a list with fields of its own: a case, an operation."""

    at: int
    title: str
    key: str = ""
    fields: tuple[BoundField, ...] = ()


@dataclass(frozen=True)
class BoundField:
    """A field with its value, ready to be drawn. `id` is safe in HTML; `name` is what is posted."""

    spec: Spec
    name: str
    text: str = ""
    error: str = ""
    is_data: bool = False
    preview: Any = None
    pairs: tuple[Pair, ...] = ()
    sums: tuple[Sum, ...] = ()
    chosen: tuple[str, ...] = ()
    condition: conditions.ConditionForm | None = None
    blocks: tuple[Block, ...] = ()
    fields: tuple[BoundField, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return "f-" + re.sub(r"[^A-Za-z0-9_]+", "-", self.name)

    @property
    def is_group(self) -> bool:
        """Whether it has several controls, so that its label names a group."""
        if self.extra.get("box"):
            return False
        return self.condition is not None or bool(self.pairs) or self.spec.kind in GROUPS

    @property
    def takes_picker(self) -> bool:
        return bool(self.extra.get("box")) or self.spec.kind not in GROUPS

    @property
    def hint(self) -> str:
        """The grey text in an empty box: an example, or what counts without a value."""
        if self.spec.placeholder:
            return self.spec.placeholder
        if self.spec.kind == "list":
            return "One per line"
        return "" if self.spec.default is None else f"{as_text(self.spec.default)} unless you say otherwise"

    @property
    def rows(self) -> int:
        """Lines of its box."""
        return {"any": 1, "list": 3, "area": 3, "source": 14}.get(self.spec.kind, 6)

    @property
    def empty_words(self) -> str:
        """What the empty choice of a drop-down says."""
        if self.spec.default is None:
            return "Choose\u2026" if self.spec.required else "Not set"
        words = (
            {True: "Yes", False: "No"}.get(self.spec.default) if isinstance(self.spec.default, bool) else None
        )
        return words or dict(self.spec.choices).get(str(self.spec.default)) or as_text(self.spec.default)

    @property
    def hides_empty(self) -> bool:
        """No empty choice where one is always chosen, such as the unit of a delay."""
        return not self.spec.data and self.spec.default is None and bool(self.text)

    @property
    def is_unknown_choice(self) -> bool:
        return bool(self.text) and self.text not in dict(self.spec.choices)

    @property
    def is_set(self) -> bool:
        return bool(self.extra.get("is_set"))

    @property
    def modes(self) -> tuple[tuple[str, str], ...]:
        extra = (conditions.JSON_MODE,) if self.condition and self.condition.mode == "json" else ()
        return (*conditions.MODES, *extra)

    @property
    def needs(self) -> str:
        """The form names of the fields that its choices depend on, with blanks between."""
        prefix = self.name.rpartition(".")[0]
        return " ".join(f"{prefix}.{field}" for field in needs(self.spec))

    @property
    def is_picked(self) -> bool:
        """Whether the browser's own picker shows it: a date or a time that is no expression."""
        pattern = PICKED.get(self.spec.input_type)
        return pattern is not None and (not self.text or pattern.fullmatch(self.text) is not None)

    @property
    def group_modes(self) -> tuple[Choice, ...]:
        return conditions.GROUP_MODES

    @property
    def functions(self) -> tuple[Choice, ...]:
        return FUNCTIONS

    @property
    def op_choices(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, OP_WORDS.get(name, name.capitalize())) for name in OP_SPECS)

    @property
    def template(self) -> str:
        """The widget's own template, relative to the builder's folder of fields."""
        kind = "area" if self.extra.get("box") else self.spec.kind
        return f"workflows/builder/fields/{_TEMPLATES.get(kind, kind)}.html"


_TEMPLATES: Final = {"number": "text", "integer": "text", "options": "options", "any": "area", "source": "area", "list": "area", "json": "area", "schema": "area", "auth": "area", "object": "area",
                     "workflow": "choice"}  # fmt: skip


# --- showing --------------------------------------------------------------------------------------


def show(
    specs: Iterable[Spec],
    values: Mapping[str, Any],
    prefix: str,
    *,
    posted: Post | None = None,
    errors: Errors | None = None,
) -> tuple[BoundField, ...]:
    """Each spec with its value; what was posted with an error is shown as it was typed."""
    return tuple(
        _show(spec, values.get(spec.name, ABSENT), f"{prefix}.{spec.name}", posted, errors or {})
        for spec in specs
    )


def _show(spec: Spec, value: Any, name: str, posted: Post | None, errors: Errors) -> BoundField:
    error = errors.get(name, "")
    if spec.kind == "object" and (value is ABSENT or isinstance(value, dict)):
        inner = value if isinstance(value, dict) else {}
        return BoundField(
            spec, name, error=error, fields=show(spec.children, inner, name, posted=posted, errors=errors)
        )
    if spec.kind == "condition":
        return BoundField(spec, name, error=error, condition=_typed_condition(name, value, posted, error))
    if spec.kind == "ops" and (value is ABSENT or isinstance(value, list)):
        return BoundField(spec, name, error=error, blocks=_op_blocks(value, name, posted, errors))
    if spec.kind == "items" and _fits_items(value):
        return BoundField(spec, name, error=error, blocks=_item_blocks(spec, value, name, posted, errors))
    if spec.kind == "rows" and fits_rows(value):
        return BoundField(spec, name, error=error, pairs=pairs_of(value))
    if spec.kind == "sums" and _fits_sums(value):
        return BoundField(spec, name, error=error, sums=_sum_rows(value))
    if spec.kind == "multi" and _fits_checkboxes(spec, value):
        return BoundField(spec, name, error=error, chosen=tuple(value) if isinstance(value, list) else ())
    extra = {"is_set": isinstance(value, str) and bool(value)} if spec.kind == "secret" else {}
    if spec.kind in ("multi", "ops", "sums", "items") or (spec.kind == "flag" and not _fits_flag(value)):
        extra["box"] = True  # an expression, or something odd: edited as text
    text = posted[name] if error and posted and name in posted else shown_text(spec, value)
    return BoundField(
        spec, name, text, error, is_data=isinstance(value, str) and has_expression(value), extra=extra
    )


def _fits_sums(value: Any) -> bool:
    """Whether rows can show it, and give it back."""
    if not isinstance(value, dict):
        return value is ABSENT
    return fits_rows(value) and all(
        isinstance(one, dict) and isinstance(one.get("of", ""), str) and set(one) <= {"fn", "of", "separator"}
        for one in value.values()
    )


def _sum_rows(value: Any) -> tuple[Sum, ...]:
    given = value if isinstance(value, dict) else {}
    rows = [
        Sum(at, name, str(one.get("fn", "sum")), str(one.get("of", "")))
        for at, (name, one) in enumerate(given.items())
    ]
    return (*rows, Sum(len(rows)))


def _fits_checkboxes(spec: Spec, value: Any) -> bool:
    if not isinstance(value, list):
        return value is ABSENT
    return (
        bool(value)
        and all(one in dict(spec.choices) for one in value if isinstance(one, str))
        and all(isinstance(one, str) for one in value)
    )


def _fits_flag(value: Any) -> bool:
    return value is ABSENT or isinstance(value, bool) or (isinstance(value, str) and has_expression(value))


def shown_text(spec: Spec, value: Any) -> str:
    """What stands in the field's box for a value."""
    if value is ABSENT:
        return ""
    if spec.kind in ("text", "area", "source", "options", "choice", "slot", "workflow") and isinstance(
        value, str
    ):
        return value
    if spec.kind == "secret":
        return value if isinstance(value, str) and has_expression(value) else ""
    if spec.kind == "list" and _fits_lines(value):
        return "\n".join(value)
    if spec.kind in ("json", "object", "rows", "sums", "multi", "schema", "auth", "list", "items"):
        return value if isinstance(value, str) and has_expression(value) else pretty(value)
    return as_text(value)


def fits_rows(value: Any) -> bool:
    """Whether rows of names and values can show it: names without blanks around them."""
    if not isinstance(value, dict):
        return value is ABSENT
    return all(key and key == key.strip() and "\n" not in key for key in value)


def _fits_lines(value: Any) -> bool:
    """Whether a list can be shown as one text per line, and read back the same."""
    if not isinstance(value, list) or not value:
        return False
    return all(
        isinstance(one, str) and one.strip() and "\n" not in one and one == one.strip() for one in value
    )


def pairs_of(value: Any) -> tuple[Pair, ...]:
    given = value if isinstance(value, dict) else {}
    rows = [
        Pair(at, key, as_text(inner) if inner is not None else "null")
        for at, (key, inner) in enumerate(given.items())
    ]
    return (*rows, Pair(len(rows)))


def _typed_condition(name: str, value: Any, posted: Post | None, error: str) -> conditions.ConditionForm:
    form = conditions.show(value)
    if error and posted:
        return replace(form, mode=posted.get(f"{name}.mode", "json"), text=posted.get(f"{name}.text", ""))
    return form


def _fits_items(value: Any) -> bool:
    if not isinstance(value, list):
        return value is ABSENT
    return len(value) <= MAX_ROWS and all(isinstance(one, dict) for one in value)


def _item_blocks(spec: Spec, value: Any, name: str, posted: Post | None, errors: Errors) -> tuple[Block, ...]:
    return tuple(
        Block(
            at,
            f"{spec.label} {at + 1}",
            fields=show(spec.children, item, f"{name}.{at}", posted=posted, errors=errors),
        )
        for at, item in enumerate(value if isinstance(value, list) else [])
    )


def _op_blocks(value: Any, name: str, posted: Post | None, errors: Errors) -> tuple[Block, ...]:
    found = []
    for at, op in enumerate(value if isinstance(value, list) else []):
        if isinstance(op, dict) and op.get("op") in OP_SPECS:
            inner = show(specs_of(op), op, f"{name}.{at}", posted=posted, errors=errors)
            found.append(Block(at, OP_WORDS.get(op["op"]) or op["op"], op["op"], inner))
    return tuple(found)
