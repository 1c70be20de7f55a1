"""A due poll that is ours: taken by moving `next_fire_at` to the end of a lease, kept by moving it on."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings

from automate.lib import clock
from workflows.models import LiveTrigger, TriggerType
from workflows.runs.failpoints import failpoint

POLLED: Final = (TriggerType.POLLING, TriggerType.EMAIL)


class ClaimLost(Exception):
    """Somebody published, paused or took over meanwhile: nothing of this poll is kept."""


@dataclass
class Claim:
    """Ours until `until` (product time). The lock keeps renewing and committing apart."""

    live: LiveTrigger
    due: datetime
    until: datetime
    lock: threading.Lock = field(default_factory=threading.Lock)

    def held(self) -> Any:
        """The row, while the claim stands and the workflow is active."""
        rows = LiveTrigger.objects.for_tenant(self.live.tenant_id)
        return rows.filter(pk=self.live.pk, next_fire_at=self.until, deployment__is_active=True)

    def renew(self, now: datetime) -> None:
        with self.lock:
            until = now + lease()
            if self.held().update(next_fire_at=until):
                self.until = until

    def give_back(self, now: datetime) -> None:
        """Let others ask at once."""
        with self.lock:
            self.held().update(next_fire_at=now)


def lease() -> timedelta:
    """How long a claim stands without being renewed, in product time."""
    return timedelta(seconds=settings.AUTOMATE_LEASE_S * max(clock.rate(), 1.0))


def due_polls(now: datetime, limit: int, *, without: Sequence[uuid.UUID] = ()) -> list[LiveTrigger]:
    """The polls to be made, the longest due first (one SQL query)."""
    rows = LiveTrigger.objects.due(now).filter(type__in=POLLED, is_off=False).exclude(pk__in=without)
    return list(rows.select_related("deployment", "tenant").order_by("next_fire_at")[:limit])


def claim(live: LiveTrigger, now: datetime) -> Claim | None:
    """Take a due poll; None when somebody else did (one SQL statement)."""
    due = live.next_fire_at
    assert due is not None  # `due()` asks for it
    taken = Claim(live, due, due)
    until = now + lease()
    if not taken.held().update(next_fire_at=until):
        return None
    taken.until = until
    failpoint("poll.claimed")
    return taken
