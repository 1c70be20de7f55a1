"""Sends mail through a person's own server (RFC 5321, 8314)."""

from automate.lib import clock
from automate.lib.jsontypes import JSON
from integrations.errors import ActionError
from integrations.protocols.smtp.conversation import deliver, host_of, port_of, session
from integrations.protocols.smtp.message import compose
from integrations.values import ActionResult, Connection, Context


def run(action: str, input: dict[str, JSON], connection: Connection, context: Context) -> ActionResult:
    """`send_email` → `{message_id, accepted, refused}`. Raises ActionError."""
    if action != "send_email":
        raise ActionError(f"SMTP has no action “{action}”.", code="unknown_action", sent=False)
    message, recipients = compose(input, connection, context)
    started = clock.monotonic()
    with session(connection, context) as server:
        refused = deliver(server, message, recipients)
    output: dict[str, JSON] = {
        "message_id": str(message["Message-ID"]),
        "accepted": [address for address in recipients if address not in refused],
        "refused": dict(refused),
    }
    log: dict[str, JSON] = {
        "method": "SMTP",
        "url": f"smtp://{host_of(connection)}:{port_of(connection)}",
        "status": 250,
        "headers": {
            name: str(message[name]) for name in ("From", "To", "Subject", "Message-ID") if message[name]
        },
        "duration_ms": round((clock.monotonic() - started) * 1000, 1),
        "bytes_sent": len(bytes(message)),
    }
    return ActionResult(output, log)


def test(connection: Connection, context: Context) -> str:
    """Sign in and out again; the sender's address is the label. Raises ActionError."""
    with session(connection, context) as server:
        server.noop()
    return connection.text("from_address") or connection.text("username")
