"""The same statements for SQLite: one writer, so no locks to skip; rows go one by one inside one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from workflows.runs.shapes import Claimed, Entry, Lease
from workflows.runs.store.base import (
    ACTIVE_COLUMNS,
    EXECUTION_COLUMNS,
    STEP_COLUMNS,
    StartRow,
    Store,
    as_text,
    merged,
    step_row,
)
from workflows.runs.store.postgres import advance_values, child_row, claimed, finish_values
from workflows.runs.store.shares import SQLITE_CHOICE, Shares

_E, _A, _S = "workflows_workflowexecution", "workflows_activerun", "workflows_stepexecution"


def _insert(table: str, columns: Sequence[str], tail: str = "") -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))}) {tail}"


INSERT_EXECUTION = _insert(_E, EXECUTION_COLUMNS, "ON CONFLICT (id) DO NOTHING")
INSERT_ACTIVE = _insert(_A, ACTIVE_COLUMNS)
INSERT_STEP = _insert(_S, STEP_COLUMNS, "ON CONFLICT (execution_id, path) DO NOTHING")
INSERT_RECEIPT = _insert(
    "workflows_triggerreceipt",
    ("tenant_id", "live_trigger_id", "dedup_key", "body_hash", "execution_id", "created_at"),
    "ON CONFLICT (live_trigger_id, dedup_key) DO NOTHING",
)
ADVANCE = f"""
UPDATE {_A} SET inflight = COALESCE(%s, inflight), cursor = COALESCE(%s, cursor), progress = %s, seq = seq + 1,
  barren = CASE WHEN %s THEN 0 ELSE barren END,
  run_at = CASE WHEN %s = 'RUNNING' THEN run_at WHEN cancel_requested OR signals > %s THEN %s ELSE %s END,
  state = CASE WHEN %s = 'RUNNING' THEN 'RUNNING' WHEN cancel_requested OR signals > %s THEN 'READY' ELSE %s END
WHERE execution_id = %s AND attempt = %s AND state = 'RUNNING' RETURNING cancel_requested, signals
"""
RELEASE = f"DELETE FROM {_A} WHERE execution_id = %s AND attempt = %s AND state = 'RUNNING' RETURNING seq"
FINISH = f"""
UPDATE {_E} SET status = %s, is_failed = %s, had_errors = %s, output = %s, error = %s, completed_at = %s,
  execution_time_ms = %s, seq = %s WHERE id = %s
"""
SIGNAL_PARENT = f"""
UPDATE {_A} SET signals = signals + 1, run_at = CASE WHEN state IN ('WAITING', 'ATTENTION') THEN %s ELSE run_at END,
  state = CASE WHEN state IN ('WAITING', 'ATTENTION') THEN 'READY' ELSE state END WHERE execution_id = %s
"""
_TAKE = f"UPDATE {_A} SET state = 'RUNNING', worker = %(worker)s, attempt = attempt + 1, barren = barren + 1, seq = seq + 1"
_TAKEN = """
RETURNING execution_id, tenant_id, workflow_id, attempt, signals, inflight, cursor, barren, cancel_requested,
  concurrency_key
"""
CLAIM = f"""
{_TAKE}
WHERE execution_id IN (SELECT execution_id FROM {_A} WHERE queue = 'engine' AND state = 'READY' AND run_at <= %(now)s
                       ORDER BY priority, run_at LIMIT %(limit)s)
{_TAKEN}"""
CLAIM_FAIRLY = f"{SQLITE_CHOICE}{_TAKE} WHERE execution_id IN (SELECT execution_id FROM o ORDER BY priority, share, run_at LIMIT %(limit)s){_TAKEN}"
NUMBER = """
INSERT INTO workflows_workflowcounter (template_id, tenant_id, last_number, running)
SELECT id, %s, 1, 0 FROM workflows_workflowtemplate WHERE id = %s
ON CONFLICT (template_id) DO UPDATE SET last_number = last_number + 1 RETURNING last_number
"""
BEGIN_RUN = f"""
UPDATE {_E} SET status = 'RUNNING', number = COALESCE(number, %s), attempt = %s, started_at = COALESCE(started_at, %s)
WHERE id = %s
RETURNING id, version_id, deployment_id, input, number, is_test, COALESCE(root, id), parent_id, depth, options, started_at
"""
SHOW = f"""
UPDATE {_A} SET progress = %s, seq = seq + 1 WHERE execution_id = %s AND attempt = %s AND state = 'RUNNING'
RETURNING cancel_requested
"""


def _uuid(text: str | None) -> uuid.UUID | None:
    return None if text is None else uuid.UUID(text)


def _moment(value: str | datetime) -> datetime:
    """SQLite hands back text, or what Django's converter made of it where it knows the column."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC)


