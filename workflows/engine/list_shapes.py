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

_FIELD = Field("field", "text", "A field of each item.")


def _form(choices: tuple[str, ...], default: JSON = None, required: str = "") -> Field:
    return Field("as", "choice", "The form.", choices=choices, default=default, required=required)


LIST_OPS: Final[dict[str, tuple[Field, ...]]] = {
    "set": (
        Field("fields", "object", "Field names and expressions over `item`.", required="Give `fields`."),
    ),
    "rename": (Field("fields", "object", "Old and new names.", required="Give `fields`."),),
    "remove": (Field("fields", "texts", "The fields to drop.", required="Give `fields`."),),
    "keep": (Field("fields", "texts", "The fields to keep.", required="Give `fields`."),),
    "sort": (
        Field("by", "any", "The field or expression to sort by.", required="Give `by`."),
        Field("desc", "flag", "Largest first.", default=False),
    ),
    "limit": (
        Field("count", "count", "How many items to keep.", low=0, expr=True, required="Give `count`."),
        Field("from", "choice", "Which end to keep.", choices=("start", "end"), default="start"),
    ),
    "aggregate": (Field("fields", "object", "Name → {fn, of}.", required="Give `fields`."),),
    "group": (Field("by", "any", "The field or expression to group by.", required="Give `by`."),),
    "split": (Field("field", "text", "The list field that becomes items.", required="Give `field`."),),
    "flatten": (),
    "dedupe": (
        Field("by", "any", "What makes two items the same.", required="Give `by`."),
        Field(
            "scope", "choice", "Within this run or over all runs.", choices=("run", "workflow"), default="run"
        ),
    ),
    "compare": (
        Field("with", "any", "The other list.", required="Give `with`."),
        Field("by", "any", "The field both lists share.", required="Give `by`."),
    ),
    "parse": (_FIELD, _form(("json", "csv", "xml", "date", "number", "query"), default="json")),
    "format": (_FIELD, _form(("json", "csv", "date", "text", "html", "markdown"), default="json")),
    "convert": (_FIELD, _form(("text", "number", "boolean", "date"), required="Say what to make in `as`.")),
}
AGGREGATES: Final = ("sum", "count", "min", "max", "avg", "list")


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
    yield from object_complaints(PLAIN_SHAPES, LIST_OPS[name], rest, f"the operation {name}")
    if name == "aggregate" and isinstance(entry.get("fields"), dict):
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
            field.name: schema_by(PLAIN_SHAPES, field) for field in fields
        }
        required = ["op", *(field.name for field in fields if field.required)]
        kinds.append(
            {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        )
    return {"type": "array", "items": {"oneOf": kinds}}


OPS_SHAPE: Final = Shape(_ops, _ops_schema)
