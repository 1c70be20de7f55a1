"""Workflows that keep nothing, or only failures: the data of their runs goes when the run has ended.

At once where nobody reads it any more; later where somebody may still wait for the run's answer: a caller for a
minute, a run that waits for this one (and may use its files) until it has ended itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from workflows.engine.document import Document
from workflows.models import ActiveRun, Blob, DueWipe, StepExecution, WorkflowExecution, WorkflowVersion
from workflows.runs.blobs import drop_blobs

if TYPE_CHECKING:
    from workflows.runs.shapes import Claimed, Entry

CALLER_WAITS: Final = timedelta(seconds=60)  # the longest wait of a hook or an API call is shorter
WIPE_EVERY_S: Final = 5.0
BATCH: Final = 200  # runs that are looked at in one tick
ANCESTORS: Final = 20  # as deep as sub-workflows go


def is_wiped(keep_data: str, status: str) -> bool:
    """Whether a run that ended so leaves its data."""
    return keep_data == "nothing" or (keep_data == "failures" and status == "COMPLETED")


def is_awaited(claimed: Claimed, document: Document) -> bool:
    """Whether somebody may read what the run gave after its end."""
    if claimed.options.get("awaited"):
        return True
    if claimed.parent_id is not None:
        return not claimed.options.get("detached")
    key = claimed.input.get("key") if isinstance(claimed.input, dict) else None
    return any(
        trigger.key == key and trigger.config.get("respond") in ("when_done", "step")
        for trigger in document.triggers
    )


def wipe_ended(entries: Collection[Entry], now: datetime) -> None:
    """Call in the transaction that ends these runs; no SQL for those that keep everything."""
    at_once: list[uuid.UUID] = []
    later: list[DueWipe] = []
    for entry in entries:
        ending, run = entry.ending, entry.lease.execution_id
        if ending is None or ending.wipe is False or (ending.wipe is None and not keeps_nothing(run)):
            continue
        if ending.is_awaited:
            due_at = now if ending.parent_id else now + CALLER_WAITS
            later.append(DueWipe(execution_id=run, tenant_id=entry.lease.tenant_id, due_at=due_at))
        else:
            at_once.append(run)
    if at_once:
        wipe(at_once)
    if later:
        DueWipe.objects.bulk_create(later, ignore_conflicts=True)


def keeps_nothing(execution_id: uuid.UUID) -> bool:
    """By the version of the run (two SQL queries); for runs that ended without their document being at hand."""
    version = WorkflowExecution.objects.filter(pk=execution_id).values("version_id")
    rows = WorkflowVersion.objects.filter(pk__in=version)
    settings = rows.values_list("workflow_data__settings", flat=True).first()
    return isinstance(settings, dict) and settings.get("keep_data") == "nothing"


def wipe(runs: Sequence[uuid.UUID]) -> None:
    """Their data goes, also what was put aside; what happened, when and how long it took stays. Call in a transaction."""
    StepExecution.objects.filter(execution_id__in=runs).update(input=None, output=None, request_log=None)
    WorkflowExecution.objects.filter(pk__in=runs).update(input=None, output=None)
    drop_blobs(Blob.objects.filter(execution_id__in=runs))


def wipe_due(now: datetime) -> int:
    """Wipe what nobody waits for any more; gives the number of runs. Harmless however many schedulers do it."""
    due = DueWipe.objects.filter(due_at__lte=now).order_by("due_at").values_list("execution_id", flat=True)
    runs = list(due[:BATCH])
    parents = dict(WorkflowExecution.objects.filter(pk__in=runs).values_list("id", "parent_id"))
    used = {run for run in runs if _is_used(parents.get(run))}
    gone = [run for run in runs if run not in used]
    if used:  # to the end of the line, so that they do not hold up the others
        DueWipe.objects.filter(pk__in=used).update(due_at=now + timedelta(seconds=WIPE_EVERY_S))
    for run in gone:
        with transaction.atomic():
            wipe([run])
            DueWipe.objects.filter(pk=run).delete()
    return len(gone)


def is_used_by_others(runs: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these ended runs whose files an unfinished run may still use: one above them, or one that repeats them."""
    rows = WorkflowExecution.objects.filter(pk__in=runs, parent_id__isnull=False)
    used = {run for run, parent in rows.values_list("id", "parent_id") if _is_used(parent)}
    again = WorkflowExecution.objects.filter(retry_of_id__in=runs, active__isnull=False)
    return used | set(again.values_list("retry_of_id", flat=True))


def _is_used(parent: uuid.UUID | None) -> bool:
    """Whether one of the runs above is unfinished."""
    for _ in range(ANCESTORS + 1):
        if parent is None:
            return False
        if ActiveRun.objects.filter(pk=parent).exists():
            return True
        parent = WorkflowExecution.objects.filter(pk=parent).values_list("parent_id", flat=True).first()
    return False
