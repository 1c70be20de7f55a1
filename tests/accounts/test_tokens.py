from __future__ import annotations

from datetime import timedelta

from accounts.models import ApiToken, AuditEvent, hash_token
from accounts.tokens import create_token, find_token
from automate.lib import clock


def test_only_the_hash_and_a_prefix_are_stored(alice, workspace):
    token, text = create_token(alice, workspace, "CI")

    stored = ApiToken.objects.filter(pk=token.pk).values().get()
    assert text not in str(stored)
    assert stored["hash"] == hash_token(text)
    assert text.startswith(stored["prefix"])
    assert len(text) - len(stored["prefix"]) >= 32


def test_token_is_found_by_its_text(alice, workspace):
    token, text = create_token(alice, workspace, "CI")

    found = find_token(text)

    assert found == token
    assert (found.user, found.tenant) == (alice, workspace)
    assert find_token(text + "x") is None
    assert find_token(token.hash) is None


def test_finding_a_token_notes_when_it_was_used(alice, workspace):
    token, text = create_token(alice, workspace, "CI")

    find_token(text)

    token.refresh_from_db()
    assert token.last_used_at is not None
    assert clock.now() - token.last_used_at < timedelta(seconds=10)


def test_use_is_noted_once_a_minute(alice, workspace, django_assert_num_queries):
    _, text = create_token(alice, workspace, "CI")
    find_token(text)

    with django_assert_num_queries(1):
        find_token(text)


def test_expired_token_is_not_found(alice, workspace):
    _, text = create_token(alice, workspace, "CI", expires_at=clock.now() - timedelta(seconds=1))

    assert find_token(text) is None


def test_token_of_a_deactivated_person_is_not_found(alice, workspace):
    _, text = create_token(alice, workspace, "CI")
    alice.is_active = False
    alice.save()

    assert find_token(text) is None


def test_token_of_somebody_who_left_is_not_found(bob, workspace):
    _, text = create_token(bob, workspace, "CI")
    bob.memberships.all().delete()

    assert find_token(text) is None


def test_new_token_is_shown_once(as_alice, alice, workspace):
    fields = {"name": "Backup", "workspace": workspace.pk, "scope": "read", "lifetime": "30"}

    answer = as_alice.post("/profile/tokens/", fields)

    token = alice.api_tokens.get()
    assert hash_token(answer.context["new_text"]) == token.hash
    assert answer.context["new_text"] in answer.content.decode()
    assert answer["Cache-Control"] == "private, no-store"
    assert token.scopes == "read"
    assert timedelta(days=29) < token.expires_at - clock.now() <= timedelta(days=30)
    assert "aut_" not in as_alice.get("/profile/tokens/").content.decode().replace(token.prefix, "")


def test_token_for_a_workspace_of_others_is_refused(as_charlie, charlie, workspace):
    fields = {"name": "Spy", "workspace": workspace.pk, "scope": "read", "lifetime": "30"}

    answer = as_charlie.post("/profile/tokens/", fields)

    assert answer.status_code == 422
    assert not charlie.api_tokens.exists()


def test_viewer_cannot_make_a_token(as_bob, bob, workspace, change_role_to):
    change_role_to(bob, "viewer")
    fields = {"name": "Spy", "workspace": workspace.pk, "scope": "read", "lifetime": "30"}

    assert as_bob.post("/profile/tokens/", fields).status_code == 422


def test_revoked_token_is_gone_and_noted(as_alice, alice, workspace):
    token, text = create_token(alice, workspace, "CI")

    as_alice.post(f"/profile/tokens/{token.pk}/revoke/")

    assert find_token(text) is None
    verbs = AuditEvent.objects.for_tenant(workspace).values_list("verb", flat=True)
    assert list(verbs.order_by("number"))[-2:] == ["token.created", "token.revoked"]


def test_tokens_of_others_cannot_be_revoked(as_bob, alice, workspace):
    token, text = create_token(alice, workspace, "CI")

    answer = as_bob.post(f"/profile/tokens/{token.pk}/revoke/")

    assert answer.status_code == 404
    assert find_token(text) == token
