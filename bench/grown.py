"""A database as it is after a year: a million runs, made with SQL after the likeness of one."""

from __future__ import annotations

import time

from bench.ledger import Ledger

BATCH = 50_000
# Ids of version 7, a second apart, so that the rows lie in the order of time as real ones do.
_ID = "(lpad(to_hex({ms}), 12, '0') || '7' || substr(md5(n || {salt}), 1, 3) || '8' || substr(md5({salt} || n), 1, 15))::uuid"
_COLUMNS = (
    "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
)


def grow(ledger: Ledger, workflow: str, runs: int) -> float:
    """Add so many ended runs of this workflow, with their steps; gives how many seconds it took."""
    assert ledger.connection is not None
    began = time.monotonic()
    like = ledger.query(
        "SELECT id FROM workflows_workflowexecution WHERE template_id = %s ORDER BY id LIMIT 1", workflow
    )[0][0]
    ms = f"({int(time.time() * 1000) - 3_600_000 - runs * 1000} + n::bigint * 1000)"
    run_id, at = _ID.format(ms=ms, salt="'run'"), f"to_timestamp({ms} / 1000.0)"
    executions = _insert(
        ledger, "workflows_workflowexecution", "id",
        {"id": run_id, "number": "NULL", "created_at": at, "started_at": at, "completed_at": at},
    )  # fmt: skip
    steps = _insert(
        ledger, "workflows_stepexecution", "execution_id",
        {"id": _ID.format(ms=ms, salt="t.path"), "execution_id": run_id, "started_at": at, "completed_at": at},
    )  # fmt: skip
    for first in range(0, runs, BATCH):
        for statement in (executions, steps):
            ledger.query_nothing(statement, first, min(first + BATCH, runs) - 1, like)
    ledger.query_nothing("ANALYZE")
    return time.monotonic() - began


def _insert(ledger: Ledger, table: str, key: str, changed: dict[str, str]) -> str:
    """A statement that repeats the rows of one run, with some columns worked out anew."""
    columns = [name for (name,) in ledger.query(_COLUMNS, table)]
    values = ", ".join(changed.get(name, f"t.{name}") for name in columns)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} "
        f"FROM generate_series(%s::bigint, %s::bigint) n, {table} t WHERE t.{key} = %s /* bench */"
    )
