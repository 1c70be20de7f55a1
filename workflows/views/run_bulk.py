"""Running again all failed runs of a list: how many there are, a question, and one press."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import workspace_view
from accounts.models import Membership
from accounts.request import AppRequest
from automate.lib.ids import uuid7
from workflows.access import get_workflow_or_404, hidden_workflows, rights_on
from workflows.models import WorkflowExecution, WorkflowTemplate
from workflows.runs import bulk
from workflows.views import replies
from workflows.views.run_filters import Filters, as_id, visible


@require_http_methods(["GET", "POST"])
@workspace_view(need="execution.retry")
def runs_retry(request: AppRequest, workspace_slug: str) -> HttpResponse:
    """Of the whole workspace, as the list is filtered."""
    rows = WorkflowExecution.objects.for_tenant(request.workspace)
    url = reverse("workflows:run-list", args=[workspace_slug])
    return _retry(request, visible(rows, hidden_workflows(request.membership)), url)


@require_http_methods(["GET", "POST"])
def workflow_runs_retry(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Of one workflow."""
    template = get_workflow_or_404(request, id, "execution.retry")
    rows = WorkflowExecution.objects.for_tenant(request.workspace).filter(template=template)
    return _retry(request, rows, reverse("workflows:workflow-runs", args=[template.pk]))


def _retry(request: AppRequest, rows: QuerySet[WorkflowExecution], list_url: str) -> HttpResponse:
    filters = Filters.read(request.GET).page()
    press = as_id(request.POST.get("press")) or uuid7()
    asked = filters.apply(request.workspace, rows, filters.searched(request.workspace, rows))
    found = bulk.failed_ones(asked, press, _not_theirs(request.membership, asked))
    if request.method == "POST":
        return _pressed(request, found, press, list_url + filters.query())
    number = found.order_by()[: bulk.LIMIT + 1].count()
    context: dict[str, Any] = {
        "dialog_title": "Retry failed runs",
        "count": min(number, bulk.LIMIT),
        "is_more": number > bulk.LIMIT,
        "press": press,
        "action": request.get_full_path(),
        "list_url": list_url + filters.query(),
        "back_url": list_url + filters.query(),
    }
    return replies.dialog(request, "workflows/run_bulk_retry.html", context)


def _not_theirs(membership: Membership, rows: QuerySet[WorkflowExecution]) -> set[uuid.UUID]:
    """Workflows in the list that are shared with this member for looking only."""
    ids = rows.filter(is_failed=True).order_by().values_list("template_id", flat=True).distinct()[:500]
    templates = WorkflowTemplate.objects.filter(pk__in=list(ids), access__isnull=False).distinct()
    return {row.pk for row in templates if "execution.retry" not in rights_on(membership, row)}


def _pressed(
    request: AppRequest, found: QuerySet[WorkflowExecution], press: uuid.UUID, list_url: str
) -> HttpResponse:
    done = bulk.retry_all(
        found,
        press,
        start="start" if request.POST.get("from") == "start" else "failed",
        version="newest" if request.POST.get("version") == "newest" else "same",
        by=request.user,
    )
    if done.started:
        number = len(done.started)
        messages.success(
            request, "One run was started again." if number == 1 else f"{number:,} runs were started again."
        )
    if done.refused:
        messages.warning(
            request, f"{len(done.refused):,} could not be repeated. The first: {done.refused[0]}"
        )
    if not done.started and not done.refused:
        messages.warning(request, "There was nothing left to retry.")
    return replies.go(request, list_url)
