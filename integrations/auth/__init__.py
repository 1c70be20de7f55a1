"""One module per way to connect; `apply` puts a connection's credentials onto a request."""

from collections.abc import Callable, Iterable

from integrations.auth import api_key, basic, bearer, oauth2, oauth2_client_credentials
from integrations.errors import ActionError
from integrations.manifest import InputField, Way
from integrations.values import Connection, Outgoing

_APPLY: dict[str, Callable[[Outgoing, Way, Connection], None]] = {
    "api_key": api_key.apply,
    "basic": basic.apply,
    "bearer": bearer.apply,
    "oauth2": oauth2.apply,
    "oauth2_client_credentials": oauth2_client_credentials.apply,
}
# What each way asks for when its manifest names no fields of its own.
_FIELDS = {
    "api_key": [InputField(key="key", label="API key", type="secret")],
    "basic": [
        InputField(key="username", label="User name"),
        InputField(key="password", label="Password", type="secret"),
    ],
    "bearer": [InputField(key="token", label="Access token", type="secret")],
    "oauth2_client_credentials": [
        InputField(key="client_id", label="Client id"),
        InputField(key="client_secret", label="Client secret", type="secret"),
    ],
    "dsn": [InputField(key="dsn", label="Connection address", type="secret")],
}
# Secret whatever a manifest calls them.
_ALWAYS_SECRET = (
    "access_token",
    "refresh_token",
    "client_secret",
    "password",
    "token",
    "key",
    "dsn",
    "id_token",
)


def apply(out: Outgoing, way: Way | None, connection: Connection | None) -> None:
    """Raises ActionError(reconnect=True) when the credential is missing."""
    if way is None or way.type == "none":
        return
    if connection is None:
        raise ActionError(
            "This action needs a connection. Choose one in the step.", code="not_connected", sent=False
        )
    how = _APPLY.get(way.type)
    if how is None:
        raise ActionError(
            f"Connections of the type {way.type} cannot sign HTTP requests.", code="unsupported", sent=False
        )
    how(out, way, connection)


def fields(way: Way) -> list[InputField]:
    """What a person fills in for this way to connect."""
    return way.fields or _FIELDS.get(way.type, [])


def secrets(way: Way | None, connection: Connection | None) -> Iterable[str]:
    """Every secret text of a connection: the fields marked so, and those that always are."""
    if connection is None:
        return []
    marked = {field.key for field in fields(way) if field.type == "secret"} if way else set()
    return [value for key in marked.union(_ALWAYS_SECRET) if (value := connection.text(key))]
