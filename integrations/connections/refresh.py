"""New tokens for old: one refresh at a time for each connection, across all processes."""

from __future__ import annotations

import logging
import secrets
import time
from datetime import datetime, timedelta
from typing import Any

from automate.lib import clock
from automate.lib.http import HttpError, Response
from automate.lib.jsontypes import JSON
from integrations.auth import oauth2, oauth2_client_credentials
from integrations.auth.oauth2 import OAuthError, Tokens
from integrations.connections import vault
from integrations.connections.clients import endpoint, oauth_client, runner
from integrations.connections.errors import ConnectionExpired, ConnectionUnavailable, NotSetUp, RefreshFailed
from integrations.manifest import Way
from integrations.models import AuthType, UserIntegration
from integrations.sync import definition_manifest

logger = logging.getLogger(__name__)

RENEWED_TYPES = frozenset({AuthType.OAUTH2, AuthType.OAUTH2_CLIENT_CREDENTIALS})
EARLY = timedelta(seconds=60)  # a token this close to its end may die on the way
TOKEN_TIMEOUT_S = 20.0
LOCK = timedelta(
    seconds=TOKEN_TIMEOUT_S + 10
)  # longer than the call, so that only a dead process loses its lock
WAIT_S = 25.0  # for somebody else's refresh
PAUSES_S = (0.05, 0.1, 0.2, 0.3)
UNKNOWN_LIFETIME = timedelta(hours=1)  # client credentials without `expires_in`: asking again costs little


def is_due(connection: UserIntegration, now: datetime) -> bool:
    """Whether its token has ended or will within a minute; False for connections whose tokens do not end."""
    if connection.auth_type not in RENEWED_TYPES:
        return False
    if connection.token_expires_at is None:
        return connection.auth_type == AuthType.OAUTH2_CLIENT_CREDENTIALS
    return connection.token_expires_at - now <= EARLY


def renewed(connection: UserIntegration, *, refused: bool = False) -> UserIntegration:
    """The connection with a token that lasts, after at most one call to the service, by us or by somebody else.

    `refused`: the service has just refused the token although it should still be good. Raises ConnectionExpired
    when the service refuses the refresh, RefreshFailed when it cannot be asked, ConnectionUnavailable when the
    connection was removed meanwhile.
    """
    stale = connection.credentials if refused else None
    give_up = clock.monotonic() + WAIT_S
    for turn in range(10_000):
        if connection.credentials != stale and not is_due(connection, clock.now()):
            return connection
        if connection.needs_reconnect:
            raise ConnectionExpired(connection.last_error or expired_message(connection))
        holder = _take_lock(connection)
        if holder:
            try:
                return _refresh(connection)
            finally:
                _release(connection, holder)
        if clock.monotonic() > give_up:
            break
        time.sleep(PAUSES_S[min(turn, len(PAUSES_S) - 1)])
        connection = read_again(connection)
    raise RefreshFailed(
        f"{connection.integration} is taking long to renew its sign-in. Try again in a minute."
    )


def expired_message(connection: UserIntegration) -> str:
    return (
        f"The sign-in of the connection “{connection.name}” has expired. "
        f"Reconnect {connection.integration} under Connections."
    )


def read_again(connection: UserIntegration) -> UserIntegration:
    """The row as it is now (one SQL query). Raises ConnectionUnavailable when it is gone."""
    row = UserIntegration.objects.select_related("integration").filter(pk=connection.pk).first()
    if row is None:
        raise ConnectionUnavailable(f"The connection “{connection.name}” was removed. Choose another one.")
    return row


def _take_lock(connection: UserIntegration) -> str:
    """Our mark when the refresh is ours to do; empty when somebody else is at it or has just done it."""
    now, mark = clock.now(), secrets.token_hex(16)
    rows = UserIntegration.objects.filter(pk=connection.pk, credentials=connection.credentials)
    free = rows.filter(refresh_locked_until=None) | rows.filter(refresh_locked_until__lt=now)
    taken = free.filter(needs_reconnect=False).update(refresh_lock=mark, refresh_locked_until=now + LOCK)
    return mark if taken else ""


def _release(connection: UserIntegration, mark: str) -> None:
    rows = UserIntegration.objects.filter(pk=connection.pk, refresh_lock=mark)
    rows.update(refresh_lock="", refresh_locked_until=None)


