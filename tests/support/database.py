"""What the database of a running product says, read directly: ids as UUID texts, JSON as values, times as seconds."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

AT_REST = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT", "NEEDS_ATTENTION"})
_EXECUTION = (
    "id, status, had_errors, input, output, error, attempt, started_at, completed_at, execution_time_ms"
)
_STEP = "execution_id, path, step_status, completed_at"
_UNFINISHED = """
SELECT e.id, e.status, a.state, a.run_at, a.worker, a.cursor FROM workflows_workflowexecution e
LEFT JOIN workflows_activerun a ON a.execution_id = e.id
WHERE e.status IN ('PENDING', 'RUNNING', 'WAITING', 'NEEDS_ATTENTION')
"""
_HELD_FOR_NOTHING = """
SELECT h.execution_id, h.run_at FROM workflows_activerun h WHERE h.state = 'HELD' AND NOT EXISTS (
  SELECT 1 FROM workflows_activerun o WHERE o.state <> 'HELD' AND (o.concurrency_key = h.concurrency_key
    OR (o.tenant_id = h.tenant_id AND o.state IN ('READY', 'RUNNING'))))
"""
_LEFT_OVER = """
SELECT a.execution_id FROM workflows_activerun a LEFT JOIN workflows_workflowexecution e ON e.id = a.execution_id
WHERE e.id IS NULL OR e.status NOT IN ('PENDING', 'RUNNING', 'WAITING', 'NEEDS_ATTENTION')
"""
IDLE_IN_TRANSACTION_S = 0.4
_STANDS_STILL = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND state LIKE 'idle in transaction%%' AND state_change < clock_timestamp() - make_interval(secs => %s * 0.9)
"""


@dataclass(frozen=True, slots=True)
class StepRow:
    """One row of a run's journal."""

    path: str
    status: str
    completed_at: float


@dataclass(slots=True)
class RunRow:
    """One execution with its journal. `trigger`: what the run saw under that name."""

    id: str
    status: str
    had_errors: bool
    trigger: dict[str, Any]
    output: Any
    error: Any
    attempt: int
    started_at: float | None
    completed_at: float | None
    took_ms: int | None
    steps: list[StepRow] = field(default_factory=list)

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = self.trigger["body"]
        return body


class Database:
    """`place`: a PostgreSQL URL, or the path of an SQLite file (opened read-only)."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.is_postgres = place.startswith("postgres")

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """`statement` with `%s` marks."""
        if self.is_postgres:
            with psycopg.connect(self.place, autocommit=True) as connection:
                return connection.execute(statement, values).fetchall()
        lite = sqlite3.connect(f"file:{self.place}?mode=ro", uri=True, timeout=20)
        try:
            return lite.execute(statement.replace("%s", "?"), values).fetchall()
        finally:
            lite.close()

    def is_free(self) -> bool:
        """Whether nobody stands still in the middle of a transaction: others would wait for what it holds."""
        if self.is_postgres:
            time.sleep(IDLE_IN_TRANSACTION_S)
            return self.query(_STANDS_STILL, IDLE_IN_TRANSACTION_S) == [(0,)]
        lite = sqlite3.connect(self.place, timeout=2.0, isolation_level=None)
        try:
            lite.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        finally:
            lite.close()
        return True

    def statuses(self, workflow: str) -> dict[str, int]:
        """How many executions of a workflow (by id) have which status."""
        statement = (
            "SELECT status, count(*) FROM workflows_workflowexecution WHERE template_id = %s GROUP BY status"
        )
        return dict(self.query(statement, self._id(workflow)))

    def cursor(self, workflow: str) -> dict[str, Any]:
        """What the one live trigger of a workflow (by id) remembers."""
        statement = "SELECT cursor FROM workflows_livetrigger WHERE template_id = %s"
        ((found,),) = self.query(statement, self._id(workflow))
        return dict(_json(found) or {})

    def holders(self) -> list[int]:
        """For each run that is held by a worker, the process that holds (or held) it."""
        rows = self.query("SELECT worker FROM workflows_activerun WHERE state = 'RUNNING'")
        return [int(worker.rsplit("-", 2)[1]) for (worker,) in rows]

    def runs(self, workflow: str) -> list[RunRow]:
        """All executions of a workflow (by id) with their journals, oldest first."""
        statement = f"SELECT {_EXECUTION} FROM workflows_workflowexecution WHERE template_id = %s ORDER BY id"
        found = {_text(row[0]): _run(row) for row in self.query(statement, self._id(workflow))}
        for row in self.query(f"SELECT {_STEP} FROM workflows_stepexecution ORDER BY id"):
            run = found.get(_text(row[0]))
            if run is not None:
                run.steps.append(StepRow(row[1], row[2], _seconds(row[3]) or 0.0))
        return list(found.values())

    def stuck(self, *, grace_s: float, now: float | None = None) -> list[str]:
        """A sentence for every unfinished run that nobody will move: it has no owner with a lease and no moment to wake
        up at. `grace_s`: how late an owner's beat, a claim or a wake-up may be; `now`: where time is simulated."""
        long_ago = time.time() - grace_s  # leases go by the database's clock, which never is
        leases = self.query("SELECT id, beat_at FROM workflows_workerlease")
        alive = {worker for worker, at in leases if (_seconds(at) or 0.0) > long_ago}
        found = []
        for run, status, state, run_at, worker, cursor in self.query(_UNFINISHED):
            late = (now or time.time()) - grace_s
            why = _why_stuck(status, state, _seconds(run_at), worker in alive, _json(cursor) or {}, late)
            if why:
                found.append(f"The run {_text(run)} ({status}) {why}.")
        for run, since in self.query(_HELD_FOR_NOTHING):
            if (_seconds(since) or 0.0) <= (now or time.time()) - grace_s:
                found.append(f"The run {_text(run)} is held, although no earlier run is under way.")
        for (run,) in self.query(_LEFT_OVER):
            found.append(
                f"The queue row of the run {_text(run)} is left although the run has ended or is gone."
            )
        return found

    def _id(self, text: str) -> Any:
        return uuid.UUID(text) if self.is_postgres else uuid.UUID(text).hex


def _why_stuck(
    status: str,
    state: str | None,
    run_at: float | None,
    is_held: bool,
    cursor: dict[str, Any],
    long_ago: float,
) -> str:
    kinds = {note.get("kind") for note in cursor.get("waits", {}).values()}
    if state is None:
        return "has no row in the queue"
    if state == "HELD":
        return ""  # until an earlier run has ended; the sweep looks
    if state == "RUNNING":
        return "" if is_held else "is held by a worker without a lease"
    if run_at is not None:
        return "" if run_at > long_ago else f"is {state} and overdue"
    if state == "WAITING":
        return "" if kinds - {"delay", "retry"} else "waits for nothing"
    return "" if status == "NEEDS_ATTENTION" else "asks a person, but does not say so"


def _run(row: tuple[Any, ...]) -> RunRow:
    id_, status, had_errors, given, output, error, attempt, started, completed, took_ms = row
    return RunRow(
        _text(id_), status, bool(had_errors), _json(given), _json(output), _json(error), attempt, _seconds(started),
        _seconds(completed), took_ms,
    )  # fmt: skip


def _text(value: Any) -> str:
    return str(value if isinstance(value, uuid.UUID) else uuid.UUID(value))


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _seconds(value: Any) -> float | None:
    """SQLite keeps moments as UTC text."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
