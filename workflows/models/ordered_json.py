"""JSON whose objects keep the order of their keys."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class OrderedJSONField(models.JSONField):
    """JSON as it was written: what people look at, and what becomes the columns of a table.

    PostgreSQL's `jsonb` sorts the keys of objects by length; `json` keeps the text. It knows keys (`column__key`), but
    neither comparison, containment nor DISTINCT. SQLite keeps the text anyway.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        adapted = super().get_db_prep_value(value, connection, prepared)
        if connection.vendor == "postgresql" and adapted is not None:
            from psycopg.types.json import Json

            return Json(adapted.obj, dumps=adapted.dumps)
        return adapted

    def select_format(self, compiler: Any, sql: str, params: Any) -> Any:
        """As text: psycopg reads `jsonb` as text for Django, but makes values of `json` by itself."""
        if compiler.connection.vendor == "postgresql":
            return f"({sql})::text", params
        return super().select_format(compiler, sql, params)
