"""Why a run has not begun: earlier runs, a full workspace, a server that takes nothing new, or nothing but a moment."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Q, QuerySet
from django.urls import reverse

from workflows.models import ActiveRun, WorkflowExecution
from workflows.runs import turns
from workflows.runs.claims import is_draining

if TYPE_CHECKING:
    from workflows.views.run_room import RunRoom

SLOW_START_S: Final = 10  # a queued run that waits longer than this makes people wonder
NAMED: Final = 3  # of the runs it waits for; so many are linked
DRAINING: Final = (
    "Whoever runs this server has stopped new work for a while, as before an update. "
    "Nothing is lost: what was started begins when work goes on."
)
Link = tuple[str, str]  # words, address


@dataclass(frozen=True)
class Reason:
    """`is_usual`: it is about to begin. `links` are the runs it waits for."""

    title: str
    text: str
    links: tuple[Link, ...] = ()
    is_usual: bool = False


def reason(room: RunRoom) -> Reason:
    """Of a run that nobody has taken yet (one to five SQL queries)."""
    if room.live.state == ActiveRun.State.HELD and (found := _held(room)):
        return found
    if is_draining():
        return Reason("Nothing new begins just now", DRAINING)
    if (room.now - room.execution.created_at).total_seconds() > SLOW_START_S:
        text = "It has waited longer than usual: the workers are busy, or none is running."
        return Reason("Queued", text)
    return Reason("Queued", "A worker takes it in a moment.", is_usual=True)


def _held(room: RunRoom) -> Reason | None:
    limit, overlap = turns.rule_of(room.live.limit_key)
    if limit is not None:
        rows = turns.unfinished(room.live.limit_key).order_by("execution_id")
        under_way = list(rows.values_list("pk", flat=True)[: limit + 1])
        if len(under_way) >= limit:
            return _behind(room, under_way, limit, overlap)
    tenant = room.execution.tenant
    if turns.is_workspace_full(tenant.pk, tenant.max_parallel_runs or None):
        runs = tenant.max_parallel_runs
        text = (
            f"{runs:,} run{' of this workspace is' if runs == 1 else 's of this workspace are'} at work, as many as its "
            f"settings allow. It begins when one of them ends, or waits for something."
        )
        return Reason("Waiting for room in the workspace", text + _in_line(room))
    return None


def _behind(room: RunRoom, under_way: list[uuid.UUID], limit: int, overlap: str) -> Reason:
    links = _named(room, under_way)
    first = links[0][0] if links else "an earlier run"
    if overlap == "restart":
        text = "A newer run takes the place of an older one, as the workflow's settings say. It begins as soon as that one has stopped."
        return Reason(f"Waiting for {first} to stop", text, links)
    if limit == 1:
        text = "This workflow runs one at a time, as its settings say. It begins by itself."
        return Reason(f"Waiting for {first} to end", text + _in_line(room), links)
    text = f"This workflow has at most {limit:,} runs at a time, as its settings say. It begins when one of them ends."
    return Reason(f"Waiting for one of {limit:,} runs to end", text + _in_line(room), links)


def _named(room: RunRoom, under_way: list[uuid.UUID]) -> tuple[Link, ...]:
    rows = WorkflowExecution.objects.for_tenant(room.execution.tenant_id).filter(pk__in=under_way[:NAMED])
    numbered = rows.order_by("pk").values_list("pk", "number")
    return tuple(
        (
            f"run #{number}" if number else "a run that was just started",
            reverse("workflows:run-detail", args=[pk]),
        )
        for pk, number in numbered
    )


def _in_line(room: RunRoom) -> str:
    before = _held_before(room).count()
    if not before:
        return ""
    return f" {before:,} more run{' is' if before == 1 else 's are'} in line before it."


def _held_before(room: RunRoom) -> QuerySet[ActiveRun]:
    live, own = room.live, room.execution.pk
    held = turns.of_key(live.limit_key).filter(state=ActiveRun.State.HELD)
    at_once = Q(priority=live.priority)
    earlier = Q(run_at__lt=live.run_at) | Q(run_at=live.run_at, pk__lt=own)
    return held.filter(Q(priority__lt=live.priority) | (at_once & earlier))
