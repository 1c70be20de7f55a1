"""What makes an account complete: its workspace, and its address in allauth's table."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import Tenant, User
from accounts.workspaces import create_personal_workspace


@transaction.atomic
def complete_account(user: User, *, verified: bool) -> Tenant:
    """Give a new user the address record that sign-in looks at, and a workspace of their own."""
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"primary": True, "verified": verified}
    )
    return create_personal_workspace(user)
