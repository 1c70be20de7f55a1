"""Whether runs are being picked up and the scheduler ticks: for the readiness check."""

from __future__ import annotations

from datetime import timedelta

from django.core.cache import cache

from automate.lib import clock
from workflows.models import ActiveRun

TICK_KEY = "automate:scheduler-tick"
STALE_TICK = timedelta(seconds=30)
STALE_QUEUE = timedelta(seconds=60)


def note_tick() -> None:
    """The scheduler was here."""
    cache.set(TICK_KEY, clock.now().isoformat(), timeout=600)


def find_trouble() -> list[str]:
    """Names of what does not work, none in good times: `scheduler`, `queue`."""
    now = clock.now()
    trouble = []
    rate = max(clock.rate(), 1.0)  # ticks and claims happen in real time
    tick = cache.get(TICK_KEY)
    if tick is None or str(tick) < (now - STALE_TICK * rate).isoformat():
        trouble.append("scheduler")
    if ActiveRun.objects.filter(state=ActiveRun.State.READY, run_at__lt=now - STALE_QUEUE * rate).exists():
        trouble.append("queue")
    return trouble