def _refresh(connection: UserIntegration) -> UserIntegration:
    """Ask for new tokens and store them; the lock is ours."""
    way = definition_manifest(connection.integration).way(connection.auth_type)
    values = vault.unseal_credentials(connection)
    grant = way and _grant(connection, way)
    if way is None or not grant:
        raise _expired(connection, expired_message(connection))
    try:
        tokens = ask_for_tokens(connection, way, grant, {**connection.public_values, **values})
    except RefreshFailed:
        if _still_good(connection):
            return connection
        raise
    except OAuthError as error:
        logger.warning("refresh refused", extra={"connection": str(connection.pk), "code": error.code})
        if error.reconnect:
            raise _expired(connection, f"{error.message} Reconnect {connection.integration}.") from None
        _note(connection, error.message)
        raise RefreshFailed(error.message, retryable=False) from None
    store_tokens(connection, tokens, values)
    return read_again(connection)


def _grant(connection: UserIntegration, way: Way) -> dict[str, str]:
    if connection.auth_type == AuthType.OAUTH2_CLIENT_CREDENTIALS:
        return oauth2_client_credentials.grant(way, scopes=connection.scopes)
    token = vault.unseal_refresh_token(connection)
    return oauth2.refresh_grant(way, refresh_token=token) if token else {}


def ask_for_tokens(
    connection: UserIntegration, way: Way, grant: dict[str, str], values: dict[str, JSON]
) -> Tokens:
    """One call to the token endpoint. Raises OAuthError for a refusal, RefreshFailed when there is no answer."""
    definition = connection.integration
    try:
        client = oauth_client(definition, values)
    except NotSetUp as error:
        raise RefreshFailed(error.message, retryable=False) from None
    out = oauth2.token_request(way, client, grant, url=endpoint(definition, way, "token_url", values))
    try:
        answer = runner().send(out, timeout_s=TOKEN_TIMEOUT_S)
    except HttpError as error:
        raise RefreshFailed(f"{definition.display_name} did not answer: {error.message}") from None
    if answer.status >= 500 or answer.status == 429:
        raise RefreshFailed(f"{definition.display_name} could not give a new token: status {answer.status}.")
    return _read(way, answer)


def _read(way: Way, answer: Response) -> Tokens:
    return oauth2.read_tokens(way, status=answer.status, headers=answer.headers, body=answer.body)


def store_tokens(connection: UserIntegration, tokens: Tokens, values: dict[str, JSON]) -> None:
    """Write what came, if nobody has written since (fenced by the credentials as they were read)."""
    now = clock.now()
    sealed = vault.seal_credentials(connection, {**values, "access_token": tokens.access_token})
    changes: dict[str, Any] = {
        "credentials": sealed,
        "token_expires_at": tokens.expires_at or _unknown_end(connection, now),
        "needs_reconnect": False,
        "last_error": "",
        "updated_at": now,
    }
    if tokens.refresh_token:
        changes["refresh_token"] = vault.seal_refresh_token(connection, tokens.refresh_token)
    if tokens.scopes:
        changes["scopes"] = tokens.scopes
    rows = UserIntegration.objects.filter(pk=connection.pk, credentials=connection.credentials)
    rows.update(**changes)


def _unknown_end(connection: UserIntegration, now: datetime) -> datetime | None:
    return now + UNKNOWN_LIFETIME if connection.auth_type == AuthType.OAUTH2_CLIENT_CREDENTIALS else None


def _still_good(connection: UserIntegration) -> bool:
    return connection.token_expires_at is not None and connection.token_expires_at > clock.now()


def _expired(connection: UserIntegration, message: str) -> ConnectionExpired:
    mark_refused(connection, message)
    return ConnectionExpired(message)


def mark_refused(connection: UserIntegration, message: str) -> None:
    """Pages show it as “Reconnect” from now on, until somebody connects again or it works once more."""
    rows = UserIntegration.objects.filter(pk=connection.pk, credentials=connection.credentials)
    rows.update(needs_reconnect=True, last_error=message, updated_at=clock.now())


def _note(connection: UserIntegration, message: str) -> None:
    UserIntegration.objects.filter(pk=connection.pk).update(last_error=message, updated_at=clock.now())
