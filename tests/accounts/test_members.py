from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts import members
from accounts.errors import InvitationRefused, MembershipRefused
from accounts.models import ApiToken, AuditEvent, Invitation, Membership, Role, hash_token
from accounts.permissions import builtin_role
from accounts.tokens import create_token
from automate.lib import clock
from tests.factories import add_member, make_user


@pytest.fixture
def mine(workspace, alice) -> Membership:
    """Alice's own membership."""
    return Membership.objects.get(tenant=workspace, user=alice)


@pytest.fixture
def bobs(workspace, bob) -> Membership:
    return Membership.objects.get(tenant=workspace, user=bob)


def _verbs(workspace) -> list[str]:
    return list(AuditEvent.objects.for_tenant(workspace).order_by("number").values_list("verb", flat=True))


def _token_in(link: str) -> str:
    return link.rstrip("/").rsplit("/", 1)[1]


# ---- inviting and joining


def test_invited_person_joins_with_the_offered_role(mine, workspace):
    _invitation, link = members.invite(mine, "Dana@Example.com", builtin_role("operator"))
    dana = make_user("dana@example.com")

    found = members.find_invitation(_token_in(link))
    assert found is not None
    membership = members.accept_invitation(found, dana)

    assert (membership.tenant, membership.role.name) == (workspace, "operator")
    assert _verbs(workspace) == ["workspace.created", "member.invited", "member.joined"]


def test_invitation_stores_a_hash_and_lasts_seven_days(mine):
    invitation, link = members.invite(mine, "dana@example.com", builtin_role("viewer"))

    token = _token_in(link)
    assert invitation.token_hash == hash_token(token)
    assert timedelta(days=6) < invitation.expires_at - clock.now() <= timedelta(days=7)


def test_invitation_is_for_its_address_alone(mine, charlie):
    invitation, _ = members.invite(mine, "dana@example.com", builtin_role("viewer"))

    with pytest.raises(InvitationRefused, match=r"for dana@example\.com, and you are signed in as charlie"):
        members.accept_invitation(invitation, charlie)
    assert not charlie.memberships.filter(tenant=mine.tenant).exists()


def test_invitation_works_once(mine):
    invitation, _ = members.invite(mine, "dana@example.com", builtin_role("viewer"))
    dana = make_user("dana@example.com")
    members.accept_invitation(invitation, dana)
    dana.memberships.all().delete()

    with pytest.raises(InvitationRefused, match="used already"):
        members.accept_invitation(invitation, dana)


def test_expired_invitation_is_not_found(mine):
    invitation, link = members.invite(mine, "dana@example.com", builtin_role("viewer"))
    Invitation.objects.update(expires_at=clock.now() - timedelta(seconds=1))

    assert members.find_invitation(_token_in(link)) is None
    with pytest.raises(InvitationRefused, match="expired"):
        members.accept_invitation(invitation, make_user("dana@example.com"))


def test_second_invitation_replaces_the_first(mine):
    _, first = members.invite(mine, "dana@example.com", builtin_role("viewer"))
    _, second = members.invite(mine, "dana@example.com", builtin_role("editor"))

    assert members.find_invitation(_token_in(first)) is None
    found = members.find_invitation(_token_in(second))
    assert found is not None
    assert found.role.name == "editor"


def test_unconfirmed_address_cannot_join_where_mail_is_sent(mine, settings):
    settings.HAS_EMAIL = True
    invitation, _ = members.invite(mine, "dana@example.com", builtin_role("viewer"))
    dana = make_user("dana@example.com", verified=False)

    with pytest.raises(InvitationRefused, match="Confirm your e-mail address first"):
        members.accept_invitation(invitation, dana)


def test_member_is_not_invited_again(mine, bob):
    with pytest.raises(InvitationRefused, match="already a member"):
        members.invite(mine, bob.email, builtin_role("viewer"))


def test_admin_cannot_invite_an_owner(workspace):
    admin = add_member(workspace, role="admin")

    with pytest.raises(InvitationRefused, match="may do more than yours"):
        members.invite(admin, "dana@example.com", builtin_role("owner"))


