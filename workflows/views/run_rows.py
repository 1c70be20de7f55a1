"""Runs as rows of a list: one page of them, how they are shown, and whether anything changed since."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db.models.fields.json import KeyTextTransform
from django.urls import reverse

from automate.lib import clock
from workflows.models import ActiveRun, WorkflowExecution, WorkflowStep
from workflows.models.trigger import TriggerType
from workflows.views.run_filters import Filters, Runs

PAGE_SIZE: Final = 30
MAX_GROWN: Final = 300  # rows a list that renews itself may grow to before it has to be reloaded
_COLUMNS: Final = (
    "number", "status", "is_failed", "is_test", "had_errors", "trigger_type", "retry_of_id", "created_at", "started_at",
    "execution_time_ms", "tenant_id", "template_id", "template__name",
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """`newer` and `older` are the addresses of the pages beside this one; None where there is none."""

    rows: Sequence[WorkflowExecution]
    newer: str | None = None
    older: str | None = None

    @property
    def seen(self) -> str:
        return fingerprint((row.pk, row.status, row.number) for row in self.rows)


@dataclass(frozen=True)
class RunRow:
    """A run as ui/_run_row.html and the tables draw it. `duration_ms` is "so far" while `is_live`."""

    id: uuid.UUID
    url: str
    name: str
    number: int | None
    status: str
    how: str
    when: datetime
    duration_ms: int | None
    is_live: bool
    is_test: bool
    said: str
    tile: str
    current: bool = False


def page(rows: Runs, filters: Filters, *, size: int = PAGE_SIZE) -> Page:
    """One page by id, newest first (one SQL query, two when a page of newer runs turns out to be the first)."""
    rows = rows.select_related("template").only(*_COLUMNS)
    rows = rows.annotate(said=KeyTextTransform("message", "error"))
    if filters.after:
        found = list(rows.filter(pk__gt=filters.after).order_by("pk")[: size + 1])
        if len(found) > size:
            shown = found[size - 1 :: -1]
            return Page(shown, _newer(filters, shown), _older(filters, shown))
        filters = filters.page()
    if filters.before:
        rows = rows.filter(pk__lt=filters.before)
    found = list(rows.order_by("-pk")[: size + 1])
    shown = found[:size]
    newer = _newer(filters, shown) if filters.before else None
    return Page(shown, newer, _older(filters, shown) if len(found) > size else None)


def grown(rows: Runs, since: uuid.UUID | None) -> Page:
    """A list that renews itself: the first page, and what came since; `since` is the last run it began with."""
    if since is None:
        return page(rows, Filters())
    found = rows.select_related("template").only(*_COLUMNS).filter(pk__gte=since).order_by("-pk")
    return Page(list(found.annotate(said=KeyTextTransform("message", "error"))[:MAX_GROWN]))


def seen_of(rows: Runs, size: int = PAGE_SIZE) -> str:
    """The fingerprint of the first page, read without the rest of the rows (one SQL query)."""
    return fingerprint(rows.order_by("-pk").values_list("pk", "status", "number")[:size])


def fingerprint(facts: Iterable[tuple[Any, ...]]) -> str:
    """Differs when a run came, went, got its number or another status."""
    return digest("|".join(f"{pk}{status}{number}" for pk, status, number in facts))


def digest(text: str) -> str:
    """A short text that differs where `text` differs."""
    return hashlib.blake2s(text.encode(), digest_size=8).hexdigest()


def shown(
    rows: Sequence[WorkflowExecution], *, current: uuid.UUID | None = None, tiles: bool = True
) -> list[RunRow]:
    """The rows as people read them; with tiles one SQL query for all of them, and one when some are queued."""
    apps = _apps({row.template_id for row in rows}) if tiles else {}
    now, held = clock.now(), _held(rows)
    found = [_shown(row, apps.get(row.template_id, ""), current, now) for row in rows]
    return [replace(row, status=ActiveRun.State.HELD) if row.id in held else row for row in found]


def how(trigger_type: str, retry_of: object) -> str:
    """What started a run, in a word or two."""
    if retry_of:
        return "Retry"
    return TriggerType(trigger_type).label if trigger_type in TriggerType else "By hand"


def status_of(execution: WorkflowExecution) -> str:
    """The stored status, but for runs that succeeded on their error paths."""
    is_marred = execution.had_errors and execution.status == WorkflowExecution.Status.COMPLETED
    return "HAD_ERRORS" if is_marred else execution.status


def duration_ms(execution: WorkflowExecution, now: datetime) -> int | None:
    """How long it took, or takes so far; None before it has begun."""
    if execution.execution_time_ms is not None or execution.started_at is None:
        return execution.execution_time_ms
    return None if execution.is_final else int((now - execution.started_at).total_seconds() * 1000)


def _shown(row: WorkflowExecution, app: str, current: uuid.UUID | None, now: datetime) -> RunRow:
    return RunRow(
        id=row.pk,
        url=reverse("workflows:run-detail", args=[row.pk]),
        name=row.template.name,
        number=row.number,
        status=status_of(row),
        how=how(row.trigger_type, row.retry_of_id),
        when=row.created_at,
        duration_ms=duration_ms(row, now),
        is_live=not row.is_final,
        is_test=row.is_test,
        said=(getattr(row, "said", None) or "") if row.is_failed else "",
        tile=app or row.trigger_type.lower() or "manual",
        current=row.pk == current,
    )


def _held(rows: Sequence[WorkflowExecution]) -> set[uuid.UUID]:
    """Queued runs that wait until earlier ones leave room."""
    queued = [row.pk for row in rows if row.status == WorkflowExecution.Status.PENDING]
    held = ActiveRun.objects.filter(pk__in=queued, state=ActiveRun.State.HELD)
    return set(held.values_list("pk", flat=True)) if queued else set()


def _apps(templates: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The first app each workflow talks to; plain HTTP only where there is no other."""
    rows = WorkflowStep.objects.filter(template_id__in=templates).exclude(integration="").order_by("position")
    found: dict[uuid.UUID, str] = {}
    for template, integration in rows.values_list("template_id", "integration"):
        if found.get(template, "http") == "http":
            found[template] = integration
    return found


def _newer(filters: Filters, rows: Sequence[WorkflowExecution]) -> str | None:
    return filters.page(after=rows[0].pk).query() if rows else filters.page().query() or "?"


def _older(filters: Filters, rows: Sequence[WorkflowExecution]) -> str | None:
    return filters.page(before=rows[-1].pk).query() if rows else None
