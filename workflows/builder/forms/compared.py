"""One comparison as it is drawn: its operators by the type of its left side, its right side as people type it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from automate.lib.expressions import OPERATORS, has_expression
from workflows.builder.forms.values import ABSENT, as_text, from_text

UNARY: Final = frozenset(info.name for info in OPERATORS.values() if info.arity == 1)
LISTS: Final = frozenset(("in", "not_in"))
_THERE: Final = ("is_empty", "is_not_empty", "exists", "not_exists")
KIND_OPS: Final[dict[str, tuple[str, ...]]] = {
    "text": ("equals", "not_equals", "contains", "not_contains", "starts_with", "ends_with", "matches", "in", "not_in", *_THERE),
    "number": ("equals", "not_equals", "greater_than", "at_least", "less_than", "at_most", "between", "in", "not_in", "exists",
               "not_exists"),
    "date": ("before", "after", "between", "equals", "not_equals", *_THERE),
    "boolean": ("is_true", "is_false", "exists", "not_exists"),
    "list": ("contains", "not_contains", "is_empty", "is_not_empty", "equals", "not_equals", "exists", "not_exists"),
    "object": ("contains", "not_contains", *_THERE, "equals", "not_equals"),
}  # fmt: skip
KIND_WORDS: Final = {"text": "Text", "number": "Numbers", "date": "Dates", "boolean": "Yes or no", "list": "Lists",
                     "object": "Objects"}  # fmt: skip
HINTS: Final = {"number": "number", "date": "2026-01-31", "list": "an item", "object": "the name of a field"}


@dataclass(frozen=True)
class OpChoice:
    """One operator in the drop-down. `kinds`: the types it is first offered for."""

    name: str
    label: str
    kinds: str


@dataclass(frozen=True)
class Row:
    """`high` is the upper end of "is between". `kind`: the type of the left side in the sample data, "" when unknown."""

    left: str = ""
    op: str = "equals"
    right: str = ""
    high: str = ""
    kind: str = ""

    @property
    def unary(self) -> bool:
        return self.op in UNARY

    @property
    def hint(self) -> str:
        if self.op in LISTS:
            return "one, two, three"
        return HINTS.get(self.kind, "compared with") if self.op != "between" else "from"

    @property
    def op_groups(self) -> tuple[tuple[str, tuple[OpChoice, ...]], ...]:
        """Those that fit the left side first."""
        fitting = KIND_OPS.get(self.kind, ())
        first = tuple(CHOICES[name] for name in fitting)
        rest = tuple(choice for name, choice in CHOICES.items() if name not in fitting)
        return ((KIND_WORDS[self.kind], first), ("Others", rest)) if first else (("", rest),)


CHOICES: Final = {
    info.name: OpChoice(info.name, info.label, " ".join(kind for kind, ops in KIND_OPS.items() if info.name in ops))
    for info in OPERATORS.values()
}  # fmt: skip


def fits(part: Any) -> bool:
    """Whether a row can show it."""
    return isinstance(part, dict) and set(part) <= {"left", "op", "right"} and part.get("op") in OPERATORS


def shown_row(part: dict[str, Any]) -> Row:
    op, right = part["op"], part.get("right", ABSENT)
    left = _shown(part.get("left"))
    if right is ABSENT:
        return Row(left, op)
    if op == "between" and isinstance(right, list) and len(right) == 2 and "" not in right:
        return Row(left, op, _shown(right[0]), _shown(right[1]))
    return Row(left, op, _shown_list(right) if op in LISTS else _shown(right))


def read_right(op: str, text: str, high: str) -> Any:
    """The right side as it is stored: a range for `between`, a list for "is one of"."""
    if op == "between" and high.strip():
        return [_plain(text), _plain(high)]
    if op in LISTS:
        return _typed_list(text)
    return _plain(text)


def _shown(value: Any) -> str:
    return "null" if value is None else as_text(value)


def _plain(text: str) -> Any:
    value = from_text(text)
    return "" if value is ABSENT else value


def _shown_list(value: Any) -> str:
    """`one, two` for a list of plain values; what would be read as something else as JSON."""
    if isinstance(value, list) and value:
        texts = [as_text(one) for one in value]
        joined = ", ".join(texts)
        if _typed_list(joined) == value:
            return joined
    text = as_text(value)
    return f'"{text}"' if isinstance(value, str) and text == value and _typed_list(text) != value else text


def _typed_list(text: str) -> Any:
    value = _plain(text)
    if not isinstance(value, str) or has_expression(value) or text.lstrip().startswith('"'):
        return value if isinstance(value, (str, list)) else [value]
    return [_plain(part.strip()) for part in value.split(",") if part.strip()]
