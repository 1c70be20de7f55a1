"""A database as it is after a year: a million runs, made with SQL after the likeness of one."""

from __future__ import annotations

import time

from bench.ledger import Ledger

BATCH = 50_000
# Ids of version 7, a second apart going back, so that the rows lie in the order of time as real ones do.
_ID = "(lpad(to_hex(({ms})::bigint), 12, '0') || '7' || substr(md5(n::text || '{salt}'), 1, 3) || '8' || substr(md5('{salt}' || n::text), 1, 15))::uuid"
_RUNS = """
INSERT INTO workflows_workflowexecution SELECT (e2).* FROM (
  SELECT jsonb_populate_record(e, jsonb_build_object('id', {id}, 'number', null,
    'created_at', to_timestamp({ms} / 1000.0), 'started_at', to_timestamp({ms} / 1000.0),
    'completed_at', to_timestamp({ms} / 1000.0))) AS e2
  FROM generate_series({first}, {last}) n, workflows_workflowexecution e WHERE e.id = %s) made
"""
_STEPS = """
INSERT INTO workflows_stepexecution SELECT (s2).* FROM (
  SELECT jsonb_populate_record(s, jsonb_build_object('id', {step_id}, 'execution_id', {id})) AS s2
  FROM generate_series({first}, {last}) n, workflows_stepexecution s WHERE s.execution_id = %s) made
"""


def grow(ledger: Ledger, workflow: str, runs: int) -> float:
    """Add so many ended runs of this workflow, with their steps; gives how many seconds it took."""
    assert ledger.connection is not None
    began = time.monotonic()
    like = ledger.query(
        "SELECT id FROM workflows_workflowexecution WHERE template_id = %s ORDER BY id LIMIT 1", workflow
    )[0][0]
    newest_ms = int(time.time() * 1000) - 3_600_000
    for first in range(0, runs, BATCH):
        ms = f"({newest_ms - runs * 1000} + n * 1000)"
        places = {
            "first": first, "last": min(first + BATCH, runs) - 1, "ms": ms, "id": _ID.format(ms=ms, salt="run"),
            "step_id": _ID.format(ms=ms, salt="' || s.path || '"),
        }  # fmt: skip
        ledger.connection.execute(_RUNS.format(**places).encode(), (like,))
        ledger.connection.execute(_STEPS.format(**places).encode(), (like,))
    ledger.connection.execute("ANALYZE")
    return time.monotonic() - began
