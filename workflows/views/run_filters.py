"""Which runs a list shows: what the address asks for, as a query that stays cheap on large tables."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode

from accounts.models import Tenant
from automate.lib import clock
from automate.lib.ids import first_id_at
from workflows.models import ActiveRun, WorkflowExecution, WorkflowTemplate
from workflows.models.trigger import TriggerType
from workflows.runs.search import Search, search

Runs = QuerySet[WorkflowExecution]
Status = WorkflowExecution.Status

COUNTED: Final = 1_000  # the chips count among so many of the newest runs; counting all would cost seconds
UNFINISHED: Final = {
    "running": (Status.PENDING, Status.RUNNING),
    "waiting": (Status.WAITING,),
    "attention": (Status.NEEDS_ATTENTION,),
}
ENDED: Final = {
    "succeeded": (Status.COMPLETED,),
    "failed": (Status.FAILED, Status.TIMED_OUT),
    "cancelled": (Status.CANCELLED,),
}
GROUPS: Final = UNFINISHED | ENDED
LABELS: Final = {
    "": "All", "running": "Running", "waiting": "Waiting", "attention": "Needs attention",
    "succeeded": "Succeeded", "failed": "Failed", "cancelled": "Cancelled",
}  # fmt: skip
SPANS: Final = {
    "": ("Any time", 0), "hour": ("Last hour", 1), "day": ("Last 24 hours", 24), "week": ("Last 7 days", 7 * 24),
    "month": ("Last 30 days", 30 * 24),
}  # fmt: skip
TRIGGER_TYPES: Final = {"": "Any trigger"} | {str(kind.value): str(kind.label) for kind in TriggerType}
TESTS: Final = {"": "With test runs", "hide": "Without test runs", "only": "Test runs only"}


@dataclass(frozen=True)
class Filters:
    """What a list of runs is asked for. `before` and `after` are ids of runs: the pages of a list."""

    q: str = ""
    status: str = ""
    workflow: uuid.UUID | None = None
    tests: str = ""
    trigger: str = ""
    span: str = ""
    before: uuid.UUID | None = None
    after: uuid.UUID | None = None

    @classmethod
    def read(cls, query: QueryDict) -> Filters:
        """From an address; what makes no sense is left out."""
        status, tests = query.get("status", ""), query.get("tests", "")
        trigger, span = query.get("trigger", ""), query.get("span", "")
        return cls(
            q=query.get("q", "").strip()[:200],
            status=status if status in GROUPS else "",
            workflow=as_id(query.get("workflow")),
            tests=tests if tests in TESTS else "",
            trigger=trigger if trigger in TriggerType.values else "",
            span=span if span in SPANS else "",
            before=as_id(query.get("before")),
            after=as_id(query.get("after")),
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether a run may exist that this leaves out."""
        return any(vars(self).values())

    @property
    def is_first_page(self) -> bool:
        return self.before is None and self.after is None

    def query(self, **more: str) -> str:
        """As the query of an address, with a question mark; empty for no filters."""
        said = {name: str(value) for name, value in vars(self).items() if value}
        return f"?{urlencode(said | more)}" if said or more else ""

    def page(self, *, before: uuid.UUID | None = None, after: uuid.UUID | None = None) -> Filters:
        return replace(self, before=before, after=after)

    def apply(self, tenant: Tenant, rows: Runs, found: Search | None = None) -> Runs:
        """The runs of this workspace that are asked for, whatever the page. `found`: what `searched` gave."""
        return _in_group(tenant, self._with_words(tenant, self.without_status(rows), found), self.status)

    def without_status(self, rows: Runs) -> Runs:
        if self.workflow:
            rows = rows.filter(template_id=self.workflow)
        if self.trigger:
            rows = rows.filter(trigger_type=self.trigger)
        if self.span:
            rows = rows.filter(pk__gte=first_id_at(clock.now() - timedelta(hours=SPANS[self.span][1])))
        return rows.filter(is_test=self.tests == "only") if self.tests else rows

    def counted(self, tenant: Tenant, rows: Runs, found: Search | None = None) -> Counter[str]:
        """How many of the newest COUNTED runs are of each status, whatever status is chosen."""
        asked = self._with_words(tenant, self.without_status(rows), found).order_by("-pk")
        return Counter(asked.values_list("status", flat=True)[:COUNTED])

    def searched(self, tenant: Tenant, rows: Runs) -> Search | None:
        """The search of the runs' data for `q`; None where `q` is no such text."""
        if not self.q or _special(tenant, rows, self.q) is not None:
            return None
        return search(tenant.pk, self.q, self.without_status(rows))

    def _with_words(self, tenant: Tenant, rows: Runs, found: Search | None) -> Runs:
        """By number, a status, a day, the run's id; else by words of the workflow's name or of the run's data."""
        if not self.q:
            return rows
        special = _special(tenant, rows, self.q)
        if special is not None:
            return special
        if self.q.isdecimal():
            wanted = Q(number=int(self.q[:18]))
        else:
            named = WorkflowTemplate.objects.for_tenant(tenant).matching(self.q).values("pk")
            wanted = Q(template_id__in=named)
        return rows.filter(wanted | found.found if found else wanted)


