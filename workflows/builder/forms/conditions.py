"""Conditions as rows of left, operator, right; what rows cannot show stays an expression or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from automate.lib.expressions import OPERATORS
from workflows.builder.forms.values import ABSENT, BadValue, as_text, clean, from_text, json_from_text, pretty

MODES: Final = (
    ("all", "All of these hold"),
    ("any", "Any of these holds"),
    ("expression", "An expression holds"),
)
JSON_MODE: Final = ("json", "Written as JSON")
OPS: Final = tuple((info.name, info.label) for info in OPERATORS.values())
UNARY: Final = frozenset(info.name for info in OPERATORS.values() if info.arity == 1)
MAX_ROWS: Final = 50


@dataclass(frozen=True)
class Row:
    left: str = ""
    op: str = "equals"
    right: str = ""

    @property
    def unary(self) -> bool:
        return self.op in UNARY


@dataclass(frozen=True)
class ConditionForm:
    """`mode` says which of rows and text counts."""

    mode: str = "all"
    rows: tuple[Row, ...] = ()
    text: str = ""


def show(value: Any) -> ConditionForm:
    """The form of a condition; one empty row at the end, for the next comparison."""
    if value in (None, ""):
        return ConditionForm(rows=(Row(),))
    if isinstance(value, str):
        return ConditionForm("expression", (Row(),), value)
    if isinstance(value, dict):
        mode = "any" if "any" in value else "all"
        parts = value.get(mode) if mode in value else [value]
        rows = (
            [_row(part) for part in parts]
            if isinstance(parts, list) and len(value) == (1 if mode in value else len(value))
            else [None]
        )
        if all(rows):
            return ConditionForm(mode, (*(row for row in rows if row), Row()))
    return ConditionForm("json", (Row(),), pretty(value))


def read(name: str, post: Mapping[str, str]) -> Any:
    """The condition that was typed; ABSENT when nothing was. Raises BadValue."""
    mode = post.get(f"{name}.mode", "all")
    text = clean(post.get(f"{name}.text", "")).strip()
    if mode == "expression":
        return text or ABSENT
    if mode == "json":
        return json_from_text(text)
    rows = [row for at in range(MAX_ROWS) if (row := _read_row(name, at, post)) is not None]
    if not rows:
        return ABSENT
    return {"any" if mode == "any" else "all": rows}


def _row(part: Any) -> Row | None:
    if (
        not isinstance(part, dict)
        or not set(part) <= {"left", "op", "right"}
        or part.get("op") not in OPERATORS
    ):
        return None
    return Row(as_text(part.get("left")), part["op"], as_text(part["right"]) if "right" in part else "")


def _read_row(name: str, at: int, post: Mapping[str, str]) -> dict[str, Any] | None:
    left = clean(post.get(f"{name}.left.{at}", ""))
    right = clean(post.get(f"{name}.right.{at}", ""))
    op = post.get(f"{name}.op.{at}", "equals")
    if op not in OPERATORS:
        raise BadValue(f'There is no comparison "{op}".')
    if not left.strip() and not right.strip():
        return None
    row: dict[str, Any] = {"left": _value(left), "op": op}
    if op not in UNARY:
        row["right"] = _value(right)
    return row


def _value(text: str) -> Any:
    value = from_text(text)
    return "" if value is ABSENT else value
