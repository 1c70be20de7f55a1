"""The statements for PostgreSQL: a set of rows in, a set out, one round trip per statement and batch.

Rows go in as one JSON text (`_record_set`): psycopg's arrays are put together in Python, value by value, which took a
third of a worker's time.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from workflows.runs.shapes import Claimed, Entry, Lease
from workflows.runs.store.base import (
    ACTIVE_COLUMNS,
    EXECUTION_COLUMNS,
    PRIORITY,
    STEP_COLUMNS,
    TEST_PRIORITY,
    StartRow,
    Store,
    as_text,
    maybe_text,
    merged,
    step_row,
)
from workflows.runs.store.prepared import prepared_cursor
from workflows.runs.store.shares import POSTGRES_CHOICE, Shares

_E, _A, _S = "workflows_workflowexecution", "workflows_activerun", "workflows_stepexecution"


def _marks(columns: Sequence[str], json_columns: Mapping[str, str]) -> str:
    return ", ".join(f"%s::{json_columns[column]}" if column in json_columns else "%s" for column in columns)


_EXECUTION_MARKS = _marks(EXECUTION_COLUMNS, {"input": "json", "options": "jsonb"})
_ACTIVE_MARKS = _marks(ACTIVE_COLUMNS, dict.fromkeys(("inflight", "cursor", "progress"), "jsonb"))

# A run and its queue row, atomically. With a receipt, nothing is inserted when the key exists already.
START = f"""
WITH e AS (INSERT INTO {_E} ({", ".join(EXECUTION_COLUMNS)}) VALUES ({_EXECUTION_MARKS}) RETURNING id)
INSERT INTO {_A} ({", ".join(ACTIVE_COLUMNS)}) VALUES ({_ACTIVE_MARKS})
"""
# A child's start may be repeated when nobody knows whether a commit went through: the second one changes nothing.
START_CHILD = f"""
WITH e AS (INSERT INTO {_E} ({", ".join(EXECUTION_COLUMNS)}) VALUES ({_EXECUTION_MARKS})
           ON CONFLICT (id) DO NOTHING RETURNING id)
INSERT INTO {_A} ({", ".join(ACTIVE_COLUMNS)}) SELECT {_ACTIVE_MARKS} FROM e
"""
START_ONCE = f"""
WITH r AS (
  INSERT INTO workflows_triggerreceipt (tenant_id, live_trigger_id, dedup_key, body_hash, execution_id, created_at)
  VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (live_trigger_id, dedup_key) DO NOTHING RETURNING execution_id),
e AS (INSERT INTO {_E} ({", ".join(EXECUTION_COLUMNS)}) SELECT {_EXECUTION_MARKS} FROM r RETURNING id),
a AS (INSERT INTO {_A} ({", ".join(ACTIVE_COLUMNS)}) SELECT {_ACTIVE_MARKS} FROM r)
SELECT id FROM e
"""

_STEP_TYPES = dict.fromkeys(STEP_COLUMNS, "text") | {
    "id": "uuid", "tenant_id": "uuid", "execution_id": "uuid", "input": "json", "output": "json", "error": "jsonb",
    "attempts": "jsonb", "request_log": "jsonb", "retry_count": "int", "retry_attempt": "int", "is_encrypted": "bool",
    "started_at": "timestamptz", "completed_at": "timestamptz", "duration_ms": "bigint",
}  # fmt: skip
_ADVANCE_TYPES = {
    "id": "uuid", "attempt": "int", "signals": "int", "state": "text", "inflight": "jsonb", "cursor": "jsonb",
    "progress": "jsonb", "run_at": "timestamptz", "fruitful": "bool",
}  # fmt: skip
_FINISH_TYPES = {
    "id": "uuid", "attempt": "int", "status": "text", "failed": "bool", "had_errors": "bool", "output": "json",
    "error": "jsonb", "at": "timestamptz", "ms": "bigint",
}  # fmt: skip
_BEGIN_TYPES = {"id": "uuid", "number": "bigint", "attempt": "int"}


def _from_rows(types: Mapping[str, str]) -> str:
    """The rows of `_record_set` as a table `u`."""
    return f"json_to_recordset(%s::json) AS u({', '.join(f'{name} {kind}' for name, kind in types.items())})"


def _record_set(types: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows for `_from_rows`; the values of JSON columns are JSON texts."""
    shown = [
        {
            name: orjson.Fragment(value) if kind in ("json", "jsonb") and value is not None else value
            for (name, kind), value in zip(types.items(), row, strict=True)
        }
        for row in rows
    ]
    return orjson.dumps(shown).decode()


