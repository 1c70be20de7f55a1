"""Signing in at a service: every answer is used once, by the browser and person who asked."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from automate.lib import clock
from integrations.connections import NotSetUp, SignInFailed, oauth
from integrations.connections.oauth import Purpose, forget_old_states
from integrations.models import OAuthState, UserIntegration
from tests.factories import add_member, make_user
from tests.integrations.notes import deadline, install_notes, notes_manifest, reread
from tests.integrations.signin import SESSION, answer_of, connect, start


def finish(user, answer, session=SESSION):
    return oauth.finish(user=user, session_key=session, parameters=answer)


def test_the_address_asks_for_a_code_with_pkce_and_the_exact_redirect(alice, workspace, notes, server):
    url = start(alice, workspace, notes)

    query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{server.url}/authorize?")
    assert query["response_type"] == "code"
    assert query["redirect_uri"] == server.redirect_uri
    assert query["code_challenge_method"] == "S256"
    assert query["scope"] == "profile notes:read notes:write"
    assert len(query["state"]) >= 43
    state = OAuthState.objects.get()
    assert query["state"] not in (state.state_hash, state.verifier)
    assert state.expires_at - clock.now() <= timedelta(minutes=10)


def test_allowing_makes_a_connection(alice, workspace, notes, server):
    connected = finish(alice, answer_of(start(alice, workspace, notes)))

    connection = reread(connected.connection)
    assert connected.is_new
    assert connected.warning == ""
    assert (connection.name, connection.account_label) == ("My notes", "Ada Okafor")
    assert (connection.tenant, connection.user, connection.auth_type) == (workspace, alice, "OAUTH2")
    assert connection.scopes == ["profile", "notes:read", "notes:write"]
    assert timedelta(minutes=59) < deadline(connection) - clock.now() <= timedelta(hours=1)
    assert not connection.needs_reconnect
    assert not OAuthState.objects.exists()


def test_a_token_answer_in_form_encoding_is_read_too(alice, workspace, notes, server):
    server.answers_form = True

    assert connect(alice, workspace, notes).account_label == "Ada Okafor"


def test_a_refusal_at_the_service_is_told_in_plain_words(alice, workspace, notes):
    answer = answer_of(start(alice, workspace, notes, purpose=Purpose(next="/here/")), decision="deny")

    with pytest.raises(SignInFailed, match="declined") as failure:
        finish(alice, answer)

    assert answer["error"] == "access_denied"
    assert failure.value.back == "/here/"
    assert failure.value.title == "Northwind Notes was not connected"
    assert not UserIntegration.objects.exists()


def test_an_answer_works_once(alice, workspace, notes, server):
    answer = answer_of(start(alice, workspace, notes))
    finish(alice, answer)

    with pytest.raises(SignInFailed, match="already used"):
        finish(alice, answer)

    assert server.memory.calls["authorization_code"] == 1
    assert UserIntegration.objects.count() == 1


def test_a_declined_answer_burns_its_state_too(alice, workspace, notes):
    answer = answer_of(start(alice, workspace, notes), decision="deny")
    with pytest.raises(SignInFailed):
        finish(alice, answer)

    with pytest.raises(SignInFailed, match="already used"):
        finish(alice, {**answer, "code": "made-up"})


def test_an_unknown_state_is_refused(alice, workspace, notes):
    for answer in ({"state": "x" * 43, "code": "y"}, {"code": "y"}, {}):
        with pytest.raises(SignInFailed, match="Start it again"):
            finish(alice, answer)


def test_another_session_of_the_same_person_is_refused(alice, workspace, notes, server):
    answer = answer_of(start(alice, workspace, notes))

    with pytest.raises(SignInFailed, match="another browser"):
        finish(alice, answer, session="another")

    with pytest.raises(SignInFailed, match="already used"):
        finish(alice, answer)
    assert server.memory.calls["authorization_code"] == 0


def test_another_person_in_the_same_browser_is_refused(alice, bob, workspace, notes, server):
    answer = answer_of(start(alice, workspace, notes))

    with pytest.raises(SignInFailed, match="another browser or by somebody else"):
        finish(bob, answer)

    assert server.memory.calls["authorization_code"] == 0


def test_an_answer_after_ten_minutes_is_refused(alice, workspace, notes, server):
    answer = answer_of(start(alice, workspace, notes))
    OAuthState.objects.update(expires_at=clock.now() - timedelta(seconds=1))

    with pytest.raises(SignInFailed, match="longer than ten minutes"):
        finish(alice, answer)

    assert server.memory.calls["authorization_code"] == 0


def test_a_member_who_lost_the_permission_meanwhile_is_refused(workspace, notes, server):
    user = make_user()
    membership = add_member(workspace, user, "editor")
    answer = answer_of(start(user, workspace, notes))
    membership.delete()

    with pytest.raises(SignInFailed, match="any more"):
        finish(user, answer)

    assert server.memory.calls["authorization_code"] == 0


def test_an_answer_from_another_issuer_is_refused(alice, workspace, notes, server):
    answer = answer_of(start(alice, workspace, notes))

    with pytest.raises(SignInFailed, match="another service"):
        finish(alice, {**answer, "iss": "https://honest.example"})

    assert server.memory.calls["authorization_code"] == 0


def test_a_wrong_verifier_gets_nothing(alice, workspace, notes, server):
    answer = answer_of(start(alice, workspace, notes))
    other = answer_of(start(alice, workspace, notes))

    with pytest.raises(SignInFailed, match="Code challenge failed"):
        finish(alice, {**answer, "code": other["code"]})

    assert not UserIntegration.objects.exists()


def test_a_service_that_is_down_is_named(alice, workspace, notes, server):
    answer = answer_of(start(alice, workspace, notes))
    server.broken = True

    with pytest.raises(SignInFailed, match="Northwind Notes could not give a new token: status 503"):
        finish(alice, answer)


def test_without_a_client_the_administrator_is_needed(alice, workspace, notes, settings):
    settings.AUTOMATE_OAUTH_CLIENTS = {}

    with pytest.raises(NotSetUp, match="not registered with Northwind Notes"):
        start(alice, workspace, notes)


def test_a_workspaces_own_integration_never_gets_the_installations_client(alice, workspace, notes, server):
    notes.tenant = workspace
    notes.save()

    with pytest.raises(NotSetUp):
        start(alice, workspace, notes)


def test_reconnecting_keeps_the_connections_id(alice, workspace, notes, server):
    first = connect(alice, workspace, notes)
    UserIntegration.objects.update(needs_reconnect=True, last_error="It has expired.")

    again = connect(alice, workspace, notes, connection=reread(first), purpose=Purpose(sharing=first.sharing))

    renewed = reread(again)
    assert renewed.pk == first.pk
    assert (renewed.name, renewed.needs_reconnect, renewed.last_error) == ("My notes", False, "")
    assert renewed.credentials != first.credentials
    assert UserIntegration.objects.count() == 1


def test_a_failed_first_try_still_keeps_the_connection_and_says_so(alice, workspace, server):
    notes = install_notes(server.url, notes_manifest(server.url, **{"path: /me": "path: /gone"}))

    connected = finish(alice, answer_of(start(alice, workspace, notes)))

    assert "404" in connected.warning
    assert reread(connected.connection).last_error == connected.warning


def test_what_the_service_tells_is_kept_and_telling_names_are_sealed(alice, workspace, server):
    manifest = notes_manifest(
        server.url,
        **{
            "    refresh: {rotates: true}": "    refresh: {rotates: true}\n    save_from_token: [scope, token_type]\n"
            "    after_connect: {method: GET, path: /me, save: {person: '{{ body.id }}'}}"
        },
    )
    connection = reread(connect(alice, workspace, install_notes(server.url, manifest)))

    assert connection.public_values == {"scope": "profile notes:read notes:write", "person": "u-1"}


def test_an_address_outside_the_services_hosts_is_refused(alice, workspace, server):
    manifest = notes_manifest(
        server.url,
        **{
            "    refresh: {rotates: true}": "    refresh: {rotates: true}\n    host_pattern: '.*[.]notes[.]example'\n"
            "    after_connect: {method: GET, path: /me, base_url: '" + server.url + "',"
            " save: {site: 'https://evil.example', page: 'https://elsewhere.example'}}",
            f"  base_url: {server.url}": "  base_url: '{{ connection.site }}'",
        },
    )
    answer = answer_of(start(alice, workspace, install_notes(server.url, manifest)))

    with pytest.raises(SignInFailed, match=r"“evil\.example” is not an address of this service"):
        finish(alice, answer)

    assert not UserIntegration.objects.exists()


def test_states_that_nobody_finished_are_forgotten(alice, workspace, notes):
    start(alice, workspace, notes)
    OAuthState.objects.update(expires_at=clock.now() - timedelta(seconds=1))

    assert forget_old_states() == 1
