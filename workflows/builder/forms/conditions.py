"""Conditions as rows of left, operator, right, and groups of rows; what rows cannot show stays an expression or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from automate.lib.expressions import OPERATORS
from workflows.builder.forms.compared import Row, fits, read_right, shown_row
from workflows.builder.forms.expression_rows import from_expression
from workflows.builder.forms.values import ABSENT, BadValue, clean, from_text, json_from_text, pretty

GROUP_MODES: Final = (
    ("all", "All of these hold"),
    ("any", "Any of these holds"),
    ("none", "None of these holds"),
)
MODES: Final = (*GROUP_MODES, ("expression", "An expression holds"))
JSON_MODE: Final = ("json", "Written as JSON")
MAX_ROWS: Final = 50
MAX_GROUPS: Final = 20


@dataclass(frozen=True)
class Group:
    """Rows taken together; `at` is its number in the form."""

    at: int
    mode: str = "any"
    rows: tuple[Row, ...] = (Row(),)

    @property
    def number(self) -> str:
        return str(self.at)


@dataclass(frozen=True)
class ConditionForm:
    """`mode` says which of rows and text counts. The last row and the last group are empty: for what comes next."""

    mode: str = "all"
    rows: tuple[Row, ...] = (Row(),)
    text: str = ""
    groups: tuple[Group, ...] = (Group(0),)
    value: Any = field(default=None, compare=False)  # what is stored

    @property
    def is_empty(self) -> bool:
        return self.value in (None, "")


def show(value: Any) -> ConditionForm:
    """The form of a condition. An expression that only compares is shown as rows, too."""
    if value is ABSENT or value in (None, ""):
        return ConditionForm()
    text = value if isinstance(value, str) else ""
    made = _rows_of(from_expression(text) if text else value)
    if made is not None:
        return replace(made, text=text, value=value)
    if isinstance(value, str):
        return ConditionForm("expression", text=value, value=value)
    return ConditionForm("json", text=pretty(value), value=value)


def read(name: str, post: Mapping[str, str], old: Any = ABSENT) -> Any:
    """The condition that was typed; ABSENT when nothing was. Raises BadValue.

    What comes back as it was shown is `old`, in whatever dress it was stored.
    """
    mode = post.get(f"{name}.mode", "all")
    text = clean(post.get(f"{name}.text", "")).strip()
    if mode == "expression":
        made: Any = text or ABSENT
    elif mode == "json":
        made = json_from_text(text)
    else:
        made = _read_rows(name, mode, post)
    same = (
        made is not ABSENT and old is not ABSENT and mode in dict(GROUP_MODES) and show(made) == _plain(old)
    )
    return old if same else made


def _plain(old: Any) -> ConditionForm:
    """The form of what is stored, without the text that a form of rows does not send."""
    form = show(old)
    return replace(form, text="") if form.mode in dict(GROUP_MODES) else form


# --- there ----------------------------------------------------------------------------------------


def _rows_of(value: Any) -> ConditionForm | None:
    """Rows and groups of rows, one deep; None for what says more."""
    found = _members(value)
    if found is None:
        return None
    mode, parts = found
    rows: list[Row] = []
    groups: list[Group] = []
    for part in parts:
        if fits(part):
            rows.append(shown_row(part))
            continue
        inner = _members(part)
        if inner is None or not all(fits(one) for one in inner[1]):
            return None
        groups.append(Group(len(groups), inner[0], (*map(shown_row, inner[1]), Row())))
    if len(rows) > MAX_ROWS or len(groups) >= MAX_GROUPS:
        return None
    other = "all" if mode == "any" else "any"
    return ConditionForm(mode, (*rows, Row()), groups=(*groups, Group(len(groups), other)))


def _members(value: Any) -> tuple[str, list[Any]] | None:
    """How its parts are taken together, and the parts."""
    if not isinstance(value, dict):
        return None
    if fits(value):
        return "all", [value]
    for mode in ("all", "any"):
        if set(value) == {mode}:
            return (mode, value[mode]) if isinstance(value[mode], list) and value[mode] else None
    if set(value) != {"not"}:
        return None
    inner = _members(value["not"])
    return ("none", inner[1]) if inner and (inner[0] == "any" or len(inner[1]) == 1) else None


# --- back -----------------------------------------------------------------------------------------


def _read_rows(name: str, mode: str, post: Mapping[str, str]) -> Any:
    parts = [*_typed_rows(name, post)]
    for at in range(MAX_GROUPS):
        prefix = f"{name}.g.{at}"
        if f"{prefix}.mode" in post and (rows := [*_typed_rows(prefix, post)]):
            parts.append(_together(post[f"{prefix}.mode"], rows))
    return _together(mode, parts) if parts else ABSENT


def _together(mode: str, parts: list[Any]) -> dict[str, Any]:
    if mode == "none":
        return {"not": {"any": parts}}
    return {"any" if mode == "any" else "all": parts}


def _typed_rows(name: str, post: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for at in range(MAX_ROWS):
        row = _read_row(name, at, post)
        if row is not None:
            yield row


def _read_row(name: str, at: int, post: Mapping[str, str]) -> dict[str, Any] | None:
    left, right, high = (clean(post.get(f"{name}.{part}.{at}", "")) for part in ("left", "right", "high"))
    op = post.get(f"{name}.op.{at}", "equals")
    if op not in OPERATORS:
        raise BadValue(f'There is no comparison "{op}".')
    if not left.strip() and not right.strip():
        return None
    value = from_text(left)
    row: dict[str, Any] = {"left": "" if value is ABSENT else value, "op": op}
    return row if OPERATORS[op].arity == 1 else {**row, "right": read_right(op, right, high)}
