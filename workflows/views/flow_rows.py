"""The list of workflows: which ones an address asks for, and each as a row, at a price that does not grow with the rows."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import TruncDate
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode

from accounts.models import Membership, Tenant, User
from automate.lib.ids import first_id_at
from integrations.models import IntegrationDefinition
from workflows.access import hidden_workflows
from workflows.models import (
    Deployment,
    Favourite,
    Folder,
    WorkflowExecution,
    WorkflowStep,
    WorkflowTemplate,
    WorkflowTrigger,
)
from workflows.models.template import WorkflowTemplateQuerySet as Flows

STATUS: Final = WorkflowTemplate.Status

DAYS: Final = 14
MAX_TILES: Final = 5
STATES: Final = {
    "": "All", "active": "Active", "failing": "Failing", "drafts": "Drafts", "archived": "Archived"
}  # fmt: skip
STARRED: Final = "starred"
WHOSE: Final = {"": "Everybody's", "mine": "Made by me", STARRED: "Starred by me"}
_PUT_AWAY: Final = Q(status=STATUS.ARCHIVED)
_IN_STATE: Final = {
    "": ~_PUT_AWAY,
    "active": ~_PUT_AWAY & Q(live=True),
    "failing": ~_PUT_AWAY & Q(failing=True),
    "drafts": Q(status=STATUS.DRAFT),
    "archived": _PUT_AWAY,
}


@dataclass(frozen=True)
class FlowFilters:
    """What the list is asked for."""

    q: str = ""
    state: str = ""
    app: str = ""
    folder: str = ""
    tag: str = ""
    whose: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> FlowFilters:
        state = query.get("state", "")
        return cls(
            q=query.get("q", "").strip()[:200],
            state=state if state in STATES else "",
            app=query.get("app", "").strip()[:60],
            folder=query.get("folder", "").strip()[:80],
            tag=query.get("tag", "").strip()[:60],
            whose=whose if (whose := query.get("whose", "")) in WHOSE else "",
        )

    @property
    def is_narrowed(self) -> bool:
        return any(vars(self).values())

    @property
    def chosen(self) -> int:
        """How many filters of the menu are set."""
        return sum(bool(value) for value in (self.app, self.folder, self.tag, self.whose))

    def query(self) -> str:
        """As the query of an address, with a question mark; empty for no filters."""
        said = {name: value for name, value in vars(self).items() if value}
        return f"?{urlencode(said)}" if said else ""

    def searched(self, rows: Flows, user: User) -> Flows:
        """Everything but the state."""
        if self.q:
            rows = rows.matching(self.q)
        if self.app:
            steps = WorkflowStep.objects.filter(template=OuterRef("pk"), integration=self.app)
            triggers = WorkflowTrigger.objects.filter(template=OuterRef("pk"), integration=self.app)
            rows = rows.filter(Exists(steps) | Exists(triggers))
        if self.folder:
            rows = rows.filter(folder__name=self.folder)
        if self.tag:
            tagged = rows.exclude(tags=[]).order_by().values_list("pk", "tags")
            rows = rows.filter(pk__in=[pk for pk, tags in tagged if self.tag in tags])
        if self.whose:
            rows = rows.filter(**({"starred": True} if self.whose == STARRED else {"created_by": user}))
        return rows

    def in_state(self, rows: Flows) -> Flows:
        return rows.filter(_IN_STATE[self.state])


@dataclass
class FlowRow:
    """A workflow as the list draws it. `days` are `{label, succeeded, failed}` of the last two weeks."""

    template: WorkflowTemplate
    apps: list[str] = field(default_factory=list)
    days: list[dict[str, Any]] = field(default_factory=list)
    last: WorkflowExecution | None = None

    @property
    def more_apps(self) -> int:
        return max(len(self.apps) - MAX_TILES, 0)

    @property
    def tiles(self) -> list[str]:
        return self.apps[:MAX_TILES]

    @property
    def is_published(self) -> bool:
        return bool(getattr(self.template, "has_deployment", False))

    @property
    def is_archived(self) -> bool:
        return self.template.status == STATUS.ARCHIVED

    @property
    def status(self) -> str:
        """What the pill says: of the last run, else of the workflow itself; empty where nothing has run yet."""
        if self.is_archived:
            return "ARCHIVED"
        if self.last is not None:
            marred = self.last.had_errors and self.last.status == WorkflowExecution.Status.COMPLETED
            return "HAD_ERRORS" if marred else self.last.status
        return "" if self.is_published else "DRAFT"

    @property
    def busiest_day(self) -> int:
        return max((day["succeeded"] + day["failed"] for day in self.days), default=0)


def visible_flows(membership: Membership) -> Flows:
    """The workspace's workflows that this member may see, with what states are told by (two SQL queries, at once)."""
    hidden = hidden_workflows(membership)
    rows = WorkflowTemplate.objects.for_tenant(membership.tenant_id).with_activity()
    runs = WorkflowExecution.objects.filter(template=OuterRef("pk"), is_test=False).order_by("-pk")
    rows = rows.annotate(
        has_deployment=Exists(Deployment.objects.filter(template=OuterRef("pk"))),
        failing=Subquery(runs.values("is_failed")[:1]),
        last_run=Subquery(runs.values("pk")[:1]),
        starred=Exists(Favourite.objects.filter(template=OuterRef("pk"), user=membership.user_id)),
    )
    rows = rows.order_by("-starred", "-updated_at", "pk")  # type: ignore[misc]  # annotated
    return rows.exclude(pk__in=hidden) if hidden else rows


