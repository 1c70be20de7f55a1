"""Runs statements on a person's own PostgreSQL. Values travel as bound parameters, never inside the statement."""

from automate.lib import clock
from automate.lib.jsontypes import JSON
from integrations.errors import ActionError
from integrations.protocols.sql.connecting import session
from integrations.protocols.sql.statements import execute, insert_row, query, select_rows
from integrations.values import ActionResult, Connection, Context

_ACTIONS = {"query": query, "execute": execute, "select_rows": select_rows, "insert_row": insert_row}
_READS = frozenset(("query", "select_rows"))


def run(action: str, input: dict[str, JSON], connection: Connection, context: Context) -> ActionResult:
    """`query`, `execute`, `select_rows`, `insert_row` → `{rows, count, truncated}`. Raises ActionError."""
    work = _ACTIONS.get(action)
    if work is None:
        raise ActionError(f"SQL has no action “{action}”.", code="unknown_action", sent=False)
    started = clock.monotonic()
    with session(connection, context, read_only=action in _READS) as database:
        output = work(database, input)
        info = database.info
        where = f"postgresql://{info.host}:{info.port}/{info.dbname}"
    log: dict[str, JSON] = {
        "method": "SQL",
        "url": where,
        "status": None,
        "headers": {},
        "duration_ms": round((clock.monotonic() - started) * 1000, 1),
        "rows": output["count"],
    }
    return ActionResult(output, log)


def test(connection: Connection, context: Context) -> str:
    """Connect and ask who we are. Raises ActionError."""
    with session(connection, context, read_only=True) as database:
        database.execute("SELECT 1")
        return f"{database.info.user} on {database.info.host}, database {database.info.dbname}"
