"""The integration library and an integration's page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.models import IntegrationDefinition
from tests.factories import add_member, make_user
from tests.integrations.notes import install_notes, notes_manifest


@pytest.fixture
def catalogue(db):
    return install_notes("https://notes.example")


def library(client, workspace, htmx=False, **query):
    headers = {"HX-Request": "true", "HX-Target": "apps"} if htmx else {}
    return client.get(reverse("integrations:integration-list", args=[workspace.slug]), query, headers=headers)


def detail(client, workspace, slug="notes"):
    return client.get(reverse("integrations:integration-detail", args=[workspace.slug, slug]))


def test_the_library_shows_what_can_be_connected(as_alice, workspace, catalogue):
    page = library(as_alice, workspace).content.decode()

    assert "Northwind Notes" in page
    assert "2 actions" in page
    assert "Productivity" in page


def test_search_finds_by_words_and_answers_a_fragment(as_alice, workspace, catalogue):
    answer = library(as_alice, workspace, htmx=True, q="short northwind")

    text = answer.content.decode()
    assert [card.definition.name for card in answer.context["cards"]] == ["notes"]
    assert text.lstrip().startswith('<div class="stack" id="apps">')
    assert "<html" not in text


def test_search_without_a_hit_offers_http(as_alice, workspace, catalogue):
    page = library(as_alice, workspace, q="does-not-exist").content.decode()

    assert "No integration matches" in page
    assert "HTTP request" in page
    assert "Clear filters" in page


def test_chips_filter_by_category_and_by_what_is_connected(
    as_alice, alice, workspace, catalogue, make_connection
):
    make_connection(integration=catalogue)

    by_category = library(as_alice, workspace, cat="productivity").context
    connected = library(as_alice, workspace, cat="connected").context

    assert {card.definition.category for card in by_category["cards"]} == {"productivity"}
    assert [card.definition.name for card in connected["cards"]] == ["notes"]
    assert [chip["count"] for chip in connected["chips"] if chip["label"] == "Connected"] == [1]


def test_cards_say_connect_manage_or_reconnect(as_alice, workspace, catalogue, make_connection):
    def words():
        page = library(as_alice, workspace, q="northwind").content.decode()
        return [word for word in ("Connect<", "Manage<", "Reconnect<") if word in page]

    assert words() == ["Connect<"]
    connection = make_connection(integration=catalogue)
    assert words() == ["Manage<"]
    connection.needs_reconnect = True
    connection.save()
    assert words() == ["Reconnect<"]


def test_somebody_elses_private_connection_is_not_counted(
    as_bob, alice, workspace, catalogue, make_connection
):
    make_connection(integration=catalogue)

    assert library(as_bob, workspace, cat="connected").context["cards"] == []


def test_a_viewer_sees_the_library_without_connect(workspace, catalogue, client):
    viewer = make_user()
    add_member(workspace, viewer, "viewer")
    client.force_login(viewer)

    page = library(client, workspace).content.decode()

    assert "Northwind Notes" in page
    assert "/connect/" not in page


def test_strangers_find_nothing(as_charlie, workspace, catalogue):
    assert library(as_charlie, workspace).status_code == 404
    assert detail(as_charlie, workspace).status_code == 404


def test_another_workspaces_own_integration_is_unknown(as_alice, charlie, workspace, catalogue):
    IntegrationDefinition.objects.filter(pk=catalogue.pk).update(tenant=charlie.tenants.get())

    assert detail(as_alice, workspace).status_code == 404
    assert "Northwind Notes" not in library(as_alice, workspace).content.decode()


def test_an_integrations_page_tells_what_it_can_do(as_alice, workspace, catalogue, make_connection):
    make_connection(integration=catalogue, name="My own notes")

    page = detail(as_alice, workspace).content.decode()

    for text in (
        "Add a note",
        "List notes",
        "My own notes",
        "Connect another account",
        "https://notes.example/docs",
    ):
        assert text in page


def test_markup_in_a_manifest_stays_text(as_alice, workspace, db):
    install_notes("https://x", notes_manifest("https://x", **{"Keeps short notes.": "<b id=evil>notes</b>"}))

    assert "<b id=evil>" not in library(as_alice, workspace).content.decode()
    assert "<b id=evil>" not in detail(as_alice, workspace).content.decode()


def test_twenty_integrations_cost_no_more_queries_than_ten(as_alice, workspace, catalogue, make_connection):
    def add(count):
        for number in range(count):
            row = IntegrationDefinition.objects.create(
                name=f"app-{count}-{number}", display_name=f"App {number}"
            )
            make_connection(integration=row)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert library(as_alice, workspace).status_code == 200
        return len(captured)

    add(10)
    queries()  # the first request remembers the workspace in the session
    with_ten = queries()
    add(11)

    assert queries() == with_ten
