"""The statements of each action. Values are always bound parameters; names are always quoted."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql as compose
from psycopg.rows import dict_row

from automate.lib import jsontypes
from automate.lib.jsontypes import JSON
from integrations.errors import ActionError, InputError
from integrations.protocols.sql.results import as_json

DEFAULT_ROWS = 1000
MAX_ROWS = 10_000
MAX_RESULT_BYTES = 16 * 1024 * 1024  # the largest output that is kept
_OPERATORS = {
    "equals": "=",
    "not_equals": "<>",
    "greater_than": ">",
    "at_least": ">=",
    "less_than": "<",
    "at_most": "<=",
    "contains": "ILIKE",
}


def query(database: psycopg.Connection[Any], given: Mapping[str, JSON]) -> dict[str, JSON]:
    statement = compose.SQL(_statement(given))
    return _read(database, statement, _parameters(given), _limit(given))


def execute(database: psycopg.Connection[Any], given: Mapping[str, JSON]) -> dict[str, JSON]:
    """`prepare` makes the server take one statement only."""
    cursor = psycopg.RawCursor(database, row_factory=dict_row)
    statement = compose.SQL(_statement(given))
    cursor.execute(statement, _parameters(given), prepare=True)
    rows = cursor.fetchmany(_limit(given)) if cursor.description else []
    return {
        "rows": [as_json(row) for row in rows],
        "count": max(cursor.rowcount, 0),
        "truncated": cursor.rowcount > len(rows) > 0,
    }


def select_rows(database: psycopg.Connection[Any], given: Mapping[str, JSON]) -> dict[str, JSON]:
    columns = given.get("columns")
    chosen = (
        [compose.Identifier(str(name)) for name in columns] if isinstance(columns, list) and columns else []
    )
    parts: list[compose.Composable] = [
        compose.SQL("SELECT "),
        compose.SQL(", ").join(chosen) if chosen else compose.SQL("*"),
        compose.SQL(" FROM "),
        _table(given),
    ]
    where, values = _conditions(given.get("where"))
    parts += [compose.SQL(" WHERE "), compose.SQL(" AND ").join(where)] if where else []
    if given.get("order_by"):
        parts += [compose.SQL(" ORDER BY "), compose.Identifier(str(given["order_by"]))]
        parts += [compose.SQL(" DESC")] if given.get("descending") else []
    limit = _limit(given)
    parts.append(compose.SQL(f" LIMIT {limit + 1:d}"))
    return _read(database, compose.Composed(parts), values, limit)


def insert_row(database: psycopg.Connection[Any], given: Mapping[str, JSON]) -> dict[str, JSON]:
    """The server itself turns one JSON parameter into the columns' types: dates, arrays, JSON, enums."""
    row = given.get("row")
    if not isinstance(row, dict) or not row:
        raise InputError("Row is required: an object of column names and values.", field="row")
    table, columns = _table(given), compose.SQL(", ").join(map(compose.Identifier, row))
    statement = compose.SQL(
        "INSERT INTO {t} ({c}) SELECT {c} FROM jsonb_populate_record(NULL::{t}, $1::jsonb)"
    ).format(t=table, c=columns)
    if given.get("skip_if_exists"):
        statement += compose.SQL(" ON CONFLICT DO NOTHING")
    cursor = psycopg.RawCursor(database, row_factory=dict_row)
    cursor.execute(statement + compose.SQL(" RETURNING *"), [jsontypes.dumps(row)])
    rows = [as_json(made) for made in cursor.fetchall()]
    return {"rows": list(rows), "row": rows[0] if rows else None, "count": len(rows), "truncated": False}


def _read(
    database: psycopg.Connection[Any],
    statement: compose.SQL | compose.Composed,
    values: Sequence[Any],
    limit: int,
) -> dict[str, JSON]:
    """Rows one by one, so that a huge table never stands in memory; stops at the limit."""
    rows: list[JSON] = []
    size = 0
    cursor = psycopg.RawCursor(database, row_factory=dict_row)
    stream = cursor.stream(statement, values)
    for found in stream:
        if len(rows) >= limit:
            return {"rows": rows, "count": len(rows), "truncated": True}
        row = as_json(found)
        size += len(jsontypes.dumps_bytes(row))
        if size > MAX_RESULT_BYTES:
            raise ActionError(
                f"The result is larger than {MAX_RESULT_BYTES:,} bytes. Select fewer rows or columns.",
                code="answer_too_large",
                sent=True,
            )
        rows.append(row)
    return {"rows": rows, "count": len(rows), "truncated": False}


def _statement(given: Mapping[str, JSON]) -> str:
    text = str(given.get("sql") or "").strip().rstrip(";").strip()
    if not text:
        raise InputError("SQL is required.", field="sql")
    return text


def _limit(given: Mapping[str, JSON]) -> int:
    value = given.get("limit")
    return min(MAX_ROWS, max(1, value)) if isinstance(value, int) else DEFAULT_ROWS


def _parameters(given: Mapping[str, JSON]) -> list[Any]:
    params = given.get("params")
    return [_parameter(value) for value in params] if isinstance(params, list) else []


def _parameter(value: JSON) -> Any:
    """Scalars go untyped, so that the server reads them as the statement needs: `42` fits a text column too."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        return [_parameter(item) for item in value]
    return jsontypes.dumps(value)


def _table(given: Mapping[str, JSON]) -> compose.Identifier:
    names = str(given.get("table") or "").split(".")
    if not all(names) or len(names) > 2:
        raise InputError("Table must be a name, or schema.name.", field="table")
    return compose.Identifier(*names)


def _conditions(where: JSON) -> tuple[list[compose.Composable], list[Any]]:
    """`{column: value}` for equality, or `[{column, op, value}]`; all must hold."""
    if isinstance(where, dict):
        where = [{"column": column, "op": "equals", "value": value} for column, value in where.items()]
    parts: list[compose.Composable] = []
    values: list[Any] = []
    for condition in where if isinstance(where, list) else []:
        if not isinstance(condition, dict) or not condition.get("column"):
            raise InputError("Each condition is an object with column, op and value.", field="where")
        parts.append(_condition(condition, values))
    return parts, values


def _condition(condition: dict[str, JSON], values: list[Any]) -> compose.Composable:
    column, op = compose.Identifier(str(condition["column"])), str(condition.get("op") or "equals")
    value = condition.get("value")
    if op not in _OPERATORS:
        raise InputError(f"“{op}” is not one of {', '.join(_OPERATORS)}.", field="where")
    if value is None and op in ("equals", "not_equals"):
        return column + compose.SQL(" IS NULL" if op == "equals" else " IS NOT NULL")
    values.append(_like(value) if op == "contains" else _parameter(value))
    return column + compose.SQL(f"{'::text' if op == 'contains' else ''} {_OPERATORS[op]} ${len(values):d}")


def _like(value: JSON) -> str:
    return "%" + re.sub(r"([\\%_])", r"\\\1", str(value)) + "%"
