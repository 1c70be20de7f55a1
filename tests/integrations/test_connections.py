"""Making, changing, trying and removing connections."""

import pytest

from automate.lib.crypto import new_key
from automate.lib.ids import uuid7
from integrations.connections import (
    ConnectionRefused,
    ConnectionUnavailable,
    create_connection,
    delete_connection,
    find_visible,
    may_manage,
    open_credentials,
    test_connection,
    test_credentials,
    update_connection,
    uses,
    vault,
)
from integrations.models import UserIntegration
from tests.factories import add_member, make_user
from tests.integrations.notes import reread
from tests.integrations.signin import connect
from workflows.models import ConnectionSlot, Deployment, WorkflowTemplate, WorkflowVersion

try_connection, try_credentials = test_connection, test_credentials
del test_connection, test_credentials  # pytest would take them for tests


@pytest.fixture
def token(alice, workspace, notes, server):
    """An access token of the service, as somebody would copy it from its settings."""
    connection = connect(alice, workspace, notes)
    text = vault.unseal_credentials(connection)["access_token"]
    connection.delete()
    return text


@pytest.fixture
def make(alice, workspace, notes):
    def make(**given):
        values = {
            "tenant": workspace,
            "user": alice,
            "integration": notes,
            "auth_type": "BEARER",
            "name": "Notes",
            "credentials": {"token": "access-1234567890abcd"},
        }
        return create_connection(**{**values, **given})

    return make


def test_a_connection_keeps_its_secret_sealed_and_the_rest_readable(make):
    connection = reread(make(credentials={"token": "access-1234567890abcd", "site": "https://x.example"}))

    assert connection.public_values == {"site": "https://x.example"}
    assert "access-" not in connection.credentials
    opened = open_credentials(connection)
    assert opened.values == {"token": "access-1234567890abcd", "site": "https://x.example"}
    assert opened.auth_type == "bearer"


@pytest.mark.parametrize(
    ("credentials", "message", "field"),
    [
        ({}, "Access token is required.", "token"),
        ({"token": 5}, "Access token must be text.", "token"),
        ({"token": "a\0b"}, "NUL", "token"),
        ({"token": "x" * 30_000}, "longer than 20,000", "token"),
        ({"token": "t", "site": "ftp://x"}, "must be a web address", "site"),
        ({"token": "t", "site": "http://["}, "not a web address", "site"),
        ({"token": "t", "colour": "red"}, "“colour” is not a field", "colour"),
    ],
)
def test_bad_credentials_are_refused_by_field(make, credentials, message, field):
    with pytest.raises(ConnectionRefused, match=message) as refusal:
        make(credentials=credentials)

    assert refusal.value.field == field
    assert not UserIntegration.objects.exists()


@pytest.mark.parametrize("auth_type", ["BASIC", "bearer", "", "OAUTH2"])
def test_only_ways_the_integration_has_can_be_stored(make, auth_type):
    with pytest.raises(ConnectionRefused):
        make(auth_type=auth_type)


def test_another_workspaces_integration_cannot_be_connected(make, notes, charlie):
    notes.tenant = charlie.tenants.get()
    notes.save()

    with pytest.raises(ConnectionRefused, match="no such integration"):
        make()


def test_sharing_needs_the_permission(make, workspace):
    operator = make_user()
    add_member(workspace, operator, "operator")

    with pytest.raises(ConnectionRefused, match="does not let you share"):
        make(user=operator, sharing="WORKSPACE")

    assert make(sharing="WORKSPACE").sharing == "WORKSPACE"


def test_an_update_with_empty_secret_keeps_the_stored_one(make, alice):
    connection = make()

    update_connection(
        connection, by=alice, name="Other", credentials={"token": "", "site": "https://y.example"}
    )

    opened = open_credentials(reread(connection))
    assert opened.values == {"token": "access-1234567890abcd", "site": "https://y.example"}
    assert reread(connection).name == "Other"


def test_the_audit_log_tells_what_was_done_without_secrets(make, alice, workspace):
    connection = make()
    update_connection(connection, by=alice, credentials={"token": "access-0987654321wxyz"})
    delete_connection(connection, by=alice)

    events = list(
        workspace.audit_events.order_by("id").values_list("verb", "detail__before", "detail__after")
    )
    ours = [event for event in events if event[0].startswith("connection.")]
    assert [event[0] for event in ours] == ["connection.created", "connection.changed", "connection.deleted"]
    assert "access-" not in str(ours)