def _special(tenant: Tenant, rows: Runs, text: str) -> Runs | None:
    """The runs of a number, an id, a status or a day; None for a text that is none of these."""
    if re.fullmatch(r"#\d{1,18}", text):
        return rows.filter(number=int(text[1:]))
    if (run_id := as_id(text)) is not None:
        return rows.filter(pk=run_id)
    if (group := _group_named(text)) is not None:
        return _in_group(tenant, rows, group)
    if (day := _day(text)) is not None:
        return rows.filter(pk__gte=first_id_at(day), pk__lt=first_id_at(day + timedelta(days=1)))
    return None


def _in_group(tenant: Tenant, rows: Runs, group: str) -> Runs:
    """Unfinished runs are looked up through the queue, failed ones through their own index: both are short."""
    if group in UNFINISHED:
        queued = ActiveRun.objects.filter(tenant=tenant).values("pk")
        return rows.filter(pk__in=queued, status__in=UNFINISHED[group])
    if group == "failed":
        return rows.filter(is_failed=True)
    return rows.filter(status__in=ENDED[group]) if group else rows


def chips(filters: Filters, counts: Counter[str], base_url: str) -> list[dict[str, Any]]:
    """The filters by status with how many runs each has; "40+" where only the newest were counted."""
    total = counts.total()
    plus = "+" if total >= COUNTED else ""
    found = []
    for group, label in LABELS.items():
        number = sum(counts[status] for status in GROUPS[group]) if group else total
        changed = replace(filters, status=group, before=None, after=None)
        shown = f"{number:,}{plus}" if number or not group else ""
        found.append(
            {
                "label": label,
                "url": (base_url + changed.query()) or "?",
                "active": filters.status == group,
                "count": shown,
            }
        )
    return found  # fmt: skip


def as_id(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def _group_named(text: str) -> str | None:
    wanted = text.lower()
    return next(
        (group for group, label in LABELS.items() if group and wanted in (group, label.lower())), None
    )


def _day(text: str) -> datetime | None:
    """A day such as 2026-03-01, "today" or "yesterday", in the reader's time zone, as its first moment."""
    here = timezone.localdate()
    days = {"today": here, "yesterday": here - timedelta(days=1)}
    try:
        day = days.get(text.lower()) or date.fromisoformat(text)
        return timezone.make_aware(datetime.combine(day, time.min))
    except (ValueError, OverflowError):
        return None


def visible(rows: Runs, hidden: Iterable[uuid.UUID]) -> Runs:
    """Without the runs of workflows that are shared with others only."""
    ids = list(hidden)
    return rows.exclude(template_id__in=ids) if ids else rows
