"""Who else has a workflow open in the builder: one cache entry per person, renewed by a small request every 20 seconds.

Nothing is stored in tables, and who does not come back is forgotten by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.core.cache import cache

from accounts.models import User
from automate.lib import clock
from workflows.models import WorkflowTemplate

KEPT_S: Final = 50  # two beats may be lost
FRESH_S: Final = 15  # a beat that changes nothing is not written again before
MOST: Final = 20  # people remembered for one workflow


@dataclass(frozen=True)
class Person:
    """`at`: the key of the step they have open, "trigger:<key>", or ""."""

    id: str
    name: str
    at: str


def beat(template: WorkflowTemplate, user: User, at: str) -> list[Person]:
    """Say that this person is here, and learn who else is, by name. Two reads and one write of the cache at most."""
    index = f"here:{template.pk}"
    known: list[str] = cache.get(index) or []
    own = str(user.pk)
    found: dict[str, Any] = cache.get_many([_key(template, id) for id in {*known, own}])
    _keep(template, user, at, found.get(_key(template, own)))
    alive = [id for id in known if _key(template, id) in found and id != own]
    if own not in known or len(alive) + 1 < len(known):
        cache.set(index, [*alive, own][-MOST:], 24 * 3600)
    others = [Person(id, *found[_key(template, id)][:2]) for id in alive]
    return sorted(others, key=lambda person: (person.name, person.id))


def _keep(template: WorkflowTemplate, user: User, at: str, was: Any) -> None:
    now = clock.now().timestamp()
    entry = (user.shown_name, at, now)
    if was and was[:2] == entry[:2] and 0 <= now - was[2] < FRESH_S:
        return
    cache.set(_key(template, str(user.pk)), entry, KEPT_S)


def _key(template: WorkflowTemplate, user_id: str) -> str:
    return f"here:{template.pk}:{user_id}"
