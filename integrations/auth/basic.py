"""User name and password in the Authorization header (RFC 7617, UTF-8)."""

import base64

from integrations.errors import ActionError
from integrations.manifest import Way
from integrations.values import Connection, Outgoing


def apply(out: Outgoing, way: Way, connection: Connection) -> None:
    username, password = connection.text("username"), connection.text("password")
    if not username and not password:
        raise ActionError(
            "The connection holds no user name and password. Connect again.",
            code="not_connected",
            reconnect=True,
            sent=False,
        )
    if ":" in username:
        raise ActionError("A user name with a colon cannot be used here.", code="not_connected", sent=False)
    out.headers["Authorization"] = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    out.secret_headers.add("authorization")
