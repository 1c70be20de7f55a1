"""What every view finds on its request, and what every page finds in its context."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest

from accounts import extensions
from accounts.models import Membership, Tenant, User
from accounts.permissions import permissions_of

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails


class AppRequest(HttpRequest):
    """A request of somebody who is signed in; `workspace` and `membership` are set by `accounts.access`."""

    user: User
    workspace: Tenant
    membership: Membership
    htmx: HtmxDetails


def client_ip(request: HttpRequest) -> str | None:
    """The caller's address; X-Forwarded-For counts only as far as the trusted proxies wrote it."""
    address = request.META.get("REMOTE_ADDR") or ""
    hops = settings.TRUSTED_PROXY_COUNT
    forwarded = [
        part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()
    ]
    if hops and len(forwarded) >= hops:
        address = forwarded[-hops]
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


class Shell:
    """The frame around a page. Each part is asked for at most once, and only if the template shows it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def memberships(self) -> list[Membership]:
        """The person's workspaces by name, with their tenants."""
        if not self.request.user.is_authenticated:
            return []
        return list(self.request.user.memberships.select_related("tenant", "role").order_by("tenant__name"))

    @cached_property
    def membership(self) -> Membership | None:
        opened = getattr(self.request, "membership", None)
        if opened is not None:
            return opened  # type: ignore[no-any-return] # set by accounts.access
        last_id = self.request.session.get("workspace")
        ours = [m for m in self.memberships if str(m.tenant_id) == last_id]
        return next(iter(ours or self.memberships), None)

    @cached_property
    def workspace(self) -> Tenant | None:
        opened = getattr(self.request, "workspace", None)
        return opened or (self.membership.tenant if self.membership else None)

    @cached_property
    def may(self) -> dict[str, Any]:
        """`{{ may.workflow.edit }}`: the person's permissions in this workspace."""
        granted: dict[str, Any] = {}
        for name in permissions_of(self.membership.role) if self.membership else ():
            noun, verb = name.split(".")
            granted.setdefault(noun, {})[verb] = True
        return granted

    @cached_property
    def nav_counts(self) -> dict[str, int]:
        if self.workspace is None:
            return {}
        return {name: count(self.request) for name, count in extensions.nav_counts.items()}


def shell_context(request: HttpRequest) -> dict[str, Any]:
    """Names for every template: workspace, membership, memberships, may, nav_counts, theme, email_is_off."""
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    context: dict[str, Any] = {
        "theme": user.theme.lower() if isinstance(user, User) else "system",
        "email_is_off": not settings.HAS_EMAIL,
    }
    if signed_in:
        shell = Shell(request)
        for name in ("workspace", "membership", "memberships", "may", "nav_counts"):
            context[name] = _lazily(shell, name)
    return context


def _lazily(shell: Shell, name: str) -> Callable[[], Any]:
    return lambda: getattr(shell, name)
