"""SQL statements as PostgreSQL counted them (pg_stat_statements)."""

from __future__ import annotations

from typing import Any

import psycopg

SETTINGS = {"shared_preload_libraries": "'pg_stat_statements'", "pg_stat_statements.track": "'top'"}
_OWN = "query NOT LIKE '%bench%' AND query NOT LIKE '%pg_stat%'"
_CONTROL = "query ~* '^(begin|commit|rollback|savepoint|release|set |show |deallocate)'"
_HERE = "dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"


class Statements:
    """Counts in this connection's database, without its own."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def reset(self) -> None:
        self.connection.execute("SELECT pg_stat_statements_reset()")

    def counts(self) -> tuple[int, int]:
        """Statements (without BEGIN, COMMIT and the like), and transactions that were opened with BEGIN or were one statement."""
        row = self.connection.execute(
            f"SELECT coalesce(sum(calls) FILTER (WHERE NOT {_CONTROL}), 0), "
            f"coalesce(sum(calls) FILTER (WHERE query ~* '^commit'), 0) FROM pg_stat_statements WHERE {_HERE} AND {_OWN}"
        ).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def busiest(self, limit: int = 15) -> list[tuple[int, float, str]]:
        """Calls, total ms and text of the statements that took the most time."""
        return self.connection.execute(
            f"SELECT calls, total_exec_time, left(regexp_replace(query, '\\s+', ' ', 'g'), 150) "
            f"FROM pg_stat_statements WHERE {_HERE} AND {_OWN} ORDER BY total_exec_time DESC LIMIT {limit}"
        ).fetchall()
