"""Counts runs by the hour, and notices which workflows began to fail. The scheduler does it; no run pays for it.

Runs are passed once, in the order of their ids, some seconds after they began. Those that have ended are counted at once,
the others get a row and are counted when they have ended. Mark, counts and rows change in one transaction, which one
scheduler at a time may hold. Three SQL statements a tick while nothing happens.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from automate.lib import clock
from automate.lib.ids import first_id_at
from workflows.models import ActiveRun, Mark, RunHour, UncountedRun, WorkflowExecution
from workflows.runs import health_news

NAME: Final = "runs"
EVERY_S: Final = 5.0
SETTLE: Final = timedelta(seconds=5)  # a run's id is made before its row is committed
SLICE_S: Final = 0.2  # of a tick: schedules and waits of others are due as well
UNDER_WAY: Final = 2_000  # unfinished runs that are passed in one transaction
LATE: Final = 2_000  # of those, counted in one transaction when they have ended
KEPT_HOURS: Final = 400 * 24
START: Final = uuid.UUID(int=0)
Status = WorkflowExecution.Status


@dataclass
class Ran:
    """What a workflow ran in an hour."""

    tenant_id: uuid.UUID
    runs: int = 0
    failed: int = 0
    succeeded: int = 0
    total_ms: int = 0


Sums = dict[tuple[uuid.UUID, int], Ran]  # by workflow and hour


def hour_of(run: uuid.UUID) -> int:
    """The hour in which a run of this id began, since 1970."""
    return (run.int >> 80) // 3_600_000


def tick() -> int:
    """Go on for SLICE_S; gives how many steps were done."""
    until, done = time.monotonic() + SLICE_S, 0
    while _step(clock.now()):
        done += 1
        if time.monotonic() > until:
            break
    return done


def seen() -> uuid.UUID:
    """The last run that was passed (one SQL query)."""
    return Mark.objects.filter(pk=NAME).values_list("seen_id", flat=True).first() or START


def tidy(now: datetime) -> None:
    """Forget hours that no page shows."""
    RunHour.objects.filter(hour__lt=int(now.timestamp()) // 3600 - KEPT_HOURS).delete()


def _step(now: datetime) -> bool:
    """Pass the next runs of one hour, or count runs that have ended meanwhile; whether there was anything to do."""
    bound = first_id_at(now - SETTLE)
    if not _runs(seen(), bound).exists() and not _ended().exists():
        return False
    with transaction.atomic():
        Mark.objects.get_or_create(pk=NAME, defaults={"seen_id": START})
        mark = Mark.objects.select_for_update(skip_locked=True).filter(pk=NAME).first()
        if mark is None:
            return False  # another scheduler is at it
        sums: Sums = {}
        _count_late(sums)
        passed = _pass(mark, bound, sums)
        _store(sums)
        health_news.look(_runs(*passed) if passed else None, sums)
    return True


def _runs(after: uuid.UUID, until: uuid.UUID) -> QuerySet[WorkflowExecution]:
    return WorkflowExecution.objects.filter(pk__gt=after, pk__lte=until)


def _pass(mark: Mark, bound: uuid.UUID, sums: Sums) -> tuple[uuid.UUID, uuid.UUID] | None:
    """Move the mark over runs of one hour; those that are under way are noted first, so that none ends in between."""
    first = _runs(mark.seen_id, bound).order_by("pk").values_list("pk", flat=True).first()
    if first is None:
        return None
    hour = hour_of(first)
    end = min(bound, uuid.UUID(int=((hour + 1) * 3_600_000 << 80) - 1))
    active = ActiveRun.objects.filter(pk__gt=mark.seen_id, pk__lte=end).order_by("pk")
    columns = ("pk", "tenant_id", "workflow_id", "execution__is_test")
    under_way = list(active.values_list(*columns)[:UNDER_WAY])
    if len(under_way) == UNDER_WAY:
        end = under_way[-1][0]
    UncountedRun.objects.bulk_create(
        UncountedRun(execution_id=pk, tenant_id=tenant, template_id=template, hour=hour)
        for pk, tenant, template, is_test in under_way
        if is_test is False
    )
    noted = UncountedRun.objects.filter(pk=OuterRef("pk"))
    ended = _runs(mark.seen_id, end).filter(~Exists(noted), is_test=False).order_by()
    good = Q(status=Status.COMPLETED)
    for template, tenant, runs, failed, succeeded, total in ended.values_list("template_id", "tenant_id").annotate(
        every=Count("pk"), bad=Count("pk", filter=Q(is_failed=True)), well=Count("pk", filter=good),
        ms=Sum("execution_time_ms", filter=good),
    ):  # fmt: skip
        _add(sums, template, hour, Ran(tenant, runs, failed, succeeded, total or 0))
    passed = (mark.seen_id, end)
    mark.seen_id = end
    mark.save(update_fields=["seen_id"])
    return passed


def _ended() -> QuerySet[UncountedRun]:
    return UncountedRun.objects.filter(~Exists(ActiveRun.objects.filter(pk=OuterRef("pk"))))


def _count_late(sums: Sums) -> None:
    """Those that were under way when they were passed. A run that was deleted meanwhile counts nowhere."""
    rows = {row.execution_id: row for row in _ended()[:LATE]}
    runs = WorkflowExecution.objects.filter(pk__in=rows)
    for pk, failed, status, ms in runs.values_list("pk", "is_failed", "status", "execution_time_ms"):
        row, good = rows[pk], status == Status.COMPLETED
        one = Ran(row.tenant_id, 1, int(failed), int(good), (ms or 0) if good else 0)
        _add(sums, row.template_id, row.hour, one)
    UncountedRun.objects.filter(pk__in=rows).delete()


def _add(sums: Sums, template: uuid.UUID, hour: int, more: Ran) -> None:
    found = sums.setdefault((template, hour), Ran(more.tenant_id))
    found.runs += more.runs
    found.failed += more.failed
    found.succeeded += more.succeeded
    found.total_ms += more.total_ms


def _store(sums: Sums) -> None:
    """Onto the rows that are there (two or three SQL statements)."""
    if not sums:
        return
    names = ("runs", "failed", "succeeded", "total_ms")
    hours = {hour for _, hour in sums}
    there = RunHour.objects.filter(template__in={template for template, _ in sums}, hour__in=hours)
    old = {(row.template_id, row.hour): row for row in there}
    for key, row in old.items():
        if key in sums:
            for name in names:
                setattr(row, name, getattr(row, name) + getattr(sums[key], name))
    RunHour.objects.bulk_update([row for key, row in old.items() if key in sums], names)
    RunHour.objects.bulk_create(
        RunHour(tenant_id=one.tenant_id, template_id=template, hour=hour, **{name: getattr(one, name) for name in names})
        for (template, hour), one in sums.items()
        if (template, hour) not in old
    )  # fmt: skip


def by_template(sums: Sums) -> dict[uuid.UUID, Ran]:
    """All hours of a workflow together."""
    found: dict[uuid.UUID, Ran] = {}
    for (template, _), one in sums.items():
        total = found.setdefault(template, Ran(one.tenant_id))
        total.failed += one.failed
        total.succeeded += one.succeeded
    return found