class SqliteStore(Store):
    def start(self, row: StartRow, receipt: tuple[uuid.UUID, str, str] | None) -> uuid.UUID | None:
        with self.connection.cursor() as cursor:
            if receipt is not None:
                live_trigger, key, body_hash = receipt
                once = (row.tenant_id, live_trigger, key, body_hash, row.id, row.created_at)
                cursor.execute(INSERT_RECEIPT, self._plain(once))
                if cursor.rowcount == 0:
                    return None
            cursor.execute(INSERT_EXECUTION, self._plain(row.execution()))
            if cursor.rowcount == 0:
                return row.id  # a child's start, repeated after a commit of unknown outcome
            cursor.execute(INSERT_ACTIVE, self._plain(row.active()))
            return row.id

    def start_children(self, rows: Sequence[StartRow]) -> None:
        for row in rows:
            self.start(row, None)

    def write(self, entries: list[Entry], now: datetime) -> None:
        batch = merged(entries)
        with self.connection.cursor() as cursor:
            for entry in batch:
                kept = self._finish(cursor, entry, now) if entry.ending else self._advance(cursor, entry, now)
                entry.lease.lost = entry.lease.lost or not kept
            alive = [entry for entry in batch if not entry.lease.lost]
            self.use_memory(alive, now)
            rows = [self._plain(step_row(entry.lease, record)) for entry in alive for record in entry.records]
            if rows:
                cursor.executemany(INSERT_STEP, rows)
        self.wipe(alive, now)
        self.note_filtered(alive, now)
        self.open_waits(alive)
        self.start_children([child_row(entry, child, now) for entry in alive for child in entry.children])

    def _finish(self, cursor: Any, entry: Entry, now: datetime) -> bool:
        run, attempt, *values = finish_values(entry)
        cursor.execute(RELEASE, self._plain((run, attempt)))
        found = cursor.fetchone()
        if found is None:
            return False
        status, failed, had_errors, output, error, at, ms = values
        cursor.execute(
            FINISH, self._plain((status, failed, had_errors, output, error, at, ms, found[0] + 1, run))
        )
        if entry.ending and entry.ending.parent_id:
            cursor.execute(SIGNAL_PARENT, self._plain((now, entry.ending.parent_id)))
        return True

    def _advance(self, cursor: Any, entry: Entry, now: datetime) -> bool:
        run, attempt, signals, state, inflight, place, progress, run_at, fruitful = advance_values(entry)
        values = (
            inflight, place, progress, fruitful, state, signals, now, run_at, state, signals, state, run, attempt,
        )  # fmt: skip
        cursor.execute(ADVANCE, self._plain(values))
        found = cursor.fetchone()
        if found is None:
            return False
        self.heard(entry.lease, bool(found[0]), found[1])
        if entry.suspend:
            status = "NEEDS_ATTENTION" if entry.suspend == "ATTENTION" else "WAITING"
            cursor.execute(f"UPDATE {_E} SET status = %s WHERE id = %s", self._plain((status, run)))
        return True

    def claim(self, worker: str, limit: int, now: datetime, shares: Shares | None = None) -> list[Claimed]:
        found = []
        given: dict[str, Any] = {"worker": worker, "limit": limit, "now": now}
        if shares is not None:
            given |= {"held": shares.held_json(plain=True), "cap": shares.cap}
            given |= {"after_tenant": shares.after[0], "after_workflow": shares.after[1]}
        given = {name: self._plain_value(value) for name, value in given.items()}
        with self.connection.cursor() as cursor:
            cursor.execute(CLAIM if shares is None else CLAIM_FAIRLY, given)
            for active in cursor.fetchall():
                number = self._number(cursor, active) if active[3] == 1 else None
                if active[3] == 1 and number is None:
                    self.forget([uuid.UUID(active[0])])
                    continue
                cursor.execute(BEGIN_RUN, self._plain((number, active[3], now, active[0])))
                row = cursor.fetchone()
                if row is None:
                    self.drop_left_over([uuid.UUID(active[0])])
                    continue
                found.append(self._claimed(active, row))
        return found

    def _number(self, cursor: Any, active: Any) -> int | None:
        """None when the workflow is gone."""
        cursor.execute(NUMBER, (active[1], active[2]))
        found = cursor.fetchone()
        return found[0] if found else None

    def _claimed(self, active: Any, execution: Any) -> Claimed:
        head = [_uuid(value) for value in active[:3]]
        run, version, deployment, given, number, is_test, root, parent, depth, options, started = execution
        return claimed(
            (*head, *active[3:]),
            (
                _uuid(run), _uuid(version), _uuid(deployment), given, number, is_test, _uuid(root), _uuid(parent), depth,
                options, _moment(started),
            ),
        )  # fmt: skip

    def show_progress(self, leases: list[Lease]) -> None:
        with self.connection.cursor() as cursor:
            for lease in leases:
                values = (as_text(dict(lease.running)), lease.execution_id, lease.attempt)
                cursor.execute(SHOW, self._plain(values))
                found = cursor.fetchone()
                lease.cancelled = lease.cancelled or bool(found and found[0])

    def _plain(self, values: Iterable[Any]) -> list[Any]:
        """Values as SQLite keeps them: ids as 32 hex digits, moments as UTC text."""
        return [self._plain_value(value) for value in values]

    def _plain_value(self, value: Any) -> Any:
        if isinstance(value, uuid.UUID):
            return value.hex
        if isinstance(value, datetime):
            return self.connection.ops.adapt_datetimefield_value(value)
        return value