INSERT_STEPS = f"""
INSERT INTO {_S} ({", ".join(STEP_COLUMNS)}) SELECT {", ".join(STEP_COLUMNS)} FROM {_from_rows(_STEP_TYPES)}
ON CONFLICT (execution_id, path) DO NOTHING
"""

# The fence: only rows that are RUNNING under our attempt change. A suspended run whose signals moved, or that is to
# be cancelled, goes straight back to READY.
ADVANCE = f"""
UPDATE {_A} a SET
  inflight = COALESCE(u.inflight, a.inflight), cursor = COALESCE(u.cursor, a.cursor),
  progress = u.progress, seq = a.seq + 1, barren = CASE WHEN u.fruitful THEN 0 ELSE a.barren END,
  state = CASE WHEN u.state = 'RUNNING' THEN 'RUNNING'
               WHEN a.cancel_requested OR a.signals > u.signals THEN 'READY' ELSE u.state END,
  run_at = CASE WHEN u.state = 'RUNNING' THEN a.run_at
                WHEN a.cancel_requested OR a.signals > u.signals THEN %s ELSE u.run_at END
FROM {_from_rows(_ADVANCE_TYPES)}
WHERE a.execution_id = u.id AND a.attempt = u.attempt AND a.state = 'RUNNING'
RETURNING a.execution_id, a.cancel_requested, a.signals
"""
SET_STATUS = f"""
UPDATE {_E} e SET status = u.status FROM unnest(%s::uuid[], %s::text[]) AS u(id, status) WHERE e.id = u.id
"""
FINISH = f"""
WITH u AS MATERIALIZED (SELECT * FROM {_from_rows(_FINISH_TYPES)}),
d AS (DELETE FROM {_A} a USING u
  WHERE a.execution_id = u.id AND a.attempt = u.attempt AND a.state = 'RUNNING' RETURNING a.execution_id, a.seq)
UPDATE {_E} e SET status = u.status, is_failed = u.failed, had_errors = u.had_errors, output = u.output,
  error = u.error, completed_at = u.at, execution_time_ms = u.ms, seq = d.seq + 1
FROM u JOIN d ON d.execution_id = u.id WHERE e.id = u.id
RETURNING e.id
"""
SIGNAL_PARENTS = f"""
UPDATE {_A} SET signals = signals + 1, run_at = CASE WHEN state IN ('WAITING', 'ATTENTION') THEN %s ELSE run_at END,
  state = CASE WHEN state IN ('WAITING', 'ATTENTION') THEN 'READY' ELSE state END
WHERE execution_id = ANY(%s)
"""

_TAKE = f"""
UPDATE {_A} a SET state = 'RUNNING', worker = %(worker)s, attempt = a.attempt + 1, barren = a.barren + 1,
  seq = a.seq + 1
FROM l WHERE a.execution_id = l.execution_id
RETURNING a.execution_id, a.tenant_id, a.workflow_id, a.attempt, a.signals, a.inflight::text, a.cursor::text, a.barren,
          a.cancel_requested, a.concurrency_key
"""
CLAIM = f"""
WITH l AS (SELECT execution_id FROM {_A} WHERE queue = 'engine' AND state = 'READY' AND run_at <= %(now)s
           ORDER BY priority, run_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
{_TAKE}"""
CLAIM_FAIRLY = f"{POSTGRES_CHOICE}{_TAKE}"
NUMBERS = """
INSERT INTO workflows_workflowcounter AS w (template_id, tenant_id, last_number, running)
SELECT id, tenant, n, 0 FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[]) AS u(id, tenant, n)
WHERE EXISTS (SELECT 1 FROM workflows_workflowtemplate t WHERE t.id = u.id)
ON CONFLICT (template_id) DO UPDATE SET last_number = w.last_number + excluded.last_number
RETURNING template_id, last_number
"""
BEGIN_RUNS = f"""
UPDATE {_E} e SET status = 'RUNNING', number = COALESCE(e.number, u.number), attempt = u.attempt,
  started_at = COALESCE(e.started_at, %s)
FROM {_from_rows(_BEGIN_TYPES)} WHERE e.id = u.id
RETURNING e.id, e.version_id, e.deployment_id, e.input::text, e.number, e.is_test, COALESCE(e.root, e.id), e.parent_id,
          e.depth, e.options::text, e.started_at
"""
SHOW = f"""
UPDATE {_A} a SET progress = u.progress::jsonb, seq = a.seq + 1
FROM unnest(%s::uuid[], %s::int[], %s::text[]) AS u(id, attempt, progress)
WHERE a.execution_id = u.id AND a.attempt = u.attempt AND a.state = 'RUNNING'
RETURNING a.execution_id, a.cancel_requested
"""


