"""OAuth 2 client credentials (RFC 6749, 4.4): the service itself signs in, no person does."""

from collections.abc import Sequence

from integrations.errors import ActionError
from integrations.manifest import Way
from integrations.values import Connection, Outgoing


def apply(out: Outgoing, way: Way, connection: Connection) -> None:
    token = connection.text("access_token")
    if not token:
        raise ActionError(
            "The connection holds no access token. Connect again.",
            code="not_connected",
            reconnect=True,
            sent=False,
        )
    out.headers["Authorization"] = ("Bearer " if way.prefix is None else way.prefix) + token
    out.secret_headers.add("authorization")


def grant(way: Way, *, scopes: Sequence[str] = ()) -> dict[str, str]:
    """The parameters of the token request; `oauth2.token_request` sends them."""
    chosen = list(scopes) or way.scopes.default
    scope = {"scope": way.scopes.separator.join(chosen)} if chosen else {}
    return {"grant_type": "client_credentials", **scope, **way.token_params}
