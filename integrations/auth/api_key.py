"""A key in a header or in the query: `{in: header|query, name, prefix}` with the field `key`.

Where the person chooses the place (the http integration), the fields `in`, `name` and `prefix` do.
"""

from integrations.errors import ActionError
from integrations.manifest import Way
from integrations.values import Connection, Outgoing


def apply(out: Outgoing, way: Way, connection: Connection) -> None:
    key = connection.text("key")
    name = way.name or connection.text("name")
    if not key or not name:
        raise ActionError(
            "The connection holds no key. Connect again.", code="not_connected", reconnect=True, sent=False
        )
    place = connection.text("in") if not way.name else way.place
    value = (connection.text("prefix") if way.prefix is None else way.prefix) + key
    if place == "query":
        out.query.append((name, value))
    else:
        out.headers[name] = value
        out.secret_headers.add(name.lower())
