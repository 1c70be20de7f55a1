"""Connecting by what one types, and looking after connections."""

import json

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from automate.lib.crypto import new_key
from integrations.connections import open_credentials, vault
from integrations.models import UserIntegration
from tests.factories import add_member, make_user
from tests.integrations.notes import SECRET, reread
from tests.integrations.signin import connect

HTMX = {"HX-Request": "true"}


@pytest.fixture
def token(alice, workspace, notes, server):
    row = connect(alice, workspace, notes)
    text = vault.unseal_credentials(row)["access_token"]
    row.delete()
    return text


@pytest.fixture
def connect_url(workspace):
    return reverse("integrations:connection-new", args=[workspace.slug, "notes"])


def typed(**given):
    return {"way": "bearer", "name": "My notes", "sharing": "PRIVATE", **given}


def url_of(name, connection):
    return reverse(f"integrations:{name}", args=[connection.pk])


def test_the_dialog_asks_for_the_fields_of_the_chosen_way(as_alice, notes, connect_url):
    page = as_alice.get(connect_url, {"way": "bearer"}, headers=HTMX).content.decode()

    assert page.lstrip().startswith("<dialog")
    assert 'type="password"' in page
    assert 'name="field_token"' in page
    assert "Starts with access-" in page
    assert "Made in the service" in page
    assert "way=oauth2" in page


def test_without_htmx_it_is_a_page(as_alice, notes, connect_url):
    page = as_alice.get(connect_url, {"way": "bearer"}).content.decode()

    assert "<html" in page
    assert f'action="{connect_url}"' in page


def test_saving_tries_first_and_makes_the_connection(as_alice, alice, notes, token, connect_url):
    answer = as_alice.post(connect_url, typed(field_token=token))

    row = UserIntegration.objects.get()
    assert answer.status_code == 302
    assert (row.user, row.name, row.account_label, row.sharing) == (
        alice,
        "My notes",
        "Ada Okafor",
        "PRIVATE",
    )
    assert open_credentials(reread(row)).text("token") == token


def test_a_refused_secret_is_told_and_never_comes_back(as_alice, notes, server, connect_url):
    answer = as_alice.post(connect_url, typed(field_token="access-wrong-1234567890"))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Connection does not work" in page
    assert "Northwind Notes refused" in page
    assert "access-wrong" not in page
    assert not UserIntegration.objects.exists()


def test_under_htmx_a_refusal_leaves_what_was_typed(as_alice, notes, server, connect_url):
    answer = as_alice.post(connect_url, typed(field_token="access-wrong-1234567890"), headers=HTMX)

    assert answer.status_code == 422
    assert answer["HX-Retarget"] == "#conn-test"
    assert "<input" not in answer.content.decode()


def test_what_the_service_does_not_take_can_be_saved_anyway(as_alice, notes, server, connect_url):
    server.stop()

    as_alice.post(connect_url, typed(field_token="access-later-1234567890", anyway="1"))

    assert UserIntegration.objects.get().name == "My notes"


def test_test_tells_and_saves_nothing(as_alice, notes, token, connect_url):
    answer = as_alice.post(connect_url, typed(field_token=token, do="test"), headers=HTMX)

    assert answer.status_code == 200
    assert "Signed in as Ada Okafor." in answer.content.decode()
    assert not UserIntegration.objects.exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Access token is required."),
        ({"field_token": "t", "field_site": "javascript:alert(1)"}, "must be a web address"),
        ({"field_token": "t", "sharing": "EVERYBODY"}, "not one of the available choices"),
        ({"field_token": "t", "name": "n" * 130}, "at most 120 characters"),
    ],
)
def test_bad_input_is_told_beside_its_field(as_alice, notes, connect_url, given, message):
    answer = as_alice.post(connect_url, typed(**given))

    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not UserIntegration.objects.exists()


def test_it_returns_to_where_it_was_started(as_alice, notes, token, connect_url):
    answer = as_alice.post(
        connect_url, typed(field_token=token, next="/workflows/1/build/?step=a", slot="notes")
    )

    row = UserIntegration.objects.get()
    assert answer["Location"] == f"/workflows/1/build/?step=a&connection={row.pk}&slot=notes"


def test_in_the_builder_the_dialog_closes_and_tells_what_was_made(as_alice, notes, token, connect_url):
    answer = as_alice.post(connect_url, typed(field_token=token, slot="notes"), headers=HTMX)

    events = json.loads(answer["HX-Trigger"])
    made = UserIntegration.objects.get()
    assert answer.status_code == 204
    assert events["dialog-close"] is True
    assert events["connection-made"] == {
        "id": str(made.pk), "name": "My notes", "slot": "notes", "integration": "notes",
    }  # fmt: skip


@pytest.mark.parametrize(
    "url", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"]
)
def test_it_never_leads_to_another_site(as_alice, notes, token, connect_url, url):
    answer = as_alice.post(connect_url, typed(field_token=token, next=url))

    assert answer["Location"].startswith("/w/")


def test_sharing_is_offered_to_those_who_may(as_alice, workspace, notes, client, connect_url):
    assert 'name="sharing"' in as_alice.get(connect_url, {"way": "bearer"}).content.decode()
    operator = make_user()
    add_member(workspace, operator, "operator")
    client.force_login(operator)

    assert client.get(connect_url).status_code == 403


