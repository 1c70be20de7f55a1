"""Valid rows, made by plain functions that need no arguments."""

from __future__ import annotations

import itertools
from functools import cache

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from accounts.models import Membership, Tenant, User
from accounts.permissions import builtin_role
from accounts.workspaces import create_workspace

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


@cache
def _hashed_password() -> str:
    return make_password(PASSWORD)


def make_user(email: str = "", *, name: str = "", verified: bool = True, **fields: object) -> User:
    """Somebody who can sign in with PASSWORD, without any workspace."""
    email = email or f"person{next(_numbers)}@example.com"
    user = User.objects.create(email=email, name=name, password=_hashed_password(), **fields)
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=verified)
    return user


def make_workspace(owner: User | None = None, name: str = "Northwind") -> Tenant:
    """A workspace with its environment, owned by `owner` or by somebody new."""
    return create_workspace(owner or make_user(), name)


def add_member(tenant: Tenant, user: User | None = None, role: str = "editor") -> Membership:
    return Membership.objects.create(tenant=tenant, user=user or make_user(), role=builtin_role(role))
