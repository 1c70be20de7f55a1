"""Secrets open only where they were sealed, and are shown as their last four."""

import json

import pytest

from automate.lib.crypto import CannotDecrypt
from automate.lib.ids import uuid7
from integrations.connections import vault
from integrations.models import UserIntegration


def a_connection() -> UserIntegration:
    return UserIntegration(id=uuid7(), tenant_id=uuid7(), user_id=uuid7())


def test_credentials_open_as_they_were_sealed():
    connection = a_connection()
    connection.credentials = vault.seal_credentials(connection, {"token": "xoxb-123", "port": 5432})

    assert vault.unseal_credentials(connection) == {"token": "xoxb-123", "port": 5432}
    assert "xoxb" not in connection.credentials


def test_credentials_moved_to_another_row_do_not_open():
    one, other = a_connection(), a_connection()
    other.tenant_id = one.tenant_id
    other.credentials = vault.seal_credentials(one, {"token": "xoxb-123"})

    with pytest.raises(CannotDecrypt):
        vault.unseal_credentials(other)


def test_refresh_token_does_not_open_as_credentials():
    connection = a_connection()
    connection.credentials = vault.seal_refresh_token(connection, json.dumps({"a": 1}))

    with pytest.raises(CannotDecrypt):
        vault.unseal_credentials(connection)


@pytest.mark.parametrize(
    ("secret", "shown"),
    [("xoxb-1234567890-abcd", "•••• abcd"), ("short-one", "••••"), ("", ""), (None, ""), (5432, "")],
)
def test_a_stored_secret_is_shown_by_its_last_four(secret, shown):
    assert vault.masked(secret) == shown
