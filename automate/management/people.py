"""Whom a command in a shell acts for. Raises CommandError with a sentence, exit code 1."""

from __future__ import annotations

from django.core.management.base import CommandError

from accounts.models import Tenant, User
from accounts.permissions import PERMISSIONS, has_permission


def find_person(email: str) -> User:
    person = User.objects.filter(email__iexact=email.strip()).first()
    if person is None:
        raise CommandError(
            f"Nobody with the e-mail address {email} is registered. Check the address, or sign up first."
        )
    if not person.is_active:
        raise CommandError(f"The account of {email} is switched off.")
    return person


def find_workspace(person: User, slug: str | None) -> Tenant:
    """The named workspace, if the person is in it; else their own, else the oldest they are in."""
    memberships = person.memberships.select_related("tenant").order_by("-tenant__is_personal", "created_at")
    if slug:
        memberships = memberships.filter(tenant__slug=slug)
    membership = memberships.first()
    if membership is None:
        which = f"in the workspace {slug}" if slug else "in any workspace"
        raise CommandError(f"{person.email} is not {which}. Name one they belong to with --workspace.")
    return membership.tenant


def demand(person: User, tenant: Tenant, need: str) -> None:
    if not has_permission(person, need, tenant=tenant):
        raise CommandError(f"{person.email} may not do this in {tenant.slug}: {PERMISSIONS[need].lower()}.")
