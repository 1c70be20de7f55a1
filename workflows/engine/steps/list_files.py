"""Operations between lists and files or texts: read rows out of them, write rows into one."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any, Final

from automate.lib.expressions.functions.data import safe_cell
from automate.lib.jsontypes import JSON
from workflows.engine.steps.context import StepFault
from workflows.engine.steps.list_work import ListWork, path_in

FILE_MARK: Final = "$file"
MAX_SHEET_ROWS: Final = 1_048_575  # what spreadsheet programs open, without the header
MAX_CELL_CHARS: Final = 32_767
MIMES: Final = {
    "csv": "text/csv", "json": "application/json", "html": "text/html", "text": "text/plain",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
ENDINGS: Final = {"csv": ".csv", "json": ".json", "html": ".html", "text": ".txt", "xlsx": ".xlsx"}


def read(work: ListWork, items: list[JSON]) -> list[JSON]:
    """Every item, a file or a text, gives its rows."""
    field = work.operation.get("field")
    made: list[JSON] = []
    for item in items:
        source = path_in(item, str(field)) if field else item
        rows = _rows(work, source)
        made.extend(rows if isinstance(rows, list) else [rows])
    return made


def _rows(work: ListWork, source: JSON) -> JSON:
    form = str(work.operation.get("as") or "csv")
    if form == "base64":
        return base64.b64encode(_bytes(work, source)).decode()
    text = _text(work, source)
    if form == "text":
        return text
    calls = {
        "csv": "parse_csv(value, delimiter, header)", "json": "parse_json(value)", "xml": "parse_xml(value)",
        "lines": "lines(value)",
    }  # fmt: skip
    delimiter = str(work.operation.get("delimiter") or _likely(text))
    try:
        return work.through(
            calls[form], value=text, delimiter=delimiter, header=work.operation.get("header", True)
        )
    except ValueError as error:
        raise work.fault(str(error)) from None


def _likely(text: str) -> str:
    """The delimiter of a table whose first line says so: German spreadsheets write semicolons."""
    first = text.split("\n", 1)[0]
    return max((",", ";", "\t"), key=lambda sign: (first.count(sign), sign == ","))


def _bytes(work: ListWork, source: JSON) -> bytes:
    if isinstance(source, dict) and FILE_MARK in source and work.context.around is not None:
        try:
            return work.context.around.read_file(source)
        except KeyError:
            raise work.fault(f"The file “{source.get('name', '')}” is not there any more.") from None
    if isinstance(source, str):
        return source.encode()
    raise work.fault(f"reads files and texts, and found {source!r:.60}.")


def _text(work: ListWork, source: JSON) -> str:
    data = _bytes(work, source)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16", "replace")
        return data.decode("cp1252", "replace")  # what spreadsheet programs write where it is not UTF-8


def write(work: ListWork, items: list[JSON]) -> list[JSON]:
    """All items in one file, or with no name in one text."""
    form, name = (
        str(work.operation.get("as") or "csv"),
        str(work.context.value(work.operation.get("name")) or ""),
    )
    if form != "xlsx" and not name:
        return [_written(work, form, items)]
    data = sheet(work, items) if form == "xlsx" else _written(work, form, items).encode()
    name = name or "table"
    if "." not in name:
        name += ENDINGS[form]
    if work.context.around is None:
        raise work.fault("Files are not at hand here.")
    try:
        return [work.context.around.save_file(data, name, MIMES[form])]
    except ValueError as error:
        raise StepFault(str(error), "too_large") from None


def _written(work: ListWork, form: str, items: list[JSON]) -> str:
    calls = {
        "csv": "to_csv(value, delimiter, columns)", "json": "to_json(value)",
        "html": "html_table(value, columns)", "text": "join(apply(value, 'text'), '\\n')",
    }  # fmt: skip
    delimiter, columns = str(work.operation.get("delimiter") or ","), work.operation.get("columns") or None
    try:
        return str(work.through(calls[form], value=items, delimiter=delimiter, columns=columns))
    except ValueError as error:
        raise work.fault(str(error)) from None


def sheet(work: ListWork, items: list[JSON]) -> bytes:
    """A spreadsheet with a bold first line. Texts stay texts: no cell becomes a formula."""
    import xlsxwriter  # a tenth of a second to import, and few need it

    if len(items) > MAX_SHEET_ROWS:
        raise work.fault(
            f"{len(items):,} rows are more than the {MAX_SHEET_ROWS:,} that a spreadsheet holds."
        )
    names = work.operation.get("columns") or columns_of(items)
    out = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(out, options) as book:
        page = book.add_worksheet()
        page.freeze_panes(1 if names else 0, 0)
        page.write_row(0, 0, names, book.add_format({"bold": True}))
        for at, item in enumerate(items, start=1 if names else 0):
            for column, cell in enumerate(_cells(item, names)):
                _write_cell(page.write, at, column, cell, work)
    return out.getvalue()


def columns_of(items: list[JSON]) -> list[str]:
    """The fields of all rows, in the order they first appear."""
    return list(dict.fromkeys(key for item in items if isinstance(item, dict) for key in item))


def _cells(item: JSON, names: list[str]) -> list[JSON]:
    if isinstance(item, dict):
        return [item.get(name) for name in names]
    return item if isinstance(item, list) else [item]


def _write_cell(put: Callable[..., Any], row: int, column: int, cell: JSON, work: ListWork) -> None:
    if cell is None:
        return
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) >= 10**15:
        cell = str(cell)  # spreadsheets keep 15 digits
    if isinstance(cell, dict | list):
        cell = str(work.through("to_json(value)", value=cell))
    if isinstance(cell, str):
        cell = safe_cell(cell)[:MAX_CELL_CHARS]
    put(row, column, cell)
