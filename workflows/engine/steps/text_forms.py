"""Reading and writing the forms that data travels in, through the same functions that expressions use."""

from __future__ import annotations

from automate.lib.expressions import ExpressionError, Scope, evaluate
from automate.lib.jsontypes import JSON
from workflows.engine.steps.context import StepContext

PARSERS = {
    "json": "parse_json(value)",
    "csv": "parse_csv(value)",
    "xml": "parse_xml(value)",
    "date": "date(value)",
    "number": "number(value)",
    "query": "parse_query(value)",
}
FORMATS = {
    "json": "to_json(value)",
    "csv": "to_csv(value)",
    "date": "date(value)",
    "text": "text(value)",
    "html": "strip_html(value)",
    "markdown": "markdown(value)",
}
CONVERSIONS = {
    "text": "text(value)",
    "number": "number(value)",
    "boolean": "boolean(value)",
    "date": "date(value)",
}


def _through(table: dict[str, str], value: JSON, form: str, context: StepContext) -> JSON:
    if form not in table:
        raise ValueError(f"`as: {form}` is not known here; choose one of {', '.join(table)}.")
    try:
        return evaluate("{{ " + table[form] + " }}", Scope({"value": value}, now=context.now))
    except ExpressionError as error:
        raise ValueError(error.message) from None


def parse_text(value: JSON, form: str, context: StepContext) -> JSON:
    """Text in a known form as data."""
    return _through(PARSERS, value, form, context)


def format_text(value: JSON, form: str, context: StepContext) -> JSON:
    """Data as text in a known form."""
    return _through(FORMATS, value, form, context)


def convert(value: JSON, form: str, context: StepContext) -> JSON:
    """One simple type as another."""
    return _through(CONVERSIONS, value, form, context)