def chips(rows: Flows, filters: FlowFilters, url: str) -> list[dict[str, Any]]:
    """The states with how many workflows are in each (one SQL query)."""
    found: list[tuple[str, bool, bool | None]] = list(
        rows.order_by().values_list("status", "live", "failing")  # type: ignore[misc]  # annotated
    )
    away = sum(status == STATUS.ARCHIVED for status, _, _ in found)
    counts = {
        "": len(found) - away,
        "active": sum(bool(live) for status, live, _ in found if status != STATUS.ARCHIVED),
        "failing": sum(bool(failing) for status, _, failing in found if status != STATUS.ARCHIVED),
        "drafts": sum(status == STATUS.DRAFT for status, _, _ in found),
        "archived": away,
    }
    return [
        {
            "label": label,
            "url": url + replace(filters, state=state).query(),
            "active": filters.state == state,
            "count": counts[state] or ("" if state == "archived" else 0),
        }
        for state, label in STATES.items()
    ]


def apps_of(tenant: Tenant) -> list[tuple[str, str]]:
    """Slug and name of the apps that steps of this workspace's workflows use, for the filter (two SQL queries)."""
    rows = WorkflowStep.objects.for_tenant(tenant).exclude(integration="").order_by("integration")
    slugs = list(rows.values_list("integration", flat=True).distinct())
    offered = IntegrationDefinition.objects.offered_to(tenant).filter(name__in=slugs)
    names = dict(offered.values_list("name", "display_name"))
    return [(slug, names.get(slug, slug)) for slug in slugs]


def choices_of(tenant: Tenant) -> dict[str, Any]:
    """What the menu of filters offers: apps, folders and tags in use, and whose (four SQL queries)."""
    tags = WorkflowTemplate.objects.for_tenant(tenant).exclude(tags=[]).values_list("tags", flat=True)
    return {
        "apps": apps_of(tenant),
        "folders": list(Folder.objects.for_tenant(tenant).values_list("name", flat=True)),
        "tags": sorted({tag for row in tags for tag in row}),
        "whose": list(WHOSE.items()),
    }


def shown(templates: Sequence[WorkflowTemplate]) -> list[FlowRow]:
    """The rows as people read them: four SQL queries for all of them."""
    ids = [template.pk for template in templates]
    apps, days = _apps(ids), _days(ids)
    last_ids = [template.last_run for template in templates if template.last_run]  # type: ignore[attr-defined]  # annotated
    columns = ("status", "had_errors", "created_at", "template_id")
    runs = {run.template_id: run for run in WorkflowExecution.objects.filter(pk__in=last_ids).only(*columns)}
    return [
        FlowRow(template, apps.get(template.pk, []), days[template.pk], runs.get(template.pk))
        for template in templates
    ]


def first_day() -> date:
    return timezone.localdate() - timedelta(days=DAYS - 1)


def _apps(ids: list[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    """What starts it, then the apps its steps use, each once."""
    found: dict[uuid.UUID, list[str]] = defaultdict(list)
    triggers = WorkflowTrigger.objects.filter(template_id__in=ids).order_by("position")
    steps = WorkflowStep.objects.filter(template_id__in=ids).exclude(integration="").order_by("position")
    pairs = [
        (template, integration or kind.lower())
        for template, integration, kind in triggers.values_list("template_id", "integration", "type")
    ]
    pairs += steps.values_list("template_id", "integration")
    for template, app in pairs:
        if app not in found[template]:
            found[template].append(app)
    return found


def _days(ids: list[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    start = first_day()
    zone = timezone.get_current_timezone()
    since = first_id_at(datetime.combine(start, time.min, tzinfo=zone))
    rows = (
        WorkflowExecution.objects.filter(template_id__in=ids, pk__gte=since, is_test=False)
        .annotate(day=TruncDate("created_at", tzinfo=zone))
        .values("template_id", "day")
        .annotate(all=Count("pk"), bad=Count("pk", filter=Q(is_failed=True)))
        .order_by()
    )
    counts = {(row["template_id"], row["day"]): (row["all"], row["bad"]) for row in rows}
    span = [start + timedelta(days=n) for n in range(DAYS)]
    return {
        pk: [_point(day, *counts.get((pk, day), (0, 0))) for day in span]
        for pk in ids
    }  # fmt: skip


def _point(day: date, every: int, bad: int) -> dict[str, Any]:
    return {"label": f"{day:%b} {day.day}", "succeeded": every - bad, "failed": bad}
