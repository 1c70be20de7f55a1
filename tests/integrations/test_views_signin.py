"""The pages around a sign-in at a service."""

import pytest
from django.urls import reverse

from integrations.models import OAuthState, UserIntegration
from tests.integrations.notes import reread
from tests.integrations.signin import answer_of

HTMX = {"HX-Request": "true"}


@pytest.fixture
def connect_url(workspace):
    return reverse("integrations:connection-new", args=[workspace.slug, "notes"])


def begin(client, url, **given):
    """The service's address after the first button."""
    answer = client.post(
        url, {"way": "oauth2", "name": "My notes", "sharing": "PRIVATE", **given}, headers=HTMX
    )
    assert answer.status_code == 200, answer.content
    return answer["HX-Redirect"]


def come_back(client, parameters):
    return client.get(reverse("integrations:oauth-callback"), parameters)


def test_the_callback_has_the_registered_address():
    assert reverse("integrations:oauth-callback") == "/oauth/callback"


def test_signing_in_connects_and_returns_to_the_integration(as_alice, workspace, notes, connect_url):
    answer = come_back(as_alice, answer_of(begin(as_alice, connect_url)))

    assert answer.status_code == 302
    assert answer["Location"] == reverse("integrations:integration-detail", args=[workspace.slug, "notes"])
    page = as_alice.get(answer["Location"]).content.decode()
    assert "My notes is connected." in page
    assert "Ada Okafor" in page


def test_signing_in_returns_to_where_it_was_started(as_alice, notes, connect_url):
    answer = come_back(as_alice, answer_of(begin(as_alice, connect_url, next="/w/x/?step=a", slot="notes")))

    row = UserIntegration.objects.get()
    assert answer["Location"] == f"/w/x/?step=a&connection={row.pk}&slot=notes"


def test_without_htmx_a_link_leads_on(as_alice, notes, server, connect_url):
    answer = as_alice.post(connect_url, {"way": "oauth2", "name": "My notes", "sharing": "PRIVATE"})

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Continue to Northwind Notes" in page
    assert f'href="{server.url}/authorize?' in page


def test_declining_shows_a_page_with_a_way_back(as_alice, workspace, notes, connect_url):
    answer = come_back(as_alice, answer_of(begin(as_alice, connect_url, next=connect_url), decision="deny"))

    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Northwind Notes was not connected" in page
    assert f'href="{connect_url}"' in page


def test_the_same_answer_twice_shows_a_page(as_alice, notes, connect_url):
    parameters = answer_of(begin(as_alice, connect_url))
    come_back(as_alice, parameters)

    answer = come_back(as_alice, parameters)

    assert answer.status_code == 400
    assert "already used" in answer.content.decode()
    assert UserIntegration.objects.count() == 1


@pytest.mark.parametrize(
    "parameters", [{}, {"code": "x"}, {"state": "x", "code": "y"}, {"error": "<b>x</b>"}]
)
def test_answers_that_nobody_asked_for_show_a_page(as_alice, parameters):
    answer = come_back(as_alice, parameters)

    assert answer.status_code == 400
    assert "<b>x</b>" not in answer.content.decode()


def test_a_parameter_given_twice_is_not_believed(as_alice, notes, connect_url):
    parameters = answer_of(begin(as_alice, connect_url))

    answer = as_alice.get(
        f"/oauth/callback?state={parameters['state']}&state=other&code={parameters['code']}"
    )

    assert answer.status_code == 400
    assert OAuthState.objects.count() == 1


def test_another_persons_browser_gets_nothing(as_alice, as_bob, notes, connect_url):
    parameters = answer_of(begin(as_alice, connect_url))

    answer = come_back(as_bob, parameters)

    assert answer.status_code == 400
    assert "another browser" in answer.content.decode()
    assert not UserIntegration.objects.exists()


def test_signed_out_people_are_asked_to_sign_in_first(client, db):
    answer = come_back(client, {"state": "x", "code": "y"})

    assert answer.status_code == 302
    assert "/accounts/login/" in answer["Location"]


def test_without_a_client_the_page_says_what_the_administrator_does(as_alice, notes, settings, connect_url):
    settings.AUTOMATE_OAUTH_CLIENTS = {}

    page = as_alice.get(connect_url, {"way": "oauth2"}).content.decode()
    answer = as_alice.post(connect_url, {"way": "oauth2", "name": "x", "sharing": "PRIVATE"})

    assert "not set up on this server" in page
    assert "AUTOMATE_OAUTH_CLIENTS" in page
    assert f"{settings.AUTOMATE_BASE_URL}/oauth/callback" in page
    assert answer.status_code == 422


def test_another_way_is_offered_first_where_signing_in_is_not_set_up(as_alice, notes, settings, connect_url):
    settings.AUTOMATE_OAUTH_CLIENTS = {}

    assert 'name="field_token"' in as_alice.get(connect_url).content.decode()


def test_reconnecting_by_signing_in_keeps_the_id(as_alice, notes, server, connect_url):
    come_back(as_alice, answer_of(begin(as_alice, connect_url)))
    row = UserIntegration.objects.get()
    UserIntegration.objects.update(needs_reconnect=True, last_error="Expired.")
    url = reverse("integrations:connection-reconnect", args=[row.pk])
    assert "Reconnect Northwind Notes" in as_alice.get(url).content.decode()

    come_back(as_alice, answer_of(begin(as_alice, url)))

    again = reread(row)
    assert (again.needs_reconnect, again.name) == (False, "My notes")
    assert UserIntegration.objects.count() == 1
