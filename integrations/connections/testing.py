"""“Test connection”: does the service take these credentials, and whose account are they?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from automate.lib import clock
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON
from integrations.auth import oauth2_client_credentials
from integrations.auth.oauth2 import OAuthError
from integrations.connections import refresh
from integrations.connections.clients import runner
from integrations.connections.errors import ConnectionRefused
from integrations.connections.opening import forget, open_credentials
from integrations.connections.store import checked_values
from integrations.errors import ActionError
from integrations.manifest import Manifest, Way
from integrations.models import IntegrationDefinition, UserIntegration
from integrations.sync import definition_manifest
from integrations.values import Connection

TEST_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class TestResult:
    """`account` is empty where the service does not say whose it is; `message` is a sentence for people."""

    __test__ = False  # pytest: this is no test class

    ok: bool
    account: str
    message: str
    elapsed_ms: int = 0


def test_connection(connection: UserIntegration) -> TestResult:
    """Try a stored connection and note what came of it (one to three HTTP calls; hold no transaction across it)."""
    manifest = definition_manifest(connection.integration)
    forget(connection.pk)
    started = clock.monotonic()
    try:
        opened = open_credentials(connection)
        account = runner().test(manifest, opened, timeout_s=TEST_TIMEOUT_S)
    except ActionError as error:
        note_outcome(connection, error)
        return TestResult(False, "", error.message, _since(started))
    note_outcome(connection, None, account)
    return _passed(manifest, opened.auth_type, account, started)


def test_credentials(
    integration: IntegrationDefinition, auth_type: str, values: Mapping[str, JSON]
) -> TestResult:
    """Try credentials before they are saved (one or two HTTP calls)."""
    manifest = definition_manifest(integration)
    way = manifest.way(auth_type)
    if way is None:
        return TestResult(False, "", f"{manifest.name} cannot be connected by {auth_type}.")
    started = clock.monotonic()
    try:
        connection = _unsaved(integration, way, checked_values(way, values))
        account = runner().test(manifest, connection, timeout_s=TEST_TIMEOUT_S)
    except (ActionError, OAuthError, ConnectionRefused) as error:
        return TestResult(False, "", error.message, _since(started))
    return _passed(manifest, auth_type, account, started)


def _unsaved(integration: IntegrationDefinition, way: Way, values: dict[str, JSON]) -> Connection:
    if way.type == "oauth2_client_credentials":
        row = UserIntegration(integration=integration, name=integration.display_name)
        tokens = refresh.ask_for_tokens(row, way, oauth2_client_credentials.grant(way), values)
        values = {**values, "access_token": tokens.access_token}
    return Connection(id=str(uuid7()), integration=integration.name, auth_type=way.type, values=values)


def _passed(manifest: Manifest, auth_type: str, account: str, started: float) -> TestResult:
    way = manifest.way(auth_type)
    if account:
        message = f"Signed in as {account}."
    elif manifest.protocol in ("http", "http_request") and (way is None or way.test is None):
        message = f"{manifest.name} offers no way to try this; the first run will show it."
    else:
        message = f"{manifest.name} accepted it."
    return TestResult(True, account, message, _since(started))


def _since(started: float) -> int:
    return round((clock.monotonic() - started) * 1000)


def note_outcome(connection: UserIntegration, error: ActionError | None, account: str = "") -> None:
    """Only what changed; a failed call to a service that is down does not ask people to connect again."""
    now = clock.now()
    changes: dict[str, object] = {"last_checked_at": now, "updated_at": now}
    if error is None:
        changes |= {"last_error": "", "needs_reconnect": False}
        changes |= {"account_label": account} if account else {}
    else:
        changes["last_error"] = error.message
        changes |= {"needs_reconnect": True} if error.reconnect else {}
    UserIntegration.objects.filter(pk=connection.pk).update(**changes)
    for name, value in changes.items():
        setattr(connection, name, value)
