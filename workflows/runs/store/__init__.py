"""The SQL of the hot path: some ten statements, each for a whole batch, in two dialects.

Everything else uses the ORM. A store works on the calling thread's database connection; the caller opens
the transaction.
"""

from __future__ import annotations

from django.db import connection

from workflows.runs.store.base import PRIORITY, TEST_PRIORITY, StartRow, Store
from workflows.runs.store.postgres import PostgresStore
from workflows.runs.store.sqlite import SqliteStore

__all__ = ["PRIORITY", "TEST_PRIORITY", "StartRow", "Store", "current_store"]


def current_store() -> Store:
    """The store for the database in use."""
    return PostgresStore(connection) if connection.vendor == "postgresql" else SqliteStore(connection)
