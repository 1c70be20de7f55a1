"""Polls that fail: ask less often, keep the reason where people look, and say when it works again."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, Final

from automate.lib import clock
from integrations.errors import ActionError, RateLimited
from workflows.models import LiveTrigger, RunEvent
from workflows.runs.events import note
from workflows.triggers.claims import POLLED, Claim

TELLS_AFTER: Final = 3  # failures in a row: a service that stumbles once is nobody's business
MAX_WAIT_S: Final = 3600.0
FACTOR: Final = 2.0

logger = logging.getLogger(__name__)


def failed(taken: Claim, error: Exception, every_s: float) -> None:
    """Ask again later: after twice the time at each further failure, up to an hour, or as the service wants it."""
    live = taken.live
    if isinstance(error, RateLimited):
        _postpone(taken, error.retry_after_s or 1.0)
        return
    message = str(getattr(error, "message", error))
    failures = int(live.cursor.get("failures", 0)) + 1
    now = clock.now()
    following = now + timedelta(seconds=wait_s(failures, every_s, getattr(error, "retry_after_s", None)))
    logger.warning("poll failed", extra={"live_trigger": str(live.pk), "failures": failures})
    with taken.lock:
        changes: dict[str, Any] = {"cursor": {**live.cursor, "failures": failures}, "last_error": message}
        if not taken.held().update(next_fire_at=following, **changes):
            return
    if failures == TELLS_AFTER:
        note(
            live,
            RunEvent.Kind.TROUBLE,
            f"Asking for new items failed {failures} times in a row, last with: {message} "
            "We go on asking, less often; nothing that appears meanwhile is lost.",
            data={"code": error.code if isinstance(error, ActionError) else "failed"},
        )


def _postpone(taken: Claim, wait_s: float) -> None:
    """Our own limit for the service is used up for now: nothing went wrong."""
    with taken.lock:
        taken.held().update(next_fire_at=clock.now() + timedelta(seconds=wait_s))


def wait_s(failures: int, every_s: float, retry_after_s: float | None) -> float:
    """Seconds until the next try."""
    wait = max(every_s, min(MAX_WAIT_S, every_s * FACTOR ** min(failures - 1, 16)))
    return max(wait, retry_after_s or 0.0)


def recovered(live: LiveTrigger) -> None:
    failures = int(live.cursor.get("failures", 0))
    if failures >= TELLS_AFTER:
        note(
            live,
            RunEvent.Kind.RECOVERED,
            f"Asking for new items works again, after {failures} failures in a row.",
        )


def note_left_out(live: LiveTrigger, count: int) -> None:
    what = "1 item that appeared" if count == 1 else f"{count:,} items that appeared"
    note(live, RunEvent.Kind.SKIPPED, f"{what} while the workflow was paused started nothing.")


def note_gap(live: LiveTrigger) -> None:
    note(
        live,
        RunEvent.Kind.SKIPPED,
        "There were more new items than can be read at once, and the service lists the newest first: the oldest of "
        "them started nothing. Ask more often.",
    )


def in_trouble(live: LiveTrigger) -> bool:
    """Whether somebody should look. A poll may fail a few times in a row before it is anybody's business."""
    if not live.last_error:
        return False
    return live.type not in POLLED or int(live.cursor.get("failures", 0)) >= TELLS_AFTER
