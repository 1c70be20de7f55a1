"""Making workspaces, and finding the one a person works in."""

from __future__ import annotations

import secrets

from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.text import slugify

from accounts import audit
from accounts.models import Environment, Membership, Tenant, User
from accounts.permissions import builtin_role

DEFAULT_ENVIRONMENT = "Production"
LAST_WORKSPACE = "workspace"  # session key: id of the workspace opened last
SLUG_BASE_CHARS = 50  # leaves room for a suffix in Tenant.slug


@transaction.atomic
def create_workspace(
    user: User,
    name: str,
    *,
    slug_from: str = "",
    time_zone: str = "",
    is_personal: bool = False,
    ip: str | None = None,
) -> Tenant:
    """A workspace with its default environment and `user` as owner; the zone is the user's unless given."""
    tenant = Tenant.objects.create(
        name=name,
        slug=free_slug(slug_from or name),
        is_personal=is_personal,
        time_zone=time_zone or user.time_zone,
    )
    Environment.objects.create(tenant=tenant, name=DEFAULT_ENVIRONMENT, is_default=True)
    Membership.objects.create(tenant=tenant, user=user, role=builtin_role("owner"))
    audit.record(tenant, user, "workspace.created", tenant, after={"name": name}, ip=ip)
    return tenant


def create_personal_workspace(user: User) -> Tenant:
    """The workspace everybody gets with their account."""
    name = user.shown_name[:100]
    return create_workspace(user, f"{name}'s workspace", slug_from=name, is_personal=True)


@transaction.atomic
def save_settings(form: ModelForm[Tenant], *, by: User, ip: str | None = None) -> Tenant:
    """Save a valid settings form and record what it changed."""
    before = {name: form.initial[name] for name in form.changed_data}
    tenant = form.save()
    if before:
        after = {name: form.cleaned_data[name] for name in form.changed_data}
        audit.record(tenant, by, "workspace.changed", tenant, before=before, after=after, ip=ip)
    return tenant


def free_slug(name: str) -> str:
    """A slug like the name that no workspace has; two at the same moment are told apart by the unique key."""
    base = slugify(name)[:SLUG_BASE_CHARS].strip("-") or "workspace"
    slug = base
    while slug in RESERVED_SLUGS or Tenant.objects.filter(slug=slug).exists():
        slug = f"{base}-{secrets.token_hex(3)}"
    return slug


RESERVED_SLUGS = frozenset({"new", "api", "admin"})


def remember(request: HttpRequest, tenant: Tenant) -> None:
    """Come back to this workspace the next time (writes the session only when it changes)."""
    if request.session.get(LAST_WORKSPACE) != str(tenant.pk):
        request.session[LAST_WORKSPACE] = str(tenant.pk)


def home_workspace(request: HttpRequest) -> Tenant:
    """The workspace opened last, else the person's own or oldest, else a new personal one. Needs a sign-in."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError("home_workspace needs a request of somebody who is signed in.")
    memberships = list(
        user.memberships.select_related("tenant").order_by("-tenant__is_personal", "created_at")
    )
    last_id = request.session.get(LAST_WORKSPACE)
    for membership in memberships:
        if str(membership.tenant_id) == last_id:
            return membership.tenant
    return memberships[0].tenant if memberships else create_personal_workspace(user)
