"""What is older than a workspace keeps goes: runs with their steps and files, events, samples, snapshots of drafts.

The scheduler does a little at each tick, in short transactions, one scheduler at a time. Nothing of an unfinished run is
touched, nor of a run that an unfinished one may still use: one it started, or one it repeats.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Tenant
from automate.lib import clock, jsontypes
from automate.lib.ids import first_id_at
from workflows.models import Blob, RunEvent, Sample, WorkflowExecution, WorkflowVersion
from workflows.runs.blobs import drop_blobs
from workflows.runs.deletion import remove
from workflows.runs.wiping import is_used_by_others

log = logging.getLogger(__name__)
EVERY_S: Final = 3600.0
SLICE_S: Final = 0.2  # of a tick: schedules and waits of others are due as well
BATCH: Final = 200  # runs in one transaction
ROWS: Final = 2_000  # small rows in one statement
PAGES: Final = 2_000  # that SQLite gives back to the disk at a time
LOCK: Final = 0x6175746F_70727565  # of PostgreSQL, for the whole installation


@dataclass(slots=True)
class Pruner:
    """One per scheduler; `tick` is called again and again."""

    work: Iterator[int] | None = None
    done: int = 0
    next_at: float = 0.0

    def tick(self) -> None:
        """Go on for SLICE_S, or not at all until the next hour."""
        began = time.monotonic()
        if self.work is None and began < self.next_at:
            return
        with _alone() as is_alone:
            if not is_alone:
                self.next_at, self.work = began + EVERY_S, None
                return
            self.work = self.work or prune(clock.now())
            self._go_on(began + SLICE_S)

    def _go_on(self, until: float) -> None:
        assert self.work is not None
        for count in self.work:
            self.done += count
            if time.monotonic() > until:
                return
        if self.done:
            log.info("pruned %s old rows", self.done)
        self.work, self.done, self.next_at = None, 0, time.monotonic() + EVERY_S


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether no other scheduler prunes now. A crash gives the lock up with the connection."""
    if connection.vendor != "postgresql":
        yield True
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        is_alone = bool(cursor.fetchone()[0])
        try:
            yield is_alone
        finally:
            if is_alone and connection.is_usable():
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def prune(now: datetime) -> Iterator[int]:
    """Remove what is too old, a batch at each step; each gives how many rows (of runs: how many runs) went."""
    for tenant_id, days in Tenant.objects.order_by("id").values_list("id", "retention_days"):
        cutoff = now - timedelta(days=days)
        yield from _runs(tenant_id, cutoff)
        bound = first_id_at(cutoff)
        yield from _rows(RunEvent.objects.for_tenant(tenant_id).filter(pk__lt=bound))
        yield from _rows(Sample.objects.for_tenant(tenant_id).filter(pk__lt=bound, pinned=False))
        yield from _loose_files(tenant_id, bound)
        yield from _snapshots(tenant_id, cutoff)
    yield from _give_back_room()


def _runs(tenant_id: uuid.UUID, cutoff: datetime) -> Iterator[int]:
    """Those that ended before the moment, oldest first."""
    ended = WorkflowExecution.objects.for_tenant(tenant_id).filter(
        pk__lt=first_id_at(cutoff), completed_at__lt=cutoff, active__isnull=True
    )
    after = uuid.UUID(int=0)
    while batch := list(ended.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        after = batch[-1]
        used = is_used_by_others(batch)
        gone = [run for run in batch if run not in used]
        remove(gone)
        yield len(gone)


def _rows(rows: QuerySet[Any]) -> Iterator[int]:
    while batch := list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS]):
        rows.model._default_manager.filter(pk__in=batch)._raw_delete(rows.db)
        yield len(batch)


def _loose_files(tenant_id: uuid.UUID, bound: uuid.UUID) -> Iterator[int]:
    """Files that came with requests which started no run, unless a pinned sample shows them."""
    pinned = Sample.objects.for_tenant(tenant_id).filter(pinned=True).values_list("data", flat=True)
    shown = " ".join(jsontypes.dumps(data) for data in pinned)
    loose = Blob.objects.for_tenant(tenant_id).filter(execution_id=None, pk__lt=bound)
    gone = [pk for pk in loose.values_list("pk", flat=True)[:ROWS] if str(pk) not in shown]
    if gone:
        yield drop_blobs(Blob.objects.filter(pk__in=gone))


def _snapshots(tenant_id: uuid.UUID, cutoff: datetime) -> Iterator[int]:
    """Drafts as test runs had them, when none of those runs is left."""
    runs = WorkflowExecution.objects.filter(template_id=OuterRef("template_id"), version_id=OuterRef("pk"))
    old = WorkflowVersion.objects.for_tenant(tenant_id).filter(version_number=None, created_at__lt=cutoff)
    gone = list(old.filter(~Exists(runs)).values_list("pk", flat=True)[:ROWS])
    if gone:
        yield WorkflowVersion.objects.filter(pk__in=gone)._raw_delete("default") or len(gone)


def _give_back_room() -> Iterator[int]:
    """SQLite: free pages leave the file. PostgreSQL: autovacuum, which these tables have soon (migrations)."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        while True:
            free = cursor.execute("PRAGMA freelist_count").fetchone()[0]
            if not free or cursor.execute("PRAGMA auto_vacuum").fetchone()[0] != 2:
                return
            cursor.execute(f"PRAGMA incremental_vacuum({PAGES})").fetchall()
            if cursor.execute("PRAGMA freelist_count").fetchone()[0] >= free:
                return
            yield 0