def test_mail_carries_the_link(mine, mailoutbox, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    invitation, link = members.invite(mine, "dana@example.com", builtin_role("viewer"))

    assert members.send_invitation(invitation, link)

    assert mailoutbox[0].to == ["dana@example.com"]
    assert mailoutbox[0].subject == "Alice Adams invites you to Northwind"
    assert link in mailoutbox[0].body


# ---- roles


def test_owner_changes_a_role(mine, bobs, workspace):
    members.change_role(bobs, builtin_role("viewer"), by=mine)

    bobs.refresh_from_db()
    assert bobs.role.name == "viewer"
    event = AuditEvent.objects.for_tenant(workspace).latest("number")
    assert (event.verb, event.detail.before, event.detail.after) == (
        "member.role_changed",
        {"role": "editor"},
        {"role": "viewer"},
    )


def test_last_owner_cannot_be_demoted(mine):
    with pytest.raises(MembershipRefused, match="Alice Adams is the last owner"):
        members.change_role(mine, builtin_role("admin"), by=mine)

    mine.refresh_from_db()
    assert mine.role.name == "owner"


def test_owner_may_step_down_when_there_is_another(mine, bobs):
    members.change_role(bobs, builtin_role("owner"), by=mine)

    members.change_role(mine, builtin_role("viewer"), by=mine)

    assert mine.role.name == "viewer"


def test_admin_cannot_touch_an_owner(mine, workspace):
    admin = add_member(workspace, role="admin")
    add_member(workspace, role="owner")

    with pytest.raises(MembershipRefused, match="their role may do more than yours"):
        members.change_role(mine, builtin_role("viewer"), by=admin)
    with pytest.raises(MembershipRefused, match="their role may do more than yours"):
        members.remove_member(mine, by=admin)


def test_admin_cannot_make_anybody_owner(bobs, workspace):
    admin = add_member(workspace, role="admin")

    with pytest.raises(MembershipRefused, match="may do more than yours"):
        members.change_role(bobs, builtin_role("owner"), by=admin)


# ---- leaving


def test_last_owner_cannot_leave(as_alice, mine, bob, workspace):
    answer = as_alice.post(reverse("accounts:workspace-leave", args=[workspace.slug]), follow=True)

    assert "Alice Adams is the last owner" in answer.content.decode()
    assert Membership.objects.filter(pk=mine.pk).exists()


def test_last_owner_cannot_be_removed(mine):
    with pytest.raises(MembershipRefused, match="last owner"):
        members.remove_member(mine, by=mine)


def test_member_leaves_and_their_tokens_go(as_bob, bob, workspace):
    create_token(bob, workspace, "CI")

    as_bob.post(reverse("accounts:workspace-leave", args=[workspace.slug]))

    assert not bob.memberships.exists()
    assert not ApiToken.objects.filter(user=bob).exists()
    assert _verbs(workspace)[-1] == "member.left"


def test_removed_member_sees_nothing_any_more(as_alice, as_bob, bobs, workspace):
    as_alice.post(reverse("accounts:member-remove", args=[bobs.pk]))

    assert as_bob.get(reverse("accounts:member-list", args=[workspace.slug])).status_code == 404
    assert _verbs(workspace)[-1] == "member.removed"


# ---- pages


def test_invitation_link_is_shown_where_no_mail_is_sent(as_alice, workspace, settings):
    url = reverse("accounts:member-invite", args=[workspace.slug])

    answer = as_alice.post(url, {"email": "dana@example.com", "role": builtin_role("viewer").pk})

    assert answer.context["link"].startswith(f"{settings.AUTOMATE_BASE_URL}/invitations/")
    assert answer.context["link"] in answer.content.decode()
    page = as_alice.get(reverse("accounts:member-list", args=[workspace.slug])).content.decode()
    assert "dana@example.com" in page
    assert answer.context["link"] not in page


def test_refused_invitation_comes_back_with_the_reason(as_alice, bob, workspace):
    url = reverse("accounts:member-invite", args=[workspace.slug])

    answer = as_alice.post(url, {"email": bob.email, "role": builtin_role("viewer").pk})

    assert answer.status_code == 422
    assert "bob@example.com is already a member of Northwind." in answer.content.decode()


def test_role_of_another_workspace_is_no_choice(as_alice, workspace, bobs, charlie):
    foreign = Role.objects.create(tenant=charlie.tenants.get(), name="boss", permissions=["workflow.view"])

    as_alice.post(reverse("accounts:member-role", args=[bobs.pk]), {"role": foreign.pk})

    bobs.refresh_from_db()
    assert bobs.role.name == "editor"


def test_newcomer_follows_the_link_and_joins(client, mine, workspace, settings):
    _, link = members.invite(mine, "dana@example.com", builtin_role("viewer"))
    path = link.removeprefix(settings.AUTOMATE_BASE_URL)
    page = client.get(path)
    assert "Join Northwind" in page.content.decode()
    client.post(
        f"/accounts/signup/?next={path}",
        {"email": "dana@example.com", "password1": "four unrelated words here"},
    )

    answer = client.post(path)

    assert answer["Location"] == reverse("workspace-home", args=[workspace.slug])
    assert Membership.objects.filter(tenant=workspace, user__email="dana@example.com").exists()


def test_unknown_invitation_is_a_friendly_404(client, db):
    answer = client.get("/invitations/nothing-of-the-kind/")

    assert answer.status_code == 404
    assert "This invitation no longer works" in answer.content.decode()


def test_posting_to_an_invitation_without_signing_in_joins_nobody(client, mine, settings):
    _, link = members.invite(mine, "dana@example.com", builtin_role("viewer"))

    client.post(link.removeprefix(settings.AUTOMATE_BASE_URL))

    assert Membership.objects.count() == 1


def test_withdrawn_invitation_no_longer_works(as_alice, mine):
    invitation, link = members.invite(mine, "dana@example.com", builtin_role("viewer"))

    as_alice.post(reverse("accounts:invitation-revoke", args=[invitation.pk]))

    assert members.find_invitation(_token_in(link)) is None


def _queries_of_list(client, workspace, django_assert_max_num_queries) -> int:
    with django_assert_max_num_queries(100) as queries:
        client.get(reverse("accounts:member-list", args=[workspace.slug]))
    return len(queries)


def test_twenty_members_cost_no_more_queries_than_ten(as_alice, mine, django_assert_max_num_queries):
    for number in range(10):
        add_member(mine.tenant)
        members.invite(mine, f"guest{number}@example.com", builtin_role("viewer"))
    as_alice.get(reverse("accounts:member-list", args=[mine.tenant.slug]))
    ten = _queries_of_list(as_alice, mine.tenant, django_assert_max_num_queries)
    for number in range(10, 20):
        add_member(mine.tenant)
        members.invite(mine, f"guest{number}@example.com", builtin_role("viewer"))

    assert _queries_of_list(as_alice, mine.tenant, django_assert_max_num_queries) == ten
