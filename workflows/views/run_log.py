"""The log of a step, and of a run: what happened when, in sentences."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from automate.lib.ids import first_id_at
from automate.templatetags.formats import duration
from workflows.engine.document import port_name
from workflows.models import RunEvent, StepExecution, WorkflowExecution
from workflows.views.run_states import moment
from workflows.views.run_words import waiting_words

if TYPE_CHECKING:
    from workflows.views.run_room import RunRoom


@dataclass(frozen=True)
class Entry:
    """One line. `label` stands where a moment is not known; `url` leads to a run it speaks of."""

    text: str
    at: datetime | None = None
    label: str = ""
    tone: str = ""
    url: str = ""
    link: str = ""


def events_of_step(
    room: RunRoom, path: str, row: StepExecution | None, live: Mapping[str, Any]
) -> list[Entry]:
    if row is None:
        return _live_entries(room, path, live)
    if row.copied_from:
        return [_copied(row.copied_from, room)]
    if row.step_status == StepExecution.Status.SKIPPED:
        return [Entry("Skipped: no path led here.", row.completed_at)]
    entries = [Entry("Started.", row.started_at)]
    entries += [_failed_try(number, error) for number, error in enumerate(row.attempts, start=1)]
    entries.append(_ended(row))
    if row.port:
        step = room.step(row.step_id)
        names = [port_name(step, port) for port in row.port.split(",")]
        if names != ["Then"] and row.port != "main":
            entries.append(Entry(f"Went on by: {', '.join(names)}.", row.completed_at))
    return entries


def _live_entries(room: RunRoom, path: str, live: Mapping[str, Any]) -> list[Entry]:
    started = moment(live.get("started_at"))
    entries = [Entry("Started.", started)] if started else []
    errors = room.live.waits.get(path, {}).get("errors") or []
    entries += [_failed_try(number, error) for number, error in enumerate(errors, start=1)]
    if live.get("state") == "WAITING" and path not in room.live.asked:
        entries.append(Entry(waiting_words(room, path, live), label="Now", tone="warn"))
    if live.get("state") == "RETRYING":
        entries.append(
            Entry(f"Waits for try {live.get('attempt', 2)}.", moment(live.get("until")), tone="warn")
        )
    if path in room.live.asked:
        entries.append(Entry("Waits for a person to say whether it happened.", label="Now", tone="warn"))
    return entries


def _failed_try(number: int, error: object) -> Entry:
    said = str(error.get("message", "")) if isinstance(error, dict) else str(error)
    return Entry(f"Failed: {said}", label=f"Try {number}", tone="bad")


def _ended(row: StepExecution) -> Entry:
    took = duration(row.duration_ms)
    tries = f", at try {row.retry_attempt}" if row.retry_count else ""
    if row.step_status == StepExecution.Status.COMPLETED:
        return Entry(f"Succeeded after {took}{tries}.", row.completed_at, tone="ok")
    if row.step_status == StepExecution.Status.CANCELLED:
        return Entry("Not finished: the run ended while it waited.", row.completed_at)
    error = row.error if isinstance(row.error, dict) else {}
    return Entry(f"Failed after {took}{tries}: {error.get('message', '')}", row.completed_at, tone="bad")


def _copied(source: uuid.UUID, room: RunRoom) -> Entry:
    """The step was finished in an earlier run and taken over from there (one SQL query)."""
    rows = StepExecution.objects.for_tenant(room.execution.tenant_id).filter(pk=source)
    found = rows.values_list("execution_id", "execution__number", "completed_at").first()
    if found is None:
        return Entry(
            "Taken over from an earlier run, which is gone by now. It was not run again.", label="Copied"
        )
    url = reverse("workflows:run-detail", args=[found[0]])
    return Entry(
        "Taken over from an earlier run; it was not run again.", found[2], url=url, link=f"Run #{found[1]}"
    )


def events_of_run(room: RunRoom) -> list[Entry]:
    """From the start to the end, with what happened to the run besides its steps (one SQL query)."""
    execution = room.execution
    entries = [Entry("Queued.", execution.created_at)]
    if execution.started_at:
        entries.append(Entry("Taken by a worker.", execution.started_at))
    entries += [Entry(event.message, event.at, tone="warn") for event in _run_events(execution)]
    if execution.completed_at:
        word = WorkflowExecution.Status(execution.status).label
        tone = "bad" if execution.is_failed else "ok" if execution.status == "COMPLETED" else ""
        entries.append(Entry(f"{word}.", execution.completed_at, tone=tone))
    return entries


def _run_events(execution: WorkflowExecution) -> list[RunEvent]:
    """Events carry no index by run, but their ids are in the order of time, so the run's own span narrows them."""
    rows = RunEvent.objects.for_tenant(execution.tenant_id).filter(
        template_id=execution.template_id,
        execution_id=execution.pk,
        pk__gte=first_id_at(execution.created_at),
    )
    if execution.completed_at:
        rows = rows.filter(pk__lte=first_id_at(execution.completed_at + timedelta(minutes=1)))
    return list(rows.order_by("pk")[:50])