class PostgresStore(Store):
    def start(self, row: StartRow, receipt: tuple[uuid.UUID, str, str] | None) -> uuid.UUID | None:
        with prepared_cursor(self.connection) as cursor:
            if receipt is None:
                cursor.execute(START, (*row.execution(), *row.active()))
                return row.id
            live_trigger, key, body_hash = receipt
            once = (row.tenant_id, live_trigger, key, body_hash, row.id, row.created_at)
            cursor.execute(START_ONCE, (*once, *row.execution(), *row.active()))
            found = cursor.fetchone()
            return row.id if found else None

    def start_children(self, rows: Sequence[StartRow]) -> None:
        if not rows:
            return
        with prepared_cursor(self.connection) as cursor:
            for row in rows:
                cursor.execute(START_CHILD, (*row.execution(), *row.active()))

    def write(self, entries: list[Entry], now: datetime) -> None:
        batch = merged(entries)
        with prepared_cursor(self.connection, by_key=True) as cursor:
            kept = self._finish(cursor, [entry for entry in batch if entry.ending], now)
            kept |= self._advance(cursor, [entry for entry in batch if not entry.ending], now)
            for entry in batch:
                entry.lease.lost = entry.lease.lost or entry.lease.execution_id not in kept
            alive = [entry for entry in batch if not entry.lease.lost]
            self.use_memory(alive, now)
            self._insert_steps(cursor, alive)
        self.wipe(alive, now)
        self.note_filtered(alive, now)
        self.open_waits(alive)
        self.start_children([child_row(entry, child, now) for entry in alive for child in entry.children])

    def _finish(self, cursor: Any, entries: list[Entry], now: datetime) -> set[uuid.UUID]:
        if not entries:
            return set()
        cursor.execute(FINISH, [_record_set(_FINISH_TYPES, map(finish_values, entries))])
        kept = {row[0] for row in cursor.fetchall()}
        parents = [
            entry.ending.parent_id
            for entry in entries
            if entry.ending and entry.ending.parent_id and entry.lease.execution_id in kept
        ]
        if parents:
            cursor.execute(SIGNAL_PARENTS, (now, parents))
        return kept

    def _advance(self, cursor: Any, entries: list[Entry], now: datetime) -> set[uuid.UUID]:
        if not entries:
            return set()
        cursor.execute(ADVANCE, [now, _record_set(_ADVANCE_TYPES, map(advance_values, entries))])
        found = {run: (stopped, signals) for run, stopped, signals in cursor.fetchall()}
        cancelled = {run: stopped for run, (stopped, _) in found.items()}
        for entry in entries:
            if entry.lease.execution_id in found:
                self.heard(entry.lease, *found[entry.lease.execution_id])
        waiting = [entry for entry in entries if entry.suspend and entry.lease.execution_id in cancelled]
        if waiting:
            statuses = ["NEEDS_ATTENTION" if entry.suspend == "ATTENTION" else "WAITING" for entry in waiting]
            cursor.execute(SET_STATUS, ([entry.lease.execution_id for entry in waiting], statuses))
        return set(cancelled)

    def _insert_steps(self, cursor: Any, entries: list[Entry]) -> None:
        rows = [step_row(entry.lease, record) for entry in entries for record in entry.records]
        if rows:
            cursor.execute(INSERT_STEPS, [_record_set(_STEP_TYPES, rows)])

    def claim(self, worker: str, limit: int, now: datetime, shares: Shares | None = None) -> list[Claimed]:
        given: dict[str, Any] = {"worker": worker, "limit": limit, "now": now}
        if shares is not None:
            given |= {"held": shares.held_json(), "cap": shares.cap}
            given |= {"after_tenant": shares.after[0], "after_workflow": shares.after[1]}
        with prepared_cursor(self.connection, by_key=True) as cursor:
            cursor.execute(CLAIM if shares is None else CLAIM_FAIRLY, given)
            taken = {row[0]: row for row in cursor.fetchall()}
            if not taken:
                return []
            numbers = self._numbers(cursor, list(taken.values()))
            gone = {run for run, row in taken.items() if row[3] == 1 and run not in numbers}
            self.forget(gone)
            ids = [run for run in taken if run not in gone]
            begun = [(run, numbers.get(run), taken[run][3]) for run in ids]
            cursor.execute(BEGIN_RUNS, (now, _record_set(_BEGIN_TYPES, begun)))
            rows = cursor.fetchall()
            if len(rows) < len(ids):
                self.drop_left_over(set(ids) - {row[0] for row in rows})
            return [claimed(taken[row[0]], row) for row in rows]

    def _numbers(self, cursor: Any, taken: list[Any]) -> dict[uuid.UUID, int]:
        """A number for each run that is claimed for the first time, if its workflow is there: one statement per batch."""
        fresh: dict[tuple[uuid.UUID, uuid.UUID], list[uuid.UUID]] = {}
        for execution_id, tenant_id, workflow_id, attempt, *_ in taken:
            if attempt == 1:
                fresh.setdefault((workflow_id, tenant_id), []).append(execution_id)
        if not fresh:
            return {}
        keys = sorted(fresh)
        cursor.execute(NUMBERS, ([k[0] for k in keys], [k[1] for k in keys], [len(fresh[k]) for k in keys]))
        last = dict(cursor.fetchall())
        return {
            execution_id: last[workflow_id] - len(runs) + 1 + place
            for (workflow_id, _), runs in fresh.items()
            if workflow_id in last
            for place, execution_id in enumerate(sorted(runs))
        }

    def show_progress(self, leases: list[Lease]) -> None:
        if leases:
            values = [(lease.execution_id, lease.attempt, as_text(dict(lease.running))) for lease in leases]
            with prepared_cursor(self.connection, by_key=True) as cursor:
                cursor.execute(SHOW, [list(column) for column in zip(*values, strict=True)])
                stopped = {run for run, cancelled in cursor.fetchall() if cancelled}
            for lease in leases:
                lease.cancelled = lease.cancelled or lease.execution_id in stopped


