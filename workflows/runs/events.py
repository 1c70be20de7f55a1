"""Why something ran or did not: sentences people can find, written where it is decided.

What strangers can cause without end (refused calls, the same delivery again and again) is written at most once a
`EVERY_S` per trigger and cause in each process, with how many there were since.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.db import DatabaseError, transaction

from automate.lib import clock
from workflows.models import LiveTrigger, RunEvent

if TYPE_CHECKING:
    from workflows.engine.outcome import Record
    from workflows.runs.shapes import Lease

EVERY_S: Final = 1.0
MAX_REMEMBERED: Final = 10_000  # causes a process remembers
Kind = RunEvent.Kind

logger = logging.getLogger(__name__)
_lock = threading.Lock()
_last: dict[
    tuple[object, ...], tuple[float, int]
] = {}  # cause → (when it was written, how often it came since)


def note(
    live: LiveTrigger,
    kind: str,
    message: str,
    *,
    execution_id: uuid.UUID | None = None,
    data: dict[str, Any] | None = None,
) -> RunEvent:
    """Write one event of a trigger. `message` is a full sentence."""
    return RunEvent.objects.create(
        tenant_id=live.tenant_id,
        template_id=live.template_id,
        trigger_key=live.key,
        kind=kind,
        message=message,
        execution_id=execution_id,
        data=data or {},
        at=clock.now(),
    )


def seldom(*cause: object) -> int | None:
    """How many of this cause were left out since the last one that was written; None: leave this one out too."""
    now = clock.monotonic()
    with _lock:
        written, left_out = _last.get(cause, (-EVERY_S, 0))
        if now - written < EVERY_S:
            _last[cause] = (written, left_out + 1)
            return None
        if len(_last) >= MAX_REMEMBERED:
            _last.clear()
        _last[cause] = (now, 0)
    return left_out


def note_duplicate(live: LiveTrigger, execution_id: uuid.UUID) -> None:
    """The same delivery came again: it started nothing, and this is its first run. Never fails."""
    left_out = seldom(live.pk, "duplicate", execution_id)
    if left_out is None:
        return
    message = "The same delivery came again. It started nothing, since it had started a run already."
    try:
        with transaction.atomic():
            note(live, Kind.DUPLICATE, message + more_like_it(left_out), execution_id=execution_id)
    except DatabaseError:
        logger.warning("event not kept", extra={"live_trigger": str(live.pk)}, exc_info=True)


def more_like_it(left_out: int) -> str:
    """The end of a message that stands for several; empty when it stands for itself."""
    return f" {left_out:,} more like it came since the last such entry." if left_out else ""


def note_filtered(ended: Iterable[tuple[Lease, Record]], now: datetime) -> None:
    """Runs that went no further than a filter; inside a loop a filter only leaves out an item, which is no event."""
    RunEvent.objects.bulk_create(
        RunEvent(
            tenant_id=lease.tenant_id, template_id=lease.workflow_id, execution_id=lease.execution_id, at=now,
            kind=Kind.FILTERED, data={"step": record.key},
            message=f"The filter “{record.name}” ended the branch: what it asks for did not hold for this data.",
        )
        for lease, record in ended
        if "[" not in record.path
    )  # fmt: skip
