from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.cache import cache

from accounts.models import Membership, User
from accounts.permissions import builtin_role


@pytest.fixture(autouse=True)
def _fresh_rate_limits(db: None) -> None:
    cache.clear()


@pytest.fixture
def change_role_to() -> Callable[[User, str], None]:
    """Gives somebody another role in their only workspace."""

    def change(user: User, role: str) -> None:
        Membership.objects.filter(user=user).update(role=builtin_role(role))

    return change
