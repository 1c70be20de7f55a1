"""A real service to connect to: Northwind Notes, behind a strict authorization server on loopback."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integrations.connections import forget_everything, redirect_uri, vault
from integrations.models import IntegrationDefinition, UserIntegration
from tests.integrations.notes import SECRET, install_notes
from tests.support.oidc.server import AuthorizationServer


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """What processes keep for seconds outlives a test's rows."""
    forget_everything()


@pytest.fixture
def server(settings):
    server = AuthorizationServer(redirect_uri()).start()
    settings.AUTOMATE_OAUTH_CLIENTS = {
        "notes": {
            "client_id": server.memory.client.client_id,
            "client_secret": server.memory.client.client_secret,
        }
    }
    yield server
    server.stop()


@pytest.fixture
def notes(db, server) -> IntegrationDefinition:
    return install_notes(server.url)


@pytest.fixture
def make_connection(alice, workspace) -> Callable[..., UserIntegration]:
    """Makes connections of alice with a made-up token, shared with nobody."""

    def make(**given) -> UserIntegration:
        values = {"tenant": workspace, "user": alice, "auth_type": "BEARER", "name": "Notes", **given}
        connection = UserIntegration(**values)
        connection.credentials = vault.seal_credentials(connection, {"token": SECRET})
        connection.save(force_insert=True)
        return connection

    return make
