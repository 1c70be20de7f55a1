"""The fair claim: when more is ready than can be taken, everybody's turn comes, however long one's queue is.

It steps through the index of ready runs from one workflow to the next instead of reading the queue, so it costs the
same with ten ready runs and with fifty thousand. Within a priority it takes, one after another, the next run of the
workspace that has the fewest (those this worker holds counted), and within a workspace of the workflow that has.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_WORKFLOWS: Final = 64  # looked at by one claim; the next one goes on behind them
NOWHERE: Final = uuid.UUID(int=0)
_A = "workflows_activerun"


@dataclass(slots=True)
class Shares:
    """`held`: runs this worker holds, by tenant and by workflow. `cap`: the most one tenant may have here; test runs
    may have more. `after`: the workflow to begin behind; the claim moves it on."""

    held: Mapping[uuid.UUID, int]
    cap: int
    after: tuple[uuid.UUID, uuid.UUID] = field(default=(NOWHERE, NOWHERE))

    def held_json(self, *, plain: bool = False) -> str:
        """As a JSON object; `plain`: with ids as SQLite keeps them."""
        return json.dumps({owner.hex if plain else str(owner): count for owner, count in self.held.items()})


# Of what the walk found: the place of each run in its workflow, then in its workspace. `HELD(owner)`: held here already.
_RANKED: Final = """r AS (
  SELECT execution_id, tenant_id, workflow_id, priority, run_at,
         HELD(workflow_id) + row_number() OVER (PARTITION BY workflow_id ORDER BY priority, run_at) AS nth FROM c),
s AS (
  SELECT execution_id, priority, run_at,
         HELD(tenant_id) + row_number() OVER (PARTITION BY tenant_id ORDER BY priority, nth, run_at) AS share FROM r),
o AS (
  SELECT execution_id, priority, share, run_at FROM s WHERE share <= %(cap)s OR priority < 5
  ORDER BY priority, share, run_at LIMIT 2 * %(limit)s)"""
_HELD: Final = re.compile(r"HELD\((\w+)\)")
_RANKED_POSTGRES: Final = _HELD.sub(r"COALESCE((%(held)s::jsonb ->> \1::text)::int, 0)", _RANKED)
_RANKED_SQLITE: Final = _HELD.sub(r"COALESCE(json_extract(%(held)s, '$.' || \1), 0)", _RANKED)
_COLUMNS: Final = "execution_id, tenant_id, workflow_id, priority, run_at"
# Where `queue` is not asked for, the planner cannot take the index of the whole queue: it would read all of it.
_READY: Final = "queue = 'engine' AND state = 'READY'"
_ORDER: Final = "ORDER BY priority, run_at LIMIT"

POSTGRES_CHOICE: Final = f"""
WITH RECURSIVE w(tenant_id, workflow_id, n) AS (
  (SELECT tenant_id, workflow_id, 1 FROM {_A}
   WHERE state = 'READY' AND (tenant_id, workflow_id) > (%(after_tenant)s, %(after_workflow)s)
   ORDER BY tenant_id, workflow_id LIMIT 1)
  UNION ALL
  SELECT f.tenant_id, f.workflow_id, w.n + 1 FROM w CROSS JOIN LATERAL (
    SELECT a.tenant_id, a.workflow_id FROM {_A} a
    WHERE a.state = 'READY' AND (a.tenant_id, a.workflow_id) > (w.tenant_id, w.workflow_id)
    ORDER BY a.tenant_id, a.workflow_id LIMIT 1) f
  WHERE w.n < {MAX_WORKFLOWS}),
c AS (
  (SELECT {_COLUMNS} FROM {_A} WHERE {_READY} AND run_at <= %(now)s {_ORDER} %(limit)s)
  UNION
  SELECT f.* FROM w CROSS JOIN LATERAL (
    SELECT {_COLUMNS} FROM {_A} a
    WHERE a.state = 'READY' AND a.tenant_id = w.tenant_id AND a.workflow_id = w.workflow_id AND run_at <= %(now)s
    {_ORDER} LEAST(%(limit)s, 1 + 4 * %(limit)s / (SELECT max(n) FROM w))) f),
{_RANKED_POSTGRES},
l AS (
  SELECT a.execution_id FROM o JOIN {_A} a USING (execution_id)
  WHERE a.state = 'READY' AND a.queue = 'engine'
  ORDER BY o.priority, o.share, o.run_at LIMIT %(limit)s FOR UPDATE OF a SKIP LOCKED)
"""

# SQLite steps by the first column alone where PostgreSQL compares a pair, hence the two steps.
SQLITE_CHOICE: Final = f"""
WITH RECURSIVE w(tenant_id, workflow_id, n) AS (
  SELECT * FROM (SELECT tenant_id, workflow_id, 1 FROM {_A} INDEXED BY active_shares
   WHERE state = 'READY' AND (tenant_id, workflow_id) > (%(after_tenant)s, %(after_workflow)s)
   ORDER BY tenant_id, workflow_id LIMIT 1)
  UNION ALL
  SELECT f.tenant_id, f.workflow_id, w.n + 1 FROM w JOIN {_A} f ON f.rowid = COALESCE(
    (SELECT a.rowid FROM {_A} a INDEXED BY active_shares
     WHERE a.state = 'READY' AND a.tenant_id = w.tenant_id AND a.workflow_id > w.workflow_id
     ORDER BY a.workflow_id LIMIT 1),
    (SELECT a.rowid FROM {_A} a INDEXED BY active_shares
     WHERE a.state = 'READY' AND a.tenant_id > w.tenant_id ORDER BY a.tenant_id, a.workflow_id LIMIT 1))
  WHERE w.n < {MAX_WORKFLOWS}),
c AS (
  SELECT * FROM (SELECT {_COLUMNS} FROM {_A} WHERE {_READY} AND run_at <= %(now)s {_ORDER} %(limit)s)
  UNION
  SELECT {", ".join(f"f.{name}" for name in _COLUMNS.split(", "))} FROM w JOIN {_A} f ON f.rowid IN (
    SELECT a.rowid FROM {_A} a INDEXED BY active_shares
    WHERE a.state = 'READY' AND a.tenant_id = w.tenant_id AND a.workflow_id = w.workflow_id AND a.run_at <= %(now)s
    {_ORDER} min(%(limit)s, 1 + 4 * %(limit)s / (SELECT max(n) FROM w)))),
{_RANKED_SQLITE}
"""
