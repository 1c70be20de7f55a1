"""Whether runs are being picked up and the scheduler ticks: for the readiness check."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import DatabaseError

from automate.lib import clock
from workflows.models import ActiveRun, LiveTrigger, TriggerType
from workflows.runs.claims import is_draining

log = logging.getLogger(__name__)
TICK_KEY = "automate:scheduler-tick"
STALE_TICK = timedelta(seconds=30)
STALE_QUEUE = timedelta(seconds=60)
STALE_POLL = timedelta(
    seconds=300
)  # a service that is slow takes one of several threads for a minute at most


def note_tick() -> None:
    """The scheduler was here. A cache that is away is no reason to stop ticking."""
    try:
        cache.set(TICK_KEY, clock.now().isoformat(), timeout=600)
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the cache's client raises
        log.warning("the scheduler's tick could not be noted: %s", type(error).__name__)


def find_trouble() -> list[str]:
    """Names of what does not work, none in good times: `scheduler`, `queue`, `polls`.

    Without Redis runs are still started and picked up, so it is no trouble of its own.
    """
    now = clock.now()
    trouble = []
    rate = max(clock.rate(), 1.0)  # ticks and claims happen in real time
    if not _has_ticked_since(now - STALE_TICK * rate):
        trouble.append("scheduler")
    if ActiveRun.objects.filter(state=ActiveRun.State.READY, run_at__lt=now - STALE_QUEUE * rate).exists():
        trouble += [] if is_draining() else ["queue"]
    if overdue_polls(now - STALE_POLL * rate):
        trouble.append("polls")
    return trouble


def overdue_polls(since: datetime) -> int:
    """How many polls have been due since then without anybody making them (one SQL query)."""
    polled = (TriggerType.POLLING, TriggerType.EMAIL)
    return LiveTrigger.objects.due(since).filter(type__in=polled, is_off=False).count()


def _has_ticked_since(moment: datetime) -> bool:
    """True also when nobody can tell, because the cache is away."""
    try:
        tick = cache.get(TICK_KEY)
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the cache's client raises
        log.warning("the scheduler's tick could not be read: %s", type(error).__name__)
        return True
    return tick is not None and str(tick) >= moment.isoformat()
