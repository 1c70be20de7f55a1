"""Reads mail from a person's own mailbox (IMAP4rev1 and rev2). Nothing is changed there: mails stay unread."""

from collections.abc import Mapping
from typing import Any

from automate.lib import clock
from automate.lib.jsontypes import JSON
from integrations.errors import ActionError
from integrations.protocols.imap import looking
from integrations.protocols.imap.conversation import folders, session
from integrations.values import ActionResult, Batch, Connection, Context


def run(action: str, input: dict[str, JSON], connection: Connection, context: Context) -> ActionResult:
    """`list_folders` → `[{name}]`. Raises ActionError."""
    if action != "list_folders":
        raise ActionError(f"IMAP has no action “{action}”.", code="unknown_action", sent=False)
    started = clock.monotonic()
    with session(connection, context) as server:
        found = folders(server)
        where = f"imap://{server.host}:{server.port}"
    duration_ms = round((clock.monotonic() - started) * 1000, 1)
    log: dict[str, JSON] = {
        "method": "LIST",
        "url": where,
        "status": None,
        "headers": {},
        "duration_ms": duration_ms,
    }
    return ActionResult([{"name": name} for name in found], log)


def test(connection: Connection, context: Context) -> str:
    """Sign in and out again; the user is the label. Raises ActionError."""
    with session(connection, context) as server:
        server.noop()
    return connection.text("username")


def look(
    input: Mapping[str, JSON],
    connection: Connection,
    context: Context,
    state: Mapping[str, Any],
    first: str | None,
) -> Batch:
    """New mail in `{folder, query}`. Raises ActionError."""
    with session(connection, context) as server:
        return looking.look(server, input, state, first)