def test_trying_credentials_tells_whose_they_are(notes, token):
    result = try_credentials(notes, "BEARER", {"token": token})

    assert (result.ok, result.account, result.message) == (True, "Ada Okafor", "Signed in as Ada Okafor.")


def test_trying_wrong_credentials_tells_what_the_service_said_without_the_secret(notes):
    result = try_credentials(notes, "BEARER", {"token": "wrong-token-1234567"})

    assert not result.ok
    assert "Northwind Notes refused" in result.message
    assert "wrong-token" not in result.message


def test_trying_a_stored_connection_notes_the_outcome(make, token, server):
    connection = make(credentials={"token": token})
    assert try_connection(connection).ok
    row = reread(connection)
    assert (row.account_label, row.last_error, row.needs_reconnect) == ("Ada Okafor", "", False)

    server.memory.revoke_everything()
    assert not try_connection(row).ok

    row = reread(connection)
    assert row.needs_reconnect
    assert "refused" in row.last_error
    assert row.last_checked_at


def test_a_service_that_is_away_does_not_ask_to_reconnect(make, server):
    connection = make()
    server.stop()

    result = try_connection(connection)

    assert not result.ok
    assert not reread(connection).needs_reconnect


def test_private_connections_are_seen_by_their_owner_alone(make, alice, bob, charlie, workspace):
    private, shared = make(), make(sharing="WORKSPACE")

    assert find_visible(alice, workspace, private.pk) == private
    assert find_visible(bob, workspace, private.pk) is None
    assert find_visible(bob, workspace, shared.pk) == shared
    assert find_visible(charlie, charlie.tenants.get(), shared.pk) is None


def test_shared_connections_are_managed_by_owner_and_admins(make, alice, bob, workspace):
    shared = make(user=bob, sharing="WORKSPACE")
    editor = make_user()
    add_member(workspace, editor, "editor")

    assert may_manage(shared, bob)
    assert may_manage(shared, alice)
    assert not may_manage(shared, editor)
    assert not may_manage(make(user=bob), alice)


def used_in(connection, workspace):
    template = WorkflowTemplate.objects.create(tenant=workspace, template_id="orders", name="Orders")
    ConnectionSlot.objects.create(
        tenant=workspace,
        template=template,
        key="notes",
        integration="notes",
        user_integration=connection,
    )
    version = WorkflowVersion.objects.create(
        tenant=workspace, template=template, version_number=1, workflow_data={}, digest="d"
    )
    Deployment.objects.create(
        tenant=workspace,
        template=template,
        environment=workspace.default_environment(),
        version=version,
        bindings={"notes": str(connection.pk), "odd": "not-an-id"},
    )
    return template


def test_uses_are_found_in_drafts_and_in_what_is_published(make, workspace):
    connection, other = make(), make(name="Other")
    template = used_in(connection, workspace)

    (found,) = uses(connection)

    assert (found.workflow_id, found.name, found.in_draft, found.is_live) == (
        template.pk,
        "Orders",
        True,
        True,
    )
    assert uses(other) == []


def test_removing_lists_where_it_was_used_and_leaves_the_workflow(make, alice, workspace):
    connection = make()
    template = used_in(connection, workspace)

    removal = delete_connection(connection, by=alice)

    assert [use.name for use in removal.uses] == ["Orders"]
    assert removal.revoked is None
    assert template.slots.get().user_integration is None
    assert not UserIntegration.objects.filter(pk=connection.pk).exists()


def test_removing_a_sign_in_takes_it_back_at_the_service(alice, workspace, notes, server):
    connection = reread(connect(alice, workspace, notes))

    removal = delete_connection(connection, by=alice)

    assert removal.revoked is True
    assert all(token.revoked for token in server.memory.tokens)


def test_a_service_that_is_away_does_not_stop_the_removal(alice, workspace, notes, server):
    connection = reread(connect(alice, workspace, notes))
    server.stop()

    assert delete_connection(connection, by=alice).revoked is False
    assert not UserIntegration.objects.exists()


def test_without_its_key_a_connection_says_so_and_can_be_connected_again(make, alice, settings):
    connection = reread(make())
    settings.AUTOMATE_ENCRYPTION_KEYS = new_key()

    with pytest.raises(ConnectionUnavailable, match="cannot be opened with this server's encryption keys"):
        open_credentials(connection)

    update_connection(connection, by=alice, credentials={"token": "access-0987654321wxyz"})
    assert open_credentials(reread(connection)).text("token") == "access-0987654321wxyz"


def test_unknown_ids_are_not_visible(alice, workspace):
    assert find_visible(alice, workspace, uuid7()) is None
