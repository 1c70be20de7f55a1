"""Who belongs to a workspace: inviting, joining, changing roles, leaving."""

from __future__ import annotations

import logging
import secrets
from smtplib import SMTPException

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from accounts import audit
from accounts.errors import InvitationRefused, MembershipRefused
from accounts.models import (
    TOKEN_BYTES,
    ApiToken,
    Invitation,
    Membership,
    Role,
    User,
    hash_token,
    new_invitation_expiry,
)
from accounts.permissions import may_hand_out
from automate.lib import clock

logger = logging.getLogger(__name__)
OWNER = "owner"


@transaction.atomic
def invite(by: Membership, email: str, role: Role, *, ip: str | None = None) -> tuple[Invitation, str]:
    """The invitation and its link. An earlier one for the same address stops working. Raises InvitationRefused."""
    tenant, email = by.tenant, email.strip().lower()
    if not may_hand_out(by, role):
        raise InvitationRefused(
            f"You cannot invite somebody as {role.name}: that role may do more than yours."
        )
    if Membership.objects.for_tenant(tenant).filter(user__email=email).exists():
        raise InvitationRefused(f"{email} is already a member of {tenant.name}.")
    Invitation.objects.for_tenant(tenant).filter(email=email, accepted_at=None).delete()
    token = secrets.token_urlsafe(TOKEN_BYTES)
    invitation = Invitation.objects.create(
        tenant=tenant,
        email=email,
        role=role,
        token_hash=hash_token(token),
        invited_by=by.user,
        expires_at=new_invitation_expiry(),
    )
    audit.record(
        tenant, by.user, "member.invited", invitation, after={"email": email, "role": role.name}, ip=ip
    )
    return invitation, settings.AUTOMATE_BASE_URL + reverse("accounts:invitation-accept", args=[token])


def send_invitation(invitation: Invitation, link: str) -> bool:
    """Mail the link to the invited person; False when the mail server did not take it."""
    text = render_to_string("accounts/mail/invitation.txt", {"invitation": invitation, "link": link})
    inviter = invitation.invited_by.shown_name if invitation.invited_by else "Somebody"
    subject = " ".join(f"{inviter} invites you to {invitation.tenant.name}".split())
    try:
        EmailMessage(subject, text, to=[invitation.email]).send()
    except (SMTPException, OSError):
        logger.exception("invitation %s not sent", invitation.pk)
        return False
    return True


@transaction.atomic
def withdraw_invitation(invitation: Invitation, *, by: User, ip: str | None = None) -> None:
    before = {"email": invitation.email, "role": invitation.role.name}
    audit.record(invitation.tenant, by, "member.invitation_withdrawn", invitation, before=before, ip=ip)
    invitation.delete()


def find_invitation(token: str) -> Invitation | None:
    """The open invitation behind a link, with tenant, role and inviter; None if unknown, used or expired."""
    invitation = (
        Invitation.objects.filter(token_hash=hash_token(token))
        .select_related("tenant", "role", "invited_by")
        .first()
    )
    return invitation if invitation is not None and invitation.is_open() else None


@transaction.atomic
def accept_invitation(invitation: Invitation, user: User, *, ip: str | None = None) -> Membership:
    """Make the user a member; the invitation is used up. Raises InvitationRefused."""
    if invitation.email != user.email:
        raise InvitationRefused(
            f"This invitation is for {invitation.email}, and you are signed in as {user.email}. "
            "Sign in with the invited address, or ask for an invitation to yours."
        )
    if (
        settings.HAS_EMAIL
        and not EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists()
    ):
        raise InvitationRefused("Confirm your e-mail address first: the link is in the mail we sent you.")
    still_open = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, expires_at__gt=clock.now())
    if not still_open.update(accepted_at=clock.now()):
        raise InvitationRefused("This invitation was used already or has expired. Ask for a new one.")
    membership, is_new = Membership.objects.get_or_create(
        tenant=invitation.tenant, user=user, defaults={"role": invitation.role}
    )
    if is_new:
        membership.groups.set(invitation.groups.all())
        audit.record(
            invitation.tenant, user, "member.joined", membership, after={"role": invitation.role.name}, ip=ip
        )
    return membership


@transaction.atomic
def change_role(membership: Membership, role: Role, *, by: Membership, ip: str | None = None) -> None:
    """Raises MembershipRefused when `by` may not hand out either role, or the last owner would be gone."""
    before = membership.role
    if role == before:
        return
    _check_reach(by, membership)
    if not may_hand_out(by, role):
        raise MembershipRefused(f"You cannot make somebody {role.name}: that role may do more than yours.")
    _keep_an_owner(membership, f"Make another member owner before you change {_whom(membership, by)} role.")
    membership.role = role
    membership.save(update_fields=["role"])
    audit.record(
        membership.tenant,
        by.user,
        "member.role_changed",
        membership,
        before={"role": before.name},
        after={"role": role.name},
        ip=ip,
    )


@transaction.atomic
def remove_member(membership: Membership, *, by: Membership, ip: str | None = None) -> None:
    """Take somebody (or oneself) out of the workspace, with their API tokens for it. Raises MembershipRefused."""
    leaves = membership.pk == by.pk
    if not leaves:
        _check_reach(by, membership)
    _keep_an_owner(membership, "A workspace needs an owner: make another member owner first.")
    tenant, user = membership.tenant, membership.user
    ApiToken.objects.for_tenant(tenant).filter(user=user).delete()
    verb = "member.left" if leaves else "member.removed"
    audit.record(tenant, by.user, verb, membership, before={"role": membership.role.name}, ip=ip)
    membership.delete()


def offered_roles(membership: Membership) -> list[Role]:
    """The roles this member may hand out: built-in ones from most to least, then the workspace's own."""
    roles = Role.objects.offered_in(membership.tenant)
    allowed = [role for role in roles if may_hand_out(membership, role)]
    return sorted(allowed, key=lambda role: (role.tenant_id is not None, -len(role.permissions), role.name))


def is_owner(membership: Membership) -> bool:
    return membership.role.tenant_id is None and membership.role.name == OWNER


def _check_reach(by: Membership, membership: Membership) -> None:
    if not may_hand_out(by, membership.role):
        raise MembershipRefused(
            f"You cannot change {membership.user.shown_name}: their role may do more than yours. Ask an owner."
        )


def _keep_an_owner(membership: Membership, message: str) -> None:
    """Locks the owners' rows, so that two owners cannot go at the same moment."""
    if not is_owner(membership):
        return
    owners = Membership.objects.for_tenant(membership.tenant_id).filter(role=membership.role)
    if list(owners.select_for_update().order_by("pk").values_list("pk", flat=True)) == [membership.pk]:
        raise MembershipRefused(f"{membership.user.shown_name} is the last owner. {message}")


def _whom(membership: Membership, by: Membership) -> str:
    return "your" if membership.pk == by.pk else "this member's"
