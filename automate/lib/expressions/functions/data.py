"""JSON and CSV."""

import csv
import io
import json

from automate.lib.expressions.compare import as_number
from automate.lib.expressions.converters import Items, Mismatch
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.operators import as_part_of_text
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run, text_bytes
from automate.lib.jsontypes import JSON, BadJSON, dumps, loads

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@function(
    "Data", '{{ {"a": [1, true]} | to_json }}', '{"a":[1,true]}', aliases=("tojson", "json", "json_stringify")
)
def to_json(run: Run, value: JSON, indent: int = 0) -> str:
    """The value as JSON text, on several lines when `indent` is given."""
    run.measure(value)
    if indent <= 0:
        return dumps(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=min(indent, 8))


@function(
    "Data", '{{ from_json("{\\"a\\": [1, 2]}").a }}', [1, 2], aliases=("fromjson", "parse_json", "json_parse")
)
def from_json(run: Run, text: str) -> JSON:
    """The value written as JSON."""
    run.room_for_items(text.count(",") + 2 * text.count("[") + 4 * text.count("{"))
    try:
        return loads(text)
    except BadJSON as error:
        raise ExpressionTypeError(f"`from_json` cannot read the text. {error}") from None


def _delimiter(delimiter: str) -> str:
    sign = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(delimiter, delimiter)
    if len(sign) != 1 or sign in '"\r\n':
        raise Mismatch("one character as delimiter")
    return sign


@function(
    "Data", '{{ "sku,qty\\nA,2" | parse_csv }}', [{"sku": "A", "qty": "2"}], aliases=("from_csv", "csv_parse")
)
def parse_csv(run: Run, text: str, delimiter: str = ",", header: bool = True) -> Items:
    """The rows of a CSV text: objects named by the first line, or lists without `header`. Cells stay text."""
    sign = _delimiter(delimiter)
    rows_at_most = text.count("\n") + text.count("\r") + 1
    run.room_for_items(4 * rows_at_most + text.count(sign))
    try:
        rows = [
            row
            for row in csv.reader(
                io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=sign, strict=True
            )
            if row
        ]
    except csv.Error as error:
        raise ExpressionTypeError(f"`parse_csv` cannot read the text: {error}.") from None
    if not header:
        return [list(row) for row in rows]
    names: list[str] = rows[0] if rows else []
    run.room_for_items(len(names) * max(len(rows) - 1, 0))
    return [{name: row[at] if at < len(row) else None for at, name in enumerate(names)} for row in rows[1:]]


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers."""
    return "'" + text if text.startswith(FORMULA_STARTS) and as_number(text) is None else text


@function("Data", '{{ [{"a": 1, "b": "=1+1"}] | to_csv }}', "a,b\r\n1,'=1+1\r\n", aliases=("csv",))
def to_csv(run: Run, rows: Items, delimiter: str = ",", columns: Items | None = None) -> str:
    """A CSV text of objects (with a header line) or of lists. Cells that look like formulas get a ' in front."""
    sign = _delimiter(delimiter)
    names = _columns(run, rows, columns)
    table = [[_cell(run, name) for name in names]] if names else []
    run.room_for_items(len(rows) * (len(names) + 1))
    for row in rows:
        cells = (
            [row.get(name) for name in names]
            if isinstance(row, dict)
            else row
            if isinstance(row, list)
            else [row]
        )
        table.append([_cell(run, cell) for cell in cells])
    run.room_for_text(sum(text_bytes(cell) + 3 for row in table for cell in row))
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=sign, lineterminator="\r\n").writerows(table)
    return out.getvalue()


def _columns(run: Run, rows: Items, columns: Items | None) -> list[str]:
    if columns is not None:
        return [as_part_of_text(name, run) for name in columns]
    names: dict[str, None] = {}
    for row in rows:
        if isinstance(row, dict):
            run.spend(len(row))
            names.update(dict.fromkeys(row))
    return list(names)


def _cell(run: Run, value: JSON) -> str:
    text = as_part_of_text(value, run)
    if isinstance(value, list | dict):
        run.made(text)
    return safe_cell(text) if isinstance(value, str) else text
