"""What people do to their own accounts, written to the audit log of each workspace they belong to."""

from __future__ import annotations

from typing import Any

from allauth.account import signals
from allauth.account.models import EmailAddress
from django.http import HttpRequest

from accounts import audit
from accounts.models import Tenant, User
from accounts.request import client_ip


def record(user: User, verb: str, *, ip: str | None = None, **values: Any) -> None:
    """`values` may hold `before` and `after`, as in `audit.record`."""
    for tenant in Tenant.objects.filter(memberships__user=user).order_by("pk"):
        audit.record(tenant, user, verb, user, ip=ip, **values)


def _password_changed(request: HttpRequest, user: User, **_signal: Any) -> None:
    record(user, "user.password_changed", ip=client_ip(request))


def _password_reset(request: HttpRequest, user: User, **_signal: Any) -> None:
    record(user, "user.password_reset", ip=client_ip(request))


def _email_changed(
    request: HttpRequest,
    user: User,
    from_email_address: EmailAddress | None,
    to_email_address: EmailAddress,
    **_signal: Any,
) -> None:
    if from_email_address is not None:  # None: the first address was confirmed
        before, after = {"email": from_email_address.email}, {"email": to_email_address.email}
        record(user, "user.email_changed", ip=client_ip(request), before=before, after=after)


def connect() -> None:
    """allauth tells of these changes by signals alone."""
    signals.password_changed.connect(_password_changed, dispatch_uid="audit.password-changed")
    signals.password_set.connect(_password_changed, dispatch_uid="audit.password-set")
    signals.password_reset.connect(_password_reset, dispatch_uid="audit.password-reset")
    signals.email_changed.connect(_email_changed, dispatch_uid="audit.email-changed")
