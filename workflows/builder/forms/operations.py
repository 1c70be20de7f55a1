"""The form of a transform's operations: which fields each one has, as it stands, and how they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from workflows.builder.forms.specs import Choice, Spec, from_fields
from workflows.engine.list_shapes import AGGREGATES, LIST_OPS
from workflows.engine.words import humanise

OP_WORDS: Final = {
    "set": "Set fields", "rename": "Rename fields", "remove": "Remove fields", "keep": "Keep only some fields",
    "filter": "Keep items that fit", "sort": "Sort", "reverse": "Reverse", "limit": "Limit", "aggregate": "Sum up",
    "group": "Group", "split": "Split a field into items", "flatten": "Flatten lists", "chunk": "Cut into batches",
    "dedupe": "Remove duplicates", "compare": "Compare with another list", "join": "Add fields from another list",
    "append": "Add another list at the end", "parse": "Read a field (JSON, CSV, XML, date…)",
    "format": "Write a field (JSON, CSV, date, number…)", "convert": "Convert a field",
    "read": "Read rows from files or texts", "write": "Make a file or text of all rows",
}  # fmt: skip
FIRST_OPS: Final[dict[str, dict[str, Any]]] = {
    **{name: {"fields": {}} for name in ("set", "rename", "aggregate")},
    **{name: {"fields": []} for name in ("remove", "keep")},
    **{name: {"by": "id"} for name in ("sort", "group", "dedupe")},
    "filter": {"when": {"all": [{"left": "{{ item.id }}", "op": "is_not_empty"}]}},
    "limit": {"count": 10},
    "split": {"field": "items"},
    "chunk": {"size": 10},
    "compare": {"with": "{{ trigger.body }}", "by": "id"},
    "join": {"with": "{{ trigger.body }}", "by": "id"},
    "append": {"with": "{{ trigger.body }}"},
    "convert": {"as": "number"},
    "read": {"as": "csv"},
    "write": {"as": "csv", "name": "table.csv"},
}
_LABELS: Final = {
    "by": "By", "desc": "Largest first", "count": "How many", "from": "Keep from", "skip": "Pass over first", "as": "Form",
    "with": "Other list", "with_by": "Its field there", "take": "Keep", "only": "Only those that were", "size": "Items in each",
    "when": "Keep an item if", "field": "Field", "pattern": "Pattern", "decimals": "Digits after the point",
    "delimiter": "Between cells", "columns": "Columns", "header": "First line names the columns", "name": "File name",
    "separator": "Between its parts", "scope": "Duplicates", "fields": "Fields",
}  # fmt: skip
_OWN_LABELS: Final = {
    ("aggregate", "fields"): "Sums", ("group", "fields"): "Sums of each group", ("join", "as"): "Put the partner into",
    ("rename", "fields"): "Old and new names", ("dedupe", "by"): "Two are the same by",
}  # fmt: skip
_WORDS: Final = {
    "csv": "CSV", "json": "JSON", "xml": "XML", "html": "HTML", "xlsx": "Excel (xlsx)", "html_table": "HTML table",
    "markdown_table": "Markdown table", "markdown": "HTML of Markdown", "query": "Query of an address", "lines": "Lines",
    "base64": "Base64", "boolean": "Yes or no", "integer": "Whole number", "start": "The start", "end": "The end",
    "run": "Within this run", "workflow": "Also of earlier runs: each item goes on once", "all": "All items",
    "matching": "Items that have a partner",
}  # fmt: skip
_OWN_WORDS: Final = {("format", "html"): "Text of HTML", ("parse", "html"): "Text of HTML", ("write", "html"): "HTML table",
                     ("write", "text"): "Text, one line per item"}  # fmt: skip
_ONLY_FOR: Final = {  # fields that mean something in some forms only
    "pattern": ("date",), "decimals": ("number",), "delimiter": ("csv",), "header": ("csv",),
    "columns": ("csv", "xlsx", "html", "html_table", "markdown_table"),
}  # fmt: skip
FUNCTIONS: Final[tuple[Choice, ...]] = tuple(
    (name, {"avg": "average", "min": "smallest", "max": "largest", "unique": "different values", "list": "all values",
            "join": "joined text"}.get(name, name))
    for name in AGGREGATES
)  # fmt: skip


def _named(op: str, spec: Spec) -> Spec:
    label = _OWN_LABELS.get((op, spec.name)) or _LABELS.get(spec.name) or humanise(spec.name)
    choices = tuple(
        (value, _OWN_WORDS.get((op, value)) or _WORDS.get(value) or humanise(value))
        for value, _ in spec.choices
    )
    kind = "sums" if spec.name == "fields" and op in ("aggregate", "group") else spec.kind
    redraws = spec.name == "as" and bool(choices)
    data = spec.data and kind not in ("choice", "flag", "multi")  # they take no expressions here
    return replace(spec, label=label, choices=choices, kind=kind, redraws=redraws, data=data)


OP_SPECS: Final = {
    op: tuple(_named(op, spec) for spec in from_fields(fields)) for op, fields in LIST_OPS.items()
}


def specs_of(op: Mapping[str, Any]) -> tuple[Spec, ...]:
    """The fields of one operation, without those that mean nothing in the form it has."""
    name = str(op.get("op"))
    specs = OP_SPECS[name]
    form = op.get("as") or next((spec.default for spec in specs if spec.name == "as"), None)
    if form is None:
        return specs
    return tuple(spec for spec in specs if form in _ONLY_FOR.get(spec.name, (form,)) or spec.name in op)
