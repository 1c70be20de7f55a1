"""Reading and writing the forms that data travels in, through the same functions that expressions use."""

from __future__ import annotations

from typing import Final

from automate.lib.jsontypes import JSON
from workflows.engine.steps.list_work import ListWork

PARSERS: Final = {
    "json": "parse_json(value)",
    "csv": "parse_csv(value, delimiter)",
    "xml": "parse_xml(value)",
    "html": "html_text(value)",
    "date": "date(value) if pattern == '' else parse_date(value, pattern)",
    "number": "number(value)",
    "query": "parse_query(value)",
    "lines": "lines(value)",
}
FORMATS: Final = {
    "json": "to_json(value)",
    "csv": "to_csv(value, delimiter, columns)",
    "xml": "to_xml(value, root)",
    "html_table": "html_table(value, columns)",
    "markdown_table": "markdown_table(value, columns)",
    "date": "date(value) if pattern == '' else format_date(value, pattern)",
    "number": "format_number(value, decimals)",
    "text": "text(value)",
    "html": "html_text(value)",
    "markdown": "markdown(value)",
    "query": "build_query(value)",
    "base64": "base64(value)",
}
CONVERSIONS: Final = {
    "text": "text(value)",
    "number": "number(value)",
    "integer": "integer(value)",
    "boolean": "boolean(value)",
    "date": "date(value)",
    "list": "as_list(value)",
}


def changed(work: ListWork, table: dict[str, str], value: JSON) -> JSON:
    """A value in another form, as the operation says. Raises ValueError with a sentence."""
    operation = work.operation
    form = str(operation.get("as") or "json")
    if form not in table:
        raise ValueError(f"`as: {form}` is not known here; choose one of {', '.join(table)}.")
    root = "" if isinstance(value, dict) and len(value) == 1 else "data"
    return work.through(
        table[form], value={"item": value} if form == "xml" and isinstance(value, list) else value,
        delimiter=str(operation.get("delimiter") or ","), columns=operation.get("columns") or None,
        pattern=str(operation.get("pattern") or ""), decimals=operation.get("decimals"), root=root,
    )  # fmt: skip