def test_the_list_shows_ones_own_and_the_shared(as_bob, workspace, notes, make_connection):
    make_connection(integration=notes, name="Private one")
    make_connection(integration=notes, name="Shared one", sharing="WORKSPACE")

    page = as_bob.get(reverse("integrations:connection-list", args=[workspace.slug])).content.decode()

    assert "Shared one" in page
    assert "from Alice Adams" in page
    assert "Private one" not in page


def test_twenty_connections_cost_no_more_queries_than_ten(as_alice, workspace, notes, make_connection):
    url = reverse("integrations:connection-list", args=[workspace.slug])

    def queries():
        with CaptureQueriesContext(database) as captured:
            assert as_alice.get(url).status_code == 200
        return len(captured)

    for number in range(10):
        make_connection(integration=notes, name=f"Number {number}")
    queries()  # the first request remembers the workspace in the session
    with_ten = queries()
    for number in range(10):
        make_connection(integration=notes, name=f"Another {number}")

    assert queries() == with_ten


PAGES = ["connection-edit", "connection-reconnect", "connection-delete"]


@pytest.mark.parametrize("name", PAGES)
def test_other_peoples_private_connections_are_unknown(as_bob, as_charlie, notes, make_connection, name):
    connection = make_connection(integration=notes)

    assert as_bob.get(url_of(name, connection)).status_code == 404
    assert as_charlie.get(url_of(name, connection)).status_code == 404
    assert as_bob.post(url_of(name, connection)).status_code == 404
    assert as_bob.post(url_of("connection-test", connection)).status_code == 404
    assert UserIntegration.objects.filter(pk=connection.pk).exists()


@pytest.mark.parametrize("name", ["connection-reconnect", "connection-delete"])
def test_shared_connections_of_others_cannot_be_changed_by_editors(as_bob, notes, make_connection, name):
    connection = make_connection(integration=notes, sharing="WORKSPACE")

    answer = as_bob.post(url_of(name, connection), typed(field_token="t", anyway="1"))

    assert answer.status_code == 403
    assert UserIntegration.objects.filter(pk=connection.pk).exists()


def test_no_page_ever_shows_the_secret(as_alice, workspace, notes, make_connection):
    connection = make_connection(integration=notes)
    urls = [url_of(name, connection) for name in PAGES]
    urls += [reverse("integrations:connection-list", args=[workspace.slug])]
    urls += [reverse("integrations:integration-detail", args=[workspace.slug, "notes"])]

    pages = [as_alice.get(url).content.decode() for url in urls]

    assert all(SECRET not in page for page in pages)
    assert "•••• 6789" in as_alice.get(url_of("connection-reconnect", connection)).content.decode()


def test_renaming_and_sharing(as_alice, notes, make_connection):
    connection = make_connection(integration=notes)

    as_alice.post(url_of("connection-edit", connection), {"name": "Renamed", "sharing": "WORKSPACE"})

    row = reread(connection)
    assert (row.name, row.sharing, row.credentials) == ("Renamed", "WORKSPACE", connection.credentials)


def test_testing_a_connection_shows_its_health_in_place(as_alice, notes, server, make_connection):
    connection = make_connection(integration=notes)

    answer = as_alice.post(url_of("connection-test", connection), headers=HTMX)

    page = answer.content.decode()
    assert page.lstrip().startswith(f'<div class="row row-s" id="health-{connection.pk}">')
    assert "Expired" in page
    assert "Northwind Notes refused" in page


def test_testing_without_htmx_returns_to_the_list(as_alice, workspace, notes, server, make_connection):
    answer = as_alice.post(url_of("connection-test", make_connection(integration=notes)), follow=True)

    assert answer.redirect_chain[-1][0] == reverse("integrations:connection-list", args=[workspace.slug])
    assert "Northwind Notes refused" in answer.content.decode()


def test_reconnecting_replaces_the_secret_and_keeps_the_id(as_alice, notes, token, make_connection):
    connection = make_connection(integration=notes, needs_reconnect=True, last_error="Expired.")

    as_alice.post(url_of("connection-reconnect", connection), {"name": "Notes", "field_token": token})

    row = reread(connection)
    assert open_credentials(row).text("token") == token
    assert (row.needs_reconnect, row.last_error, row.account_label) == (False, "", "Ada Okafor")


def test_reconnecting_works_when_the_encryption_key_is_gone(
    as_alice, notes, token, make_connection, settings
):
    connection = make_connection(integration=notes)
    settings.AUTOMATE_ENCRYPTION_KEYS = new_key()
    url = url_of("connection-reconnect", connection)
    assert as_alice.get(url).status_code == 200

    as_alice.post(url, {"name": "Notes", "field_token": token})

    assert open_credentials(reread(connection)).text("token") == token


def test_removing_asks_first_and_says_so_after(as_alice, workspace, notes, make_connection):
    connection = make_connection(integration=notes)
    url = url_of("connection-delete", connection)
    question = as_alice.get(url, headers=HTMX).content.decode()
    assert "Remove “Notes”?" in question
    assert "No workflow uses it." in question

    answer = as_alice.post(url, follow=True)

    assert "Notes was removed" in answer.content.decode()
    assert not UserIntegration.objects.exists()


def test_an_integration_without_sign_in_says_so(as_alice, workspace, notes):
    notes.auth_config = [{"type": "none"}]
    notes.digest = ""
    notes.save()

    answer = as_alice.get(reverse("integrations:connection-new", args=[workspace.slug, "notes"]), follow=True)

    assert "needs no connection" in answer.content.decode()
