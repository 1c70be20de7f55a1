"""A token in the Authorization header; `prefix` replaces the word Bearer."""

from integrations.errors import ActionError
from integrations.manifest import Way
from integrations.values import Connection, Outgoing


def apply(out: Outgoing, way: Way, connection: Connection) -> None:
    token = connection.text("token")
    if not token:
        raise ActionError(
            "The connection holds no token. Connect again.", code="not_connected", reconnect=True, sent=False
        )
    out.headers["Authorization"] = ("Bearer " if way.prefix is None else way.prefix) + token
    out.secret_headers.add("authorization")
