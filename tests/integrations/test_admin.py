"""The admin shows connections without what opens them, and lets own integrations be changed."""

import pytest
from django.test import Client
from django.urls import reverse

from integrations.connections import ConnectionUnavailable, find_service, oauth, opened, vault
from integrations.models import IntegrationDefinition, OAuthState, UserIntegration
from integrations.sync import definition_manifest
from tests.integrations.notes import SECRET, reread
from tests.integrations.signin import connect, start


@pytest.fixture
def as_staff(alice):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client = Client()
    client.force_login(alice)
    return client


def page(client, name, *args):
    return client.get(reverse(f"admin:integrations_{name}", args=args))


def test_no_secret_is_shown_not_even_sealed(as_staff, notes, alice, workspace, server, make_connection):
    made = make_connection(integration=notes)
    signed_in = reread(connect(alice, workspace, notes))
    start(alice, workspace, notes)

    pages = [page(as_staff, "userintegration_changelist")]
    pages += [page(as_staff, "userintegration_change", row.pk) for row in (made, signed_in)]

    text = "".join(answer.content.decode() for answer in pages)
    assert all(answer.status_code == 200 for answer in pages)
    assert "Ada Okafor" in text
    for row in (made, signed_in):
        assert row.credentials not in text
    assert signed_in.refresh_token not in text
    assert SECRET not in text
    assert not any(secret in text for secret in server.memory.secrets() if secret)


def test_connections_cannot_be_changed_or_added(as_staff, notes, make_connection):
    row = make_connection(integration=notes)

    as_staff.post(
        reverse("admin:integrations_userintegration_change", args=[row.pk]), {"name": "x", "credentials": "y"}
    )

    assert (reread(row).name, reread(row).credentials) == (row.name, row.credentials)
    assert page(as_staff, "userintegration_add").status_code == 403


def test_switching_off_stops_runs_and_is_noted(as_staff, workspace, notes, make_connection):
    row = make_connection(integration=notes)

    as_staff.post(
        reverse("admin:integrations_userintegration_changelist"),
        {"action": "switch_off", "_selected_action": [str(row.pk)]},
    )

    with pytest.raises(ConnectionUnavailable):
        opened(row.pk, workspace, find_service("notes", workspace))
    assert workspace.audit_events.filter(verb="connection.switched_off").exists()


def test_deleting_takes_the_access_back(as_staff, alice, workspace, notes, server):
    row = connect(alice, workspace, notes)

    as_staff.post(reverse("admin:integrations_userintegration_delete", args=[row.pk]), {"post": "yes"})

    assert not UserIntegration.objects.exists()
    assert server.memory.calls["revoke"] == 1


def test_shipped_integrations_are_shown_and_fixed(as_staff, notes):
    answer = page(as_staff, "integrationdefinition_change", notes.pk)

    assert answer.status_code == 200
    assert "add_note" in answer.content.decode()
    assert b'name="_save"' not in answer.content


def test_an_own_integration_is_changed_and_read_again(as_staff, workspace, db):
    form = {
        "display_name": "Our shop", "name": "shop", "tenant": str(workspace.pk), "category": "other",
        "docs_url": "https://shop.example/docs", "auth_type": "NONE", "protocol": "http", "version": "1",
        "base_url": "https://shop.example", "auth_config": '[{"type": "none"}]', "http": "{}", "parameters": "{}",
        "is_active": "on", "actions-TOTAL_FORMS": "1", "actions-INITIAL_FORMS": "0", "triggers-TOTAL_FORMS": "0",
        "triggers-INITIAL_FORMS": "0", "actions-0-name": "add", "actions-0-display_name": "Add",
        "actions-0-method": "POST", "actions-0-endpoint": "/items", "actions-0-effect": "unsafe",
        "actions-0-order": "0", "actions-0-input_schema": "{}", "actions-0-output_schema": "{}",
        "actions-0-default_config": '{"send": {"json": {}}}', "actions-0-scopes": "[]", "actions-0-sample": "{}",
    }  # fmt: skip

    answer = as_staff.post(reverse("admin:integrations_integrationdefinition_add"), form)

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    definition = IntegrationDefinition.objects.get(name="shop")
    assert definition.source == "CUSTOM"
    assert definition.digest
    assert [action.path for action in definition_manifest(definition).actions] == ["/items"]


def test_a_sign_in_under_way_keeps_its_verifier_sealed(alice, workspace, notes):
    start(alice, workspace, notes, purpose=oauth.Purpose(name="n"))

    state = OAuthState.objects.get()
    verifier = str(vault.unseal_sign_in(state)["verifier"])
    assert len(verifier) == 43
    assert verifier not in state.verifier