def finish_values(entry: Entry) -> tuple[Any, ...]:
    """id, attempt, status, failed, had errors, output, error, at, milliseconds."""
    ending = entry.ending
    assert ending is not None
    ms = 0
    if ending.started_at and ending.completed_at:
        ms = int((ending.completed_at - ending.started_at).total_seconds() * 1000)
    failed = ending.status in ("FAILED", "TIMED_OUT")
    return (
        entry.lease.execution_id, entry.lease.attempt, ending.status, failed, ending.had_errors,
        ending.stored or maybe_text(ending.output), maybe_text(ending.error), ending.completed_at, max(ms, 0),
    )  # fmt: skip


def advance_values(entry: Entry) -> tuple[Any, ...]:
    """id, attempt, signals, state, inflight, cursor, progress, run_at, fruitful."""
    lease = entry.lease
    lease.shown = {path: dict(state) for path, state in dict(lease.running).items()}
    return (
        lease.execution_id, lease.attempt, lease.signals, entry.suspend or "RUNNING",
        None if entry.inflight is None else as_text(list(entry.inflight)),
        None if entry.cursor is None else as_text(entry.cursor), as_text(dict(lease.running)), entry.wake_at,
        bool(entry.records or entry.suspend),
    )  # fmt: skip


def child_row(entry: Entry, child: Any, now: datetime) -> StartRow:
    """A sub-workflow's run, to be queued with its parent's entry."""
    return StartRow(
        id=child.id,
        tenant_id=entry.lease.tenant_id,
        template_id=child.template_id,
        version_id=child.version_id,
        deployment_id=child.deployment_id,
        input=child.input,
        created_at=now,
        trigger_type=child.trigger_type,
        is_test=child.is_test,
        parent_id=entry.lease.execution_id,
        parent_path=child.parent_path,
        depth=child.depth,
        options=child.options,
        priority=TEST_PRIORITY if child.is_test else PRIORITY,
        concurrency_key=child.concurrency_key,
        is_held=bool(child.concurrency_key),
    )


def claimed(active: Any, execution: Any) -> Claimed:
    """A claim from the two RETURNING rows."""
    execution_id, tenant_id, workflow_id, attempt, signals, inflight, cursor, barren, cancelled, key = active
    _, version_id, deployment_id, given, number, is_test, root, parent_id, depth, options, started_at = (
        execution
    )
    lease = Lease(execution_id, tenant_id, workflow_id, attempt, signals, cancelled=bool(cancelled), key=key)
    return Claimed(
        lease, version_id, deployment_id, _loaded(given), number, bool(is_test), root, parent_id, depth,
        _loaded(options) or {}, _loaded(inflight) or [], _loaded(cursor) or {}, barren, started_at,
    )  # fmt: skip


def _loaded(text: str | None) -> Any:
    """What we have written ourselves was checked then: no need for the careful reader."""
    return None if text is None else json.loads(text)
