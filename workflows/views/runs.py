"""Lists of runs: of a workspace, of one workflow, beside an open run, and the newest few for the first page."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET
from django_htmx.http import push_url

from accounts.access import workspace_view
from accounts.models import Membership
from accounts.permissions import has_permission
from accounts.request import AppRequest
from workflows.access import get_workflow_or_404, hidden_workflows, rights_on
from workflows.models import WorkflowExecution, WorkflowTemplate
from workflows.runs.claims import is_draining
from workflows.views import run_queue, run_rows
from workflows.views.frame import bar_of, run_tabs, standing_of
from workflows.views.run_filters import SPANS, TESTS, TRIGGER_TYPES, Filters, Runs, as_id, chips, visible

RECENT: Final = 6  # rows on the workspace's first page
MAX_CHOICES: Final = 500  # workflows offered as a filter; the search finds the others
NOTHING_NEW: Final = 204


@require_GET
@workspace_view(need="execution.view")
def run_list(request: AppRequest, workspace_slug: str) -> HttpResponse:
    hidden = hidden_workflows(request.membership)
    rows = visible(WorkflowExecution.objects.for_tenant(request.workspace), hidden)

    def around() -> dict[str, Any]:
        named = WorkflowTemplate.objects.for_tenant(request.workspace).exclude(pk__in=hidden).order_by("name")
        choices = [(str(pk), name) for pk, name in named.values_list("pk", "name")[:MAX_CHOICES]]
        again = has_permission(request.membership, "execution.retry")
        retry = reverse("workflows:runs-retry", args=[workspace_slug]) if again else ""
        return {"nav": "runs", "has_workflow_column": True, "workflows": choices, "retry_url": retry}

    url = reverse("workflows:run-list", args=[workspace_slug])
    return _list(request, rows, url, around, page="workflows/run_list.html")


@require_GET
def workflow_runs(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    template = get_workflow_or_404(request, id, "execution.view")
    rows = WorkflowExecution.objects.for_tenant(request.workspace).filter(template=template)
    if request.GET.get("current"):
        return _column(request, template, rows)

    def around() -> dict[str, Any]:
        rights = rights_on(request.membership, template)
        again = "execution.retry" in rights
        retry = reverse("workflows:workflow-runs-retry", args=[template.pk]) if again else ""
        return {
            "workflow": template,
            "tabs": run_tabs(template),
            "retry_url": retry,
            **bar_of(template, "runs", rights),
            **standing_of(template, rights),
        }

    url = reverse("workflows:workflow-runs", args=[template.pk])
    return _list(request, rows, url, around, page="workflows/run_workflow.html")


@require_GET
@workspace_view(need="execution.view")
def runs_recent(request: AppRequest, workspace_slug: str) -> HttpResponse:
    """The newest few; 204 while `?seen=` is still what there is."""
    if _is_seen(request, runs_of(request.membership), RECENT):
        return HttpResponse(status=NOTHING_NEW)
    return vary(render(request, "workflows/_run_recent.html", {"recent": recent_runs(request.membership)}))


def recent_runs(membership: Membership) -> dict[str, Any]:
    """What `_run_recent.html` draws as `recent` (three SQL queries)."""
    found = run_rows.page(runs_of(membership), Filters(), size=RECENT)
    url = reverse("workflows:runs-recent", args=[membership.tenant.slug])
    return {"rows": run_rows.shown(found.rows), "poll_url": f"{url}?seen={found.seen}"}


def runs_of(membership: Membership) -> Runs:
    """The runs of the workspace that this member may see (at most two SQL queries, at once)."""
    rows = WorkflowExecution.objects.for_tenant(membership.tenant_id)
    return visible(rows, hidden_workflows(membership))


def column(template: WorkflowTemplate, current: uuid.UUID) -> dict[str, Any]:
    """The runs beside an open run, as `_run_column.html` draws them (one SQL query)."""
    rows = WorkflowExecution.objects.for_tenant(template.tenant_id).filter(template=template)
    return _column_context(template, run_rows.page(rows, Filters()), current, Filters())


def _list(
    request: AppRequest, rows: Runs, url: str, around: Callable[[], dict[str, Any]], *, page: str
) -> HttpResponse:
    """The page, or its `#runs` region for HTMX; 204 when the region asks whether anything is new and nothing is.

    `around` gives what the page has besides the region, asked for only when something is drawn.
    """
    filters = Filters.read(request.GET)
    search = filters.searched(request.workspace, rows)
    asked = filters.apply(request.workspace, rows, search)
    mark = "~" if search and search.is_growing else ""
    if _is_seen(request, asked, mark=mark):
        return HttpResponse(status=NOTHING_NEW)
    found = run_rows.page(asked, filters)
    base = around()
    context = base | {
        "list_url": url,
        "filters": filters,
        "tests": TESTS,
        "spans": SPANS,
        "trigger_types": TRIGGER_TYPES,
        "search_note": search.note if search else "",
        "runs": run_rows.shown(found.rows, tiles="has_workflow_column" in base),
        "page": found,
        "chips": chips(filters, filters.counted(request.workspace, rows, search), url),
        "poll_url": url + filters.query(seen=found.seen + mark) if filters.is_first_page else "",
        "draining": run_queue.DRAINING if _waits_for_drain(found.rows) else "",
    }
    is_failed = filters.status == "failed" and context["runs"]
    context["retry_url"] = (
        context["retry_url"] + filters.page().query() if is_failed and context["retry_url"] else ""
    )
    if not _asks_for(request, "runs"):
        return vary(render(request, page, context))
    response = vary(render(request, "workflows/_run_rows.html", context))
    return response if "seen" in request.GET else push_url(response, url + filters.query())


def _waits_for_drain(rows: Sequence[WorkflowExecution]) -> bool:
    """Whether some of these runs have not begun since the server takes nothing new (one SQL query if some are queued)."""
    return any(row.status == WorkflowExecution.Status.PENDING for row in rows) and is_draining()


def _column(request: AppRequest, template: WorkflowTemplate, rows: Runs) -> HttpResponse:
    """The list beside an open run: `?since=` renews it, `?before=` gives the next rows below, `?q=` searches."""
    filters = Filters.read(request.GET)
    current, since = as_id(request.GET.get("current")), as_id(request.GET.get("since"))
    asked = filters.apply(request.workspace, rows, filters.searched(request.workspace, rows))
    found = run_rows.grown(asked, since) if since else run_rows.page(asked, filters)
    if request.GET.get("seen") == found.seen:
        return HttpResponse(status=NOTHING_NEW)
    context = {"column": _column_context(template, found, current, filters)}
    part = "more" if filters.before else "list" if since else "body"
    return vary(render(request, f"workflows/_run_column_{part}.html", context))


def _column_context(
    template: WorkflowTemplate, found: run_rows.Page, current: uuid.UUID | None, filters: Filters
) -> dict[str, Any]:
    url = reverse("workflows:workflow-runs", args=[template.pk])
    asked = filters.page()
    last = str(found.rows[-1].pk) if found.rows else ""
    return {
        "rows": run_rows.shown(found.rows, current=current, tiles=False),
        "q": filters.q,
        "current": current,
        "list_url": url,
        "poll_url": url + asked.query(current=str(current), seen=found.seen, since=last),
        "more_url": url + asked.query(current=str(current), before=last) if found.older else "",
    }


def _is_seen(request: AppRequest, rows: Runs, size: int = run_rows.PAGE_SIZE, mark: str = "") -> bool:
    """Whether the region on the page already shows what there is (one SQL query)."""
    seen = request.GET.get("seen")
    return bool(seen) and seen == run_rows.seen_of(rows, size) + mark


def _asks_for(request: AppRequest, region: str) -> bool:
    return bool(request.htmx) and request.htmx.target == region and not request.htmx.history_restore_request


def vary(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    return response
