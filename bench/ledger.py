"""What became of the runs of a pass, read from the product's database, whichever it is."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from tests.support.database import Database

_LEFT = "SELECT count(*) FROM workflows_activerun /* bench */"
_ENDED = """
SELECT status, started_at, completed_at FROM workflows_workflowexecution
WHERE template_id = %s AND created_at >= %s /* bench */
"""
_STEPS = """
SELECT count(*) FROM workflows_stepexecution s JOIN workflows_workflowexecution e ON e.id = s.execution_id
WHERE e.template_id = %s AND e.created_at >= %s /* bench */
"""


@dataclass(frozen=True)
class Ended:
    """`last`: when the last run ended, in seconds since 1970; `run_ms`: how long each took from its claim."""

    completed: int
    found: int
    last: float
    run_ms: list[float]


class Ledger:
    """Looks through one kept connection: each new one would cost PostgreSQL as much as a run."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.connection: psycopg.Connection[Any] | None = None
        if database.is_postgres:
            self.connection = psycopg.connect(database.place, autocommit=True)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        if self.connection is None:
            return self.database.query(statement, *values)
        return self.connection.execute(statement, values).fetchall()

    def query_nothing(self, statement: str, *values: Any) -> None:
        """A statement without rows to give back, on PostgreSQL."""
        assert self.connection is not None
        self.connection.execute(statement.encode(), values or None)

    def left(self) -> int:
        """Runs that have not ended."""
        return int(self.query(_LEFT)[0][0])

    def ended(self, workflow: str, since: float) -> Ended:
        rows = self.query(_ENDED, *self._of(workflow, since))
        times = [(_seconds(began), _seconds(ended)) for _, began, ended in rows if began and ended]
        return Ended(
            sum(status == "COMPLETED" for status, *_ in rows),
            len(rows),
            max((ended for _, ended in times), default=since),
            [(ended - began) * 1000 for began, ended in times],
        )

    def steps(self, workflow: str, since: float) -> int:
        return int(self.query(_STEPS, *self._of(workflow, since))[0][0])

    def _of(self, workflow: str, since: float) -> tuple[Any, Any]:
        moment = datetime.fromtimestamp(since, UTC)
        if self.database.is_postgres:
            return workflow, moment
        return uuid.UUID(workflow).hex, moment.replace(tzinfo=None).isoformat(" ")


def _seconds(moment: datetime | str) -> float:
    """SQLite keeps moments as text without a zone, in UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return moment.timestamp()
