"""API tokens: made once, shown once, stored as a hash."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from accounts import audit
from accounts.models import ApiToken, Tenant, User, hash_token
from automate.lib import clock

PREFIX_CHARS = 10
LAST_USED_STEP = timedelta(minutes=1)  # how exact "last used" is: one write a minute, not one a call


@transaction.atomic
def create_token(
    user: User,
    tenant: Tenant,
    name: str,
    scope: str = ApiToken.Scope.WRITE,
    expires_at: datetime | None = None,
    *,
    ip: str | None = None,
) -> tuple[ApiToken, str]:
    """The row and the token's text, which nobody can read again."""
    text = ApiToken.new_text()
    token = ApiToken.objects.create(
        user=user,
        tenant=tenant,
        name=name,
        scopes=ApiToken.Scope(scope),
        prefix=text[:PREFIX_CHARS],
        hash=hash_token(text),
        expires_at=expires_at,
    )
    audit.record(tenant, user, "token.created", token, after={"name": name, "scope": str(scope)}, ip=ip)
    return token, text


def find_token(text: str) -> ApiToken | None:
    """The token with its user and tenant, or None if unknown, expired, or its owner left or was switched off."""
    token = (
        ApiToken.objects.filter(hash=hash_token(text), user__is_active=True)
        .filter(user__memberships__tenant=F("tenant"))
        .select_related("user", "tenant")
        .first()
    )
    if token is None or token.is_expired:
        return None
    _touch(token, clock.now())
    return token


def _touch(token: ApiToken, now: datetime) -> None:
    if token.last_used_at is None or now - token.last_used_at >= LAST_USED_STEP:
        token.last_used_at = now
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


@transaction.atomic
def revoke_token(token: ApiToken, *, by: User, ip: str | None = None) -> None:
    audit.record(token.tenant, by, "token.revoked", token, before={"name": token.name}, ip=ip)
    token.delete()
