"""Runs of a workspace by hour and by workflow: what was counted (runs/counting.py), and the few that were not yet."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncHour

from automate.lib.ids import first_id_at
from workflows.models import RunHour, UncountedRun, WorkflowExecution
from workflows.runs import counting


@dataclass
class Ran:
    """`total_ms` is of those that succeeded."""

    runs: int = 0
    failed: int = 0
    succeeded: int = 0
    total_ms: int = 0

    def add(self, runs: int, failed: int, succeeded: int, total_ms: int | None) -> None:
        self.runs += runs
        self.failed += failed
        self.succeeded += succeeded
        self.total_ms += total_ms or 0

    def add_all(self, other: Ran) -> None:
        self.add(other.runs, other.failed, other.succeeded, other.total_ms)

    @property
    def average_ms(self) -> float | None:
        return self.total_ms / self.succeeded if self.succeeded else None


@dataclass
class Counts:
    """By hour since 1970 (UTC), from some hour on; by workflow only from a later one, the period that is shown."""

    hours: dict[int, Ran] = field(default_factory=dict)
    workflows: dict[uuid.UUID, Ran] = field(default_factory=dict)


def read(tenant_id: uuid.UUID, hidden: Collection[uuid.UUID], *, since: int, shown: int) -> Counts:
    """From the hour `since` on, by workflow from `shown` on (five SQL queries). Test runs are not counted."""
    found = Counts()
    counted = (
        RunHour.objects.for_tenant(tenant_id).filter(hour__gte=since).exclude(template__in=hidden).order_by()
    )
    sums = (Sum("runs"), Sum("failed"), Sum("succeeded"), Sum("total_ms"))
    for hour, *numbers in counted.values_list("hour").annotate(*sums):
        _of(found.hours, hour).add(*numbers)
    for workflow, *numbers in counted.filter(hour__gte=shown).values_list("template_id").annotate(*sums):
        _of(found.workflows, workflow).add(*numbers)
    for hour, workflow, fresh in _uncounted(tenant_id, hidden, since):
        _of(found.hours, hour).add(*fresh)
        if hour >= shown:
            _of(found.workflows, workflow).add(*fresh)
    return found


def _uncounted(
    tenant_id: uuid.UUID, hidden: Collection[uuid.UUID], since: int
) -> Iterator[tuple[int, uuid.UUID, tuple[int, int, int, int | None]]]:
    """Runs that are still under way, and those that began since the last count."""
    waiting = UncountedRun.objects.for_tenant(tenant_id).filter(hour__gte=since).exclude(template__in=hidden)
    for hour, workflow, runs in waiting.order_by().values_list("hour", "template_id").annotate(Count("pk")):
        yield hour, workflow, (runs, 0, 0, 0)
    after = max(counting.seen(), first_id_at(datetime.fromtimestamp(since * 3600, UTC)))
    rows = WorkflowExecution.objects.for_tenant(tenant_id).filter(pk__gt=after, is_test=False)
    good = Q(status=WorkflowExecution.Status.COMPLETED)
    fresh: Any = (
        rows.exclude(template__in=hidden)
        .annotate(begun=TruncHour("created_at", tzinfo=UTC))
        .order_by()
        .values_list("begun", "template_id")
        .annotate(
            every=Count("pk"), bad=Count("pk", filter=Q(is_failed=True)), well=Count("pk", filter=good),
            ms=Sum("execution_time_ms", filter=good),
        )
    )  # fmt: skip
    for begun, workflow, *numbers in fresh:
        hour = int(begun.timestamp()) // 3600
        if hour >= since:
            yield hour, workflow, tuple(numbers)


def _of(found: dict[Any, Ran], key: Any) -> Ran:
    return found.setdefault(key, Ran())
