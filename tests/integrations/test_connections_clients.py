"""What the installation lends to connections: addresses of its own, OAuth clients, client credentials."""

import pytest

from automate.lib import clock
from integrations.connections import create_connection, open_credentials, run_action, test_credentials, vault
from integrations.connections.clients import egress_client, oauth_client, runner
from integrations.models import UserIntegration
from tests.integrations.notes import deadline, install_notes, notes_manifest, reread
from tests.integrations.signin import connect, start

try_credentials = test_credentials
del test_credentials  # pytest would take it for a test

OWN_ACCOUNT = """  - type: oauth2_client_credentials
    token_url: {url}/token
    scopes: {{default: [notes:read, notes:write]}}
    account_label: "{{{{ body.name }}}}"
    test: {{method: GET, path: /me}}
  - type: bearer"""


def test_overrides_lead_a_shipped_integration_elsewhere(alice, workspace, server, settings):
    notes = install_notes("https://notes.example")
    settings.AUTOMATE_CONNECTOR_BASE_URLS = {
        "notes": server.url,
        "notes.authorize_url": f"{server.url}/authorize",
        "notes.token_url": f"{server.url}/token",
    }
    assert start(alice, workspace, notes).startswith(f"{server.url}/authorize?")

    connection = reread(connect(alice, workspace, notes))

    result = run_action(
        "notes", "add_note", tenant=workspace, connection_id=connection.pk, input={"text": "Hello"}
    )
    assert result.output == {"id": 1, "text": "Hello"}


def test_client_and_runner_are_shared_by_the_process(settings):
    assert egress_client() is egress_client()
    assert runner() is runner()
    settings.AUTOMATE_EGRESS_ALLOW = ["10.0.0.0/8"]
    assert runner().client is egress_client()


def test_a_client_typed_with_the_connection_goes_before_the_installations(notes, server):
    assert oauth_client(notes, {}).client_id == server.memory.client.client_id
    typed = oauth_client(notes, {"client_id": "mine", "client_secret": "also-mine"})
    assert (typed.client_id, typed.client_secret) == ("mine", "also-mine")
    assert "also-mine" not in repr(typed)


@pytest.fixture
def own_account(db, server):
    """Notes with a third way to connect: client id and secret of one's own."""
    changed = {"  - type: bearer": OWN_ACCOUNT.format(url=server.url)}
    return install_notes(server.url, notes_manifest(server.url, **changed))


def test_client_credentials_are_tried_stored_and_changed_for_tokens(alice, workspace, own_account, server):
    client = server.memory.client
    values = {"client_id": client.client_id, "client_secret": client.client_secret}
    assert try_credentials(own_account, "OAUTH2_CLIENT_CREDENTIALS", values).account == "Ada Okafor"
    wrong = try_credentials(
        own_account, "OAUTH2_CLIENT_CREDENTIALS", {**values, "client_secret": "wrong-secret"}
    )
    assert not wrong.ok
    assert "wrong-secret" not in wrong.message

    connection = create_connection(
        tenant=workspace,
        user=alice,
        integration=own_account,
        auth_type="OAUTH2_CLIENT_CREDENTIALS",
        name="",
        credentials=values,
    )

    opened = open_credentials(reread(connection))
    assert opened.text("access_token").startswith("access-")
    assert vault.unseal_credentials(reread(connection))["client_secret"] == client.client_secret
    assert open_credentials(reread(connection)).text("access_token") == opened.text("access_token")
    assert server.memory.calls["client_credentials"] == 3
    assert deadline(connection) > clock.now()


def test_a_client_credentials_token_ended_early_is_fetched_again(alice, workspace, own_account, server):
    client = server.memory.client
    connection = create_connection(
        tenant=workspace,
        user=alice,
        integration=own_account,
        auth_type="OAUTH2_CLIENT_CREDENTIALS",
        name="Robot",
        credentials={"client_id": client.client_id, "client_secret": client.client_secret},
    )
    given = {"tenant": workspace, "connection_id": connection.pk, "input": {"text": "Hello"}}
    run_action("notes", "add_note", **given)
    server.memory.expire_access()

    assert run_action("notes", "add_note", **given).output == {"id": 2, "text": "Hello"}
    assert not UserIntegration.objects.get().needs_reconnect
