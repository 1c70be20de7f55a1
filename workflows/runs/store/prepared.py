"""Cursors whose statements PostgreSQL has planned once: planning them anew took half of its time for a run.

Django's cursors put the values into the text of the statement, so that nothing could be kept. These are psycopg's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from django.conf import settings

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

_keyed: WeakSet[Any] = WeakSet()  # connections on which plans that read whole tables are off


@contextmanager
def prepared_cursor(connection: BaseDatabaseWrapper, *, by_key: bool = False) -> Iterator[Any]:
    """Raises Django's database errors. `by_key`: the statements look rows up by their keys, so a plan made while a table
    was almost empty must not read it whole for ever; the setting stays with the connection.

    Where somebody looks at queries, and with AUTOMATE_PREPARED_STATEMENTS off (for poolers that cannot keep them), an
    ordinary cursor.
    """
    is_watched = connection.force_debug_cursor or connection.execute_wrappers
    if is_watched or not settings.AUTOMATE_PREPARED_STATEMENTS:
        with connection.cursor() as plain:
            yield plain
        return
    import psycopg

    connection.ensure_connection()
    driver: Any = connection.connection
    with connection.wrap_database_errors, psycopg.Cursor(driver) as cursor:
        if driver.prepare_threshold != 0:
            driver.prepare_threshold = 0
        if by_key and driver not in _keyed:
            cursor.execute("SET enable_seqscan = off")
            _keyed.add(driver)
        yield cursor
