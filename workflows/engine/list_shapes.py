"""The operations of a transform step on a list: their fields, checked and as JSON Schema."""

from collections.abc import Iterator
from typing import Final

from automate.lib.jsontypes import JSON
from workflows.engine.shapes import (
    PLAIN_SHAPES,
    Complaint,
    Field,
    Seed,
    Shape,
    object_complaints,
    schema_by,
    shown,
)
from workflows.engine.words import did_you_mean, listed

CHANGES: Final = ("added", "removed", "changed", "same")
AGGREGATES: Final = ("sum", "count", "min", "max", "avg", "list", "unique", "first", "last", "join")
READ_FORMS: Final = ("csv", "json", "xml", "lines", "text", "base64")
WRITE_FORMS: Final = ("csv", "json", "xlsx", "html", "text")
FIELD_FORMS: Final = ("json", "csv", "xml", "html", "date", "number", "query", "lines")
TEXT_FORMS: Final = ("json", "csv", "xml", "html_table", "markdown_table", "date", "number", "text", "html", "markdown",
                     "query", "base64")  # fmt: skip

_FIELD = Field("field", "text", "A field of each item; without it, the item itself.")
_PATTERN = Field("pattern", "text", "How a date is written, such as DD.MM.YYYY.")
_DECIMALS = Field("decimals", "count", "Digits after the point of a number.", low=0, high=20)
_DELIMITER = Field(
    "delimiter", "text", "What stands between the cells of CSV; a comma unless you say otherwise."
)
_COLUMNS = Field(
    "columns", "texts", "The columns in their order; without it, the fields in the order they first appear."
)
_BY = Field("by", "any", "The field, or an expression over `item`.", required="Give `by`.")
_OTHER = Field("with", "any", "The other list.", required="Give `with`.")


def _form(choices: tuple[str, ...], default: JSON = None, required: str = "") -> Field:
    return Field("as", "choice", "The form.", choices=choices, default=default, required=required)


def _names(name: str, help: str) -> Field:
    return Field(name, "texts", help, required=f"Give `{name}`.")


def _object(help: str) -> Field:
    return Field("fields", "object", help, required="Give `fields`.")


LIST_OPS: Final[dict[str, tuple[Field, ...]]] = {
    "set": (_object("Field names and expressions over `item`."),),
    "rename": (_object("Old and new names."),),
    "remove": (_names("fields", "The fields to drop."),),
    "keep": (_names("fields", "The fields to keep, in this order."),),
    "filter": (Field("when", "condition", "Keep an item if this holds for it; it is `item`.", required="Give `when`."),),
    "sort": (
        Field("by", "any", "The field or expression to sort by; a list sorts by several, with - before a falling one.",
              required="Give `by`."),
        Field("desc", "flag", "Largest first.", default=False),
    ),
    "reverse": (),
    "limit": (
        Field("count", "count", "How many items to keep.", low=0, expr=True, required="Give `count`."),
        Field("from", "choice", "Which end to keep.", choices=("start", "end"), default="start"),
        Field("skip", "count", "How many items to pass over first.", low=0, expr=True),
    ),
    "aggregate": (_object("Name → {fn, of}."),),
    "group": (
        Field("by", "any", "The field or expression to group by, or a list of them.", required="Give `by`."),
        Field("fields", "object", "Sums of each group: name → {fn, of}. With them, a group is one row of its values."),
    ),
    "split": (
        Field("field", "text", "The list field that becomes items.", required="Give `field`."),
        Field("separator", "text", "Where the field is text: what stands between its parts."),
    ),
    "flatten": (),
    "chunk": (Field("size", "count", "How many items one list gets.", low=1, high=100_000, expr=True,
                    required="Give `size`."),),
    "dedupe": (
        Field("by", "any", "What makes two items the same.", required="Give `by`."),
        Field("scope", "choice", "Within this run or over all runs.", choices=("run", "workflow"), default="run"),
    ),
    "compare": (
        _OTHER,
        Field("by", "any", "The field both lists share.", required="Give `by`."),
        Field("only", "texts", "The changes to give.", choices=CHANGES),
    ),
    "join": (
        _OTHER,
        _BY,
        Field("with_by", "any", "The same in the other list, where it is called otherwise."),
        Field("take", "choice", "Items of this list that have a partner, or all.", choices=("all", "matching"),
              default="all"),
        Field("as", "text", "The field the partner goes into; without it, its fields are added."),
    ),
    "append": (_OTHER,),
    "parse": (_FIELD, _form(FIELD_FORMS, default="json"), _PATTERN, _DELIMITER),
    "format": (_FIELD, _form(TEXT_FORMS, default="json"), _PATTERN, _DECIMALS, _DELIMITER, _COLUMNS),
    "convert": (
        _FIELD,
        _form(("text", "number", "integer", "boolean", "date", "list"), required="Say what to make in `as`."),
    ),
    "read": (
        Field("field", "text", "The field that holds the file or text; without it, the item itself."),
        _form(READ_FORMS, default="csv"),
        _DELIMITER,
        Field("header", "flag", "The first line names the columns.", default=True),
    ),
    "write": (
        _form(WRITE_FORMS, default="csv"),
        Field("name", "text", "The file's name; without it, the step gives the text."),
        _COLUMNS,
        _DELIMITER,
    ),
}  # fmt: skip


def _condition(field: Field, value: JSON) -> Iterator[Complaint]:
    from workflows.engine.structures import SHAPES  # which is made of these operations, among others

    yield from SHAPES["condition"].check(field, value)


_SHAPES: Final = {
    **PLAIN_SHAPES,
    "condition": Shape(_condition, lambda _field: {"$ref": "#/$defs/condition"}),
}


def _ops(_field: Field, value: JSON) -> Iterator[Complaint]:
    if not isinstance(value, list):
        yield "", f"must be a list of operations, not {shown(value)}"
        return
    for index, entry in enumerate(value):
        yield from ((f"[{index}]{path}", words) for path, words in _op(entry))


def _op(entry: JSON) -> Iterator[Complaint]:
    if not isinstance(entry, dict) or not isinstance(entry.get("op"), str):
        yield "", "must be an operation such as {op: limit, count: 10}"
        return
    name = str(entry["op"])
    if name not in LIST_OPS:
        yield (
            ".op",
            f"must be one of {listed(LIST_OPS)}, not {shown(name)}. {did_you_mean(name, LIST_OPS)}".rstrip(),
        )
        return
    rest = {key: inner for key, inner in entry.items() if key != "op"}
    yield from object_complaints(_SHAPES, LIST_OPS[name], rest, f"the operation {name}")
    if name in ("aggregate", "group") and isinstance(entry.get("fields"), dict):
        yield from _aggregates(entry["fields"])


def _aggregates(fields: JSON) -> Iterator[Complaint]:
    assert isinstance(fields, dict)
    for name, spec in fields.items():
        if not isinstance(spec, dict) or spec.get("fn") not in AGGREGATES:
            yield f".fields.{name}", f"must be {{fn: …, of: …}} with fn one of {listed(AGGREGATES)}"


def _ops_schema(_field: Field) -> Seed:
    kinds = []
    for name, fields in LIST_OPS.items():
        properties: Seed = {"op": {"const": name}} | {
            field.name: schema_by(_SHAPES, field) for field in fields
        }
        required = ["op", *(field.name for field in fields if field.required)]
        kinds.append(
            {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        )
    return {"type": "array", "items": {"oneOf": kinds}}


OPS_SHAPE: Final = Shape(_ops, _ops_schema)
