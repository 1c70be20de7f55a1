"""Why it did not run: skipped, filtered, refused, recorded only, come twice. One workflow's list, newest first."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from accounts.request import AppRequest
from automate.lib import clock
from automate.lib.ids import first_id_at
from workflows.access import get_workflow_or_404, rights_on
from workflows.models import RunEvent, WorkflowExecution, WorkflowTemplate, WorkflowTrigger
from workflows.views.frame import bar_of, run_tabs, standing_of
from workflows.views.replies import asks_for, vary
from workflows.views.run_filters import SPANS, as_id

PAGE_SIZE: Final = 50
Kind = RunEvent.Kind
LABELS: Final = {
    "": "All", Kind.SKIPPED: "Skipped", Kind.FILTERED: "Filtered", Kind.DUPLICATE: "Came twice",
    Kind.REJECTED: "Refused", Kind.RECORDED: "Recorded, not run", Kind.RECOVERED: "Taken over", Kind.CHANGED: "Changed",
    Kind.REPLACED: "Replaced", Kind.TROUBLE: "In trouble",
}  # fmt: skip
ICONS: Final = {
    Kind.SKIPPED: ("player-pause", "warn"), Kind.FILTERED: ("filter", "idle"), Kind.DUPLICATE: ("copy", "idle"),
    Kind.REJECTED: ("hand-stop", "bad"), Kind.RECORDED: ("eye", "warn"), Kind.RECOVERED: ("refresh-alert", "warn"),
    Kind.CHANGED: ("user", "idle"), Kind.REPLACED: ("player-stop", "warn"), Kind.TROUBLE: ("alert-triangle", "bad"),
    Kind.FIRED: ("bolt", "ok"),
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What the list is asked for. `span` is a key of SPANS; `before` the event that the page before ended with."""

    kind: str = ""
    span: str = ""
    before: uuid.UUID | None = None

    @classmethod
    def read(cls, query: QueryDict) -> Asked:
        """From an address; what makes no sense is left out."""
        kind, span = query.get("kind", ""), query.get("span", "")
        return cls(kind if kind in LABELS else "", span if span in SPANS else "", as_id(query.get("before")))

    def url(self, base: str, **changes: Any) -> str:
        said = {name: str(value) for name, value in vars(replace(self, **changes)).items() if value}
        return f"{base}?{urlencode(said)}" if said else base


@dataclass(frozen=True)
class Shown:
    """One event as a row."""

    at: datetime
    label: str
    icon: str
    tone: str
    message: str
    trigger: str
    run_url: str
    run: str


@require_GET
def event_list(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    template = get_workflow_or_404(request, id, "execution.view")
    asked = Asked.read(request.GET)
    rows = list(events_of(template, asked)[: PAGE_SIZE + 1])
    base = reverse("workflows:event-list", args=[template.pk])
    older = asked.url(base, before=rows[PAGE_SIZE - 1].pk) if len(rows) > PAGE_SIZE else ""
    context = {
        "workflow": template,
        "asked": asked,
        "events": _shown(template, rows[:PAGE_SIZE]),
        "chips": [
            {
                "label": label,
                "url": asked.url(base, kind=str(kind), before=None),
                "active": asked.kind == kind,
            }
            for kind, label in LABELS.items()
        ],
        "spans": SPANS,
        "older_url": older,
        "newest_url": asked.url(base, before=None) if asked.before else "",
        "list_url": base,
    }
    if asks_for(request, "events"):
        return vary(render(request, "workflows/_event_rows.html", context))
    rights = rights_on(request.membership, template)
    context |= bar_of(template, "runs", rights) | standing_of(template, rights)
    return vary(render(request, "workflows/event_list.html", context | {"tabs": run_tabs(template)}))


def events_of(template: WorkflowTemplate, asked: Asked) -> Any:
    """The events that are asked for, newest first; ids are in the order of time."""
    rows = RunEvent.objects.for_tenant(template.tenant_id).filter(template=template).order_by("-pk")
    rows = rows.filter(kind=asked.kind) if asked.kind else rows.exclude(kind=Kind.FIRED)
    if asked.span:
        rows = rows.filter(pk__gte=first_id_at(clock.now() - timedelta(hours=SPANS[asked.span][1])))
    return rows.filter(pk__lt=asked.before) if asked.before else rows


def _shown(template: WorkflowTemplate, rows: list[RunEvent]) -> list[Shown]:
    """As people read them (two SQL queries)."""
    runs = WorkflowExecution.objects.for_tenant(template.tenant_id).filter(
        template=template, pk__in={row.execution_id for row in rows if row.execution_id}
    )
    numbers = dict(runs.values_list("pk", "number"))
    named = WorkflowTrigger.objects.for_tenant(template.tenant_id).filter(template=template)
    names = dict(named.values_list("key", "name"))
    return [_one(row, numbers, names) for row in rows]


def _one(row: RunEvent, numbers: dict[uuid.UUID, int | None], names: dict[str, str]) -> Shown:
    icon, tone = (
        ICONS.get(Kind(row.kind), ("info-circle", "idle")) if row.kind in Kind else ("info-circle", "idle")
    )
    known = row.execution_id in numbers
    number = numbers.get(row.execution_id) if row.execution_id else None
    return Shown(
        at=row.at,
        label=LABELS.get(row.kind) or row.get_kind_display(),
        icon=icon,
        tone=tone,
        message=row.message,
        trigger=names.get(row.trigger_key) or row.trigger_key,
        run_url=reverse("workflows:run-detail", args=[row.execution_id]) if known else "",
        run=f"#{number:,}" if number else "the run",
    )
