"""What happens when two do it at the same moment; each thread has its own connection and transaction."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.conf import settings
from django.db import connection

from accounts import audit, members
from accounts.errors import AccountsError
from accounts.models import AuditEvent, Membership
from accounts.permissions import builtin_role
from tests.factories import add_member, make_user, make_workspace

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        settings.ON_SQLITE, reason="The tests' SQLite lies in memory, where two cannot write at once."
    ),
]


def _all_at_once(deeds: list[Callable[[], object]]) -> list[str]:
    """Runs them together; the messages of those that were refused."""
    start = Barrier(len(deeds))

    def run(deed: Callable[[], object]) -> str:
        try:
            start.wait(timeout=10)
            deed()
        except AccountsError as refusal:
            return refusal.message
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(len(deeds)) as pool:
        return [message for message in pool.map(run, deeds) if message]


def test_audit_chain_is_whole_after_many_wrote_at_once():
    owner = make_user()
    workspace = make_workspace(owner)

    def write() -> None:
        for _ in range(5):
            audit.record(workspace, owner, "thing.done")

    _all_at_once([write] * 6)

    assert AuditEvent.objects.for_tenant(workspace).count() == 31
    assert audit.verify_chain(workspace) == []


def test_two_owners_cannot_both_leave():
    workspace = make_workspace()
    first, second = Membership.objects.get(), add_member(workspace, role="owner")

    refused = _all_at_once([partial(members.remove_member, one, by=one) for one in (first, second)])

    assert len(refused) == 1
    assert "is the last owner" in refused[0]
    assert [m.role.name for m in Membership.objects.all()] == ["owner"]


def test_invitation_is_accepted_once():
    workspace = make_workspace()
    invitation, _ = members.invite(Membership.objects.get(), "dana@example.com", builtin_role("viewer"))
    dana = make_user("dana@example.com")

    refused = _all_at_once([lambda: members.accept_invitation(invitation, dana)] * 4)

    assert len(refused) == 3
    assert Membership.objects.filter(tenant=workspace, user=dana).count() == 1
