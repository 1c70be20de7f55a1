"""The same statements for SQLite: one writer, so no locks to skip.

They go to the driver directly (`_Cursor`): Django's cursors would cost as much again as the statements. What can be done
for a whole batch is: between two statements every other thread of the worker gets its turn, and the lock is held.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import transaction

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
from workflows.runs.store.turnstile import in_turn

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
# of a JSON list of "<run>:<attempt>"
RELEASE = f"""
DELETE FROM {_A} WHERE state = 'RUNNING' AND execution_id IN (SELECT substr(value, 1, 32) FROM json_each(%s))
  AND execution_id || ':' || attempt IN (SELECT value FROM json_each(%s)) RETURNING execution_id, attempt, seq
"""
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
NUMBERS = """
INSERT INTO workflows_workflowcounter (template_id, tenant_id, last_number, running)
SELECT id, %s, %s, 0 FROM workflows_workflowtemplate WHERE id = %s
ON CONFLICT (template_id) DO UPDATE SET last_number = last_number + excluded.last_number RETURNING last_number
"""
# of a JSON list of [run, number, attempt]
BEGIN_RUNS = f"""
UPDATE {_E} SET status = 'RUNNING', number = COALESCE(number, u.nth), attempt = u.try,
  started_at = COALESCE(started_at, %s)
FROM (SELECT value ->> 0 AS run, value ->> 1 AS nth, value ->> 2 AS try FROM json_each(%s)) u WHERE {_E}.id = u.run
RETURNING id, version_id, deployment_id, input, number, is_test, COALESCE(root, id), parent_id, depth, options, started_at
"""
SHOW = f"""
UPDATE {_A} SET progress = %s, seq = seq + 1 WHERE execution_id = %s AND attempt = %s AND state = 'RUNNING'
RETURNING cancel_requested
"""


@cache
def _for_driver(statement: str) -> str:
    """With the driver's marks in place of Django's."""
    return re.sub(r"%\((\w+)\)s", r":\1", statement).replace("%s", "?")


class _Cursor:
    """A cursor of the driver for statements as Django writes them."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def execute(self, statement: str, values: Any = ()) -> None:
        self.cursor.execute(_for_driver(statement), values)

    def executemany(self, statement: str, rows: Any) -> None:
        self.cursor.executemany(_for_driver(statement), rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)


def _uuid(text: str | None) -> uuid.UUID | None:
    return None if text is None else uuid.UUID(text)


def _moment(value: str | datetime) -> datetime:
    """SQLite hands back text, or what Django's converter made of it where it knows the column."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC)


class SqliteStore(Store):
    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[None]:
        """Without waiting for the disk if it need not be durable: what follows it in the log takes it along."""
        if self.connection.in_atomic_block:
            with transaction.atomic():
                yield
            return
        with self._turn(), self._waiting_for_disk(durable), transaction.atomic():
            yield

    def _turn(self) -> AbstractContextManager[None]:
        name = str(self.connection.settings_dict["NAME"])
        return nullcontext() if name.startswith(("file:", ":memory:")) else in_turn(name)

    @contextmanager
    def _waiting_for_disk(self, waits: bool) -> Iterator[None]:
        if waits:
            yield
            return
        with self.connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=NORMAL")
            try:
                yield
            finally:
                cursor.execute("PRAGMA synchronous=FULL")

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """Raises Django's database errors. Where somebody looks at queries, an ordinary cursor."""
        connection = self.connection
        if connection.force_debug_cursor or connection.execute_wrappers:
            with connection.cursor() as watched:
                yield watched
            return
        connection.ensure_connection()
        driver: Any = connection.connection
        with connection.wrap_database_errors, closing(driver.cursor()) as cursor:
            yield _Cursor(cursor)

    def start(self, row: StartRow, receipt: tuple[uuid.UUID, str, str] | None) -> uuid.UUID | None:
        with self._cursor() as cursor:
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
        with self._cursor() as cursor:
            kept = self._finish(cursor, [entry for entry in batch if entry.ending], now)
            for entry in batch:
                is_kept = id(entry) in kept if entry.ending else self._advance(cursor, entry, now)
                entry.lease.lost = entry.lease.lost or not is_kept
            alive = [entry for entry in batch if not entry.lease.lost]
            self.use_memory(alive, now)
            rows = [self._plain(step_row(entry.lease, record)) for entry in alive for record in entry.records]
            if rows:
                cursor.executemany(INSERT_STEP, rows)
        self.wipe(alive, now)
        self.note_filtered(alive, now)
        self.open_waits(alive)
        self.start_children([child_row(entry, child, now) for entry in alive for child in entry.children])

    def _finish(self, cursor: Any, entries: list[Entry], now: datetime) -> set[int]:
        """Those whose runs were still ours, as Python's ids."""
        if not entries:
            return set()
        names = {f"{entry.lease.execution_id.hex}:{entry.lease.attempt}": entry for entry in entries}
        cursor.execute(RELEASE, [as_text(list(names))] * 2)
        rows, parents, kept = [], [], set()
        for run, attempt, seq in cursor.fetchall():
            entry = names[f"{run}:{attempt}"]
            _, _, *values = finish_values(entry)
            rows.append(self._plain((*values, seq + 1, run)))
            kept.add(id(entry))
            if entry.ending and entry.ending.parent_id:
                parents.append(self._plain((now, entry.ending.parent_id)))
        cursor.executemany(FINISH, rows)
        if parents:
            cursor.executemany(SIGNAL_PARENT, parents)
        return kept

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
        given: dict[str, Any] = {"worker": worker, "limit": limit, "now": now}
        if shares is not None:
            given |= {"held": shares.held_json(plain=True), "cap": shares.cap}
            given |= {"after_tenant": shares.after[0], "after_workflow": shares.after[1]}
        given = {name: self._plain_value(value) for name, value in given.items()}
        with self._cursor() as cursor:
            cursor.execute(CLAIM if shares is None else CLAIM_FAIRLY, given)
            taken = {row[0]: row for row in cursor.fetchall()}
            if not taken:
                return []
            numbers = self._numbers(cursor, list(taken.values()))
            gone = {run for run, row in taken.items() if row[3] == 1 and run not in numbers}
            self.forget(list(map(uuid.UUID, gone)))
            begun: list[Any] = [
                [run, numbers.get(run), row[3]] for run, row in taken.items() if run not in gone
            ]
            cursor.execute(BEGIN_RUNS, (self._plain_value(now), as_text(begun)))
            rows = {row[0]: row for row in cursor.fetchall()}
        if len(rows) < len(begun):
            self.drop_left_over([uuid.UUID(run) for run, *_ in begun if run not in rows])
        return [self._claimed(taken[run], rows[run]) for run in taken if run in rows]

    def _numbers(self, cursor: Any, taken: list[Any]) -> dict[str, int]:
        """A number for each run that is claimed for the first time, if its workflow is there."""
        fresh: dict[tuple[str, str], list[str]] = {}
        for run, tenant, workflow, attempt, *_ in taken:
            if attempt == 1:
                fresh.setdefault((tenant, workflow), []).append(run)
        numbers: dict[str, int] = {}
        for (tenant, workflow), runs in fresh.items():
            cursor.execute(NUMBERS, (tenant, len(runs), workflow))
            for (last,) in cursor.fetchall():
                numbers |= {run: last - len(runs) + 1 + place for place, run in enumerate(sorted(runs))}
        return numbers

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
        with self._cursor() as cursor:
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
            return str((value if value.tzinfo is UTC else value.astimezone(UTC)).replace(tzinfo=None))
        return value
