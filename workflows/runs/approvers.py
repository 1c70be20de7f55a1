"""Who is asked: from the names in an approval's field to e-mail addresses."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q

from accounts.models import Group, Membership, Role, User
from accounts.permissions import BUILTIN_ROLES
from workflows.engine.steps.context import StepFault
from workflows.engine.words import listed
from workflows.models import WorkflowExecution
from workflows.runs.shapes import Claimed

MAX_PEOPLE: Final = 500  # a mail to each of them


def asked_in(claimed: Claimed, names: Collection[str]) -> list[str]:
    """The addresses of those who are asked, each once. A test run asks nobody but the person who tests.

    Raises StepFault for a name that means nobody. At most four SQL queries.
    """
    tester = _tester(claimed) if claimed.is_test else None
    return [tester] if tester else people(claimed.lease.tenant_id, names)


def people(tenant_id: uuid.UUID, names: Collection[str]) -> list[str]:
    """The addresses that stand for these addresses, groups and roles (at most three SQL queries)."""
    found: dict[str, None] = {}
    teams = _teams(tenant_id, [name for name in names if "@" not in name])
    for name in names:
        if "@" in name:
            found[_address(name)] = None
        else:
            found |= dict.fromkeys(sorted(teams[name.lower()]))
    if len(found) > MAX_PEOPLE:
        raise StepFault(
            f"{len(found):,} people would be asked, more than {MAX_PEOPLE}. Name a smaller group."
        )
    return list(found)


def _tester(claimed: Claimed) -> str | None:
    started_by = WorkflowExecution.objects.filter(pk=claimed.lease.execution_id).values("started_by")
    return User.objects.filter(pk__in=started_by).values_list("email", flat=True).first()


def _address(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        raise StepFault(f"{text[:80]!r} is no e-mail address. Correct it in “Who may answer”.") from None
    return text.lower()


def _teams(tenant_id: uuid.UUID, names: list[str]) -> dict[str, set[str]]:
    """The addresses of active members by the lower-case name of their group or role. Raises StepFault."""
    if not names:
        return {}
    groups = {name.lower() for name in Group.objects.for_tenant(tenant_id).values_list("name", flat=True)}
    roles = Role.objects.filter(Q(tenant=None) | Q(tenant_id=tenant_id)).values_list("name", flat=True)
    known = groups | {name.lower() for name in roles} | BUILTIN_ROLES.keys()
    for name in names:
        if name.lower() not in known:
            choices = listed(sorted(known))
            raise StepFault(f"There is no group or role called {name[:60]!r} here. There are {choices}.")
    found: dict[str, set[str]] = {name.lower(): set() for name in names}
    for email, teams in _members(tenant_id):
        for team in teams & found.keys():
            found[team].add(email)
    for name, addresses in found.items():
        if not addresses:
            raise StepFault(
                f"Nobody is in {name!r}, so nobody could answer. Add somebody, or name other people."
            )
    return found


def _members(tenant_id: uuid.UUID) -> list[tuple[str, set[str]]]:
    rows = Membership.objects.for_tenant(tenant_id).filter(user__is_active=True)
    return [
        (
            member.user.email,
            {member.role.name.lower(), *(group.name.lower() for group in member.groups.all())},
        )
        for member in rows.select_related("user", "role").prefetch_related("groups")
    ]
