"""How many runs a worker takes next, and how: straight from the head of the queue, or fairly.

As long as all that is ready can be taken there is nothing to share, and the plain claim is the cheapest. Once a claim
took all it asked for, more may be waiting, and the fair one looks who is: at every turn while several workflows want
slots, else ten times a second. One slot in eight is for fair claims alone, where no workspace may have all the others:
runs that take long in one workspace hold up nobody else.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from automate.lib import clock
from workflows.models import EngineSwitch
from workflows.runs import dispatch
from workflows.runs.shapes import Claimed, Lease
from workflows.runs.store.shares import NOWHERE, Shares

LOOK_AROUND_S: Final = 0.1
KEPT_FREE: Final = 8  # one slot in so many
LOOK_AT_SWITCH_S: Final = 2.0

log = logging.getLogger(__name__)


class Wish(NamedTuple):
    """Up to `limit` runs; with `shares` fairly."""

    limit: int
    shares: Shares | None = None


@dataclass
class Claims:
    """Of one worker with so many slots; used by its writer alone."""

    slots: int
    is_full: bool = False
    is_mixed: bool = False
    looked_at: float = 0.0
    after: tuple[uuid.UUID, uuid.UUID] = (NOWHERE, NOWHERE)
    switch: Switch = field(default_factory=lambda: Switch())

    @property
    def kept_free(self) -> int:
        return self.slots // KEPT_FREE

    def wish(self, held: Sequence[Lease], now: float) -> Wish | None:
        """What to claim now, beside the runs that are held; None: nothing. `now`: of time.monotonic."""
        free = self.slots - len(held)
        plain = free - self.kept_free
        is_time = now - self.looked_at >= LOOK_AROUND_S
        if free > 0 and (self.is_full or plain <= 0) and (is_time or self.is_mixed):
            return Wish(free, Shares(_counted(held), self.slots - self.kept_free, self.after))
        return Wish(plain) if plain > 0 else None

    def note(self, wish: Wish, found: Sequence[Claimed], held: Iterable[Lease], now: float) -> None:
        """What came of it. `held`: as it was before."""
        self.is_full = len(found) >= wish.limit
        if wish.shares is None:
            return
        self.looked_at = now
        wanted = {lease.workflow_id for lease in held} | {claimed.lease.workflow_id for claimed in found}
        self.is_mixed = self.is_full and len(wanted) > 1
        last = max(((c.lease.tenant_id, c.lease.workflow_id) for c in found), default=(NOWHERE, NOWHERE))
        self.after = last if last > self.after else (NOWHERE, NOWHERE)


def _counted(held: Iterable[Lease]) -> Counter[uuid.UUID]:
    """Runs by tenant and by workflow."""
    counts: Counter[uuid.UUID] = Counter()
    for lease in held:
        counts[lease.tenant_id] += 1
        counts[lease.workflow_id] += 1
    return counts


@dataclass
class Switch:
    """Whether an administrator has stopped claims: `manage.py drain`, or the admin's engine switch."""

    is_off: bool = False
    looked_at: float = field(default_factory=lambda: -LOOK_AT_SWITCH_S)

    def look(self) -> bool:
        """Whether nothing may be claimed (one SQL query every LOOK_AT_SWITCH_S)."""
        now = time.monotonic()
        if now - self.looked_at >= LOOK_AT_SWITCH_S:
            was_off, self.is_off = self.is_off, is_draining()
            self.looked_at = now
            if self.is_off != was_off:
                log.info("claims are %s", "stopped" if self.is_off else "on again")
        return self.is_off


def is_draining() -> bool:
    """Whether workers are to take nothing new (one SQL query)."""
    return EngineSwitch.objects.filter(is_draining=True).exists()


def set_draining(is_draining: bool, *, by: str) -> None:
    """Stop or allow claims on all workers; they know within LOOK_AT_SWITCH_S, or with their next wake-up."""
    changed = {"is_draining": is_draining, "changed_at": clock.now(), "changed_by": by[:254]}
    EngineSwitch.objects.update_or_create(pk=1, defaults=changed)
    if not is_draining:
        dispatch.wake_engine_after_commit()
