"""What the command box (Ctrl K) finds in a workspace: workflows, runs, apps and what they do, templates, variables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Final

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.access import workspace_view
from accounts.permissions import has_permission
from accounts.request import AppRequest
from automate.lib import clock
from automate.lib.ids import first_id_at
from integrations.models import IntegrationAction, IntegrationDefinition
from workflows.access import hidden_workflows
from workflows.models import WorkflowExecution, WorkflowTemplate, WorkflowTemplateLibrary, WorkflowVariable
from workflows.views import replies

PER_GROUP: Final = 5
LEAST: Final = 2  # letters; one alone finds everything
RECENT: Final = timedelta(days=31)  # numbers have no index of their own
NUMBER: Final = re.compile(r"#?(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Hit:
    title: str
    hint: str
    url: str
    icon: str


@require_GET
@workspace_view(need="workflow.view")
def search(request: AppRequest, workspace_slug: str) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:100]
    groups = [(title, hits) for title, hits in _groups(request, text) if hits] if len(text) >= LEAST else []
    is_part = replies.asks_for(request, "command-results")
    name = "workflows/_search_results.html" if is_part else "workflows/search.html"
    return replies.vary(render(request, name, {"nav": "", "q": text, "groups": groups, "least": LEAST}))


def _groups(request: AppRequest, text: str) -> Iterator[tuple[str, list[Hit]]]:
    """At most six SQL queries."""
    yield "Workflows", _workflows(request, text)
    if has_permission(request.membership, "execution.view"):
        yield "Runs", _runs(request, text)
    if has_permission(request.membership, "connection.view"):
        yield "Apps", _apps(request, text)
        yield "What apps can do", _actions(request, text)
    yield "Templates", _templates(request, text)
    if has_permission(request.membership, "variable.view"):
        yield "Variables", _variables(request, text)


def _workflows(request: AppRequest, text: str) -> list[Hit]:
    rows = WorkflowTemplate.objects.for_tenant(request.workspace).not_archived().matching(text)
    rows = rows.exclude(pk__in=hidden_workflows(request.membership)).order_by("name")
    found = rows.values_list("pk", "name", "description")[:PER_GROUP]
    return [
        Hit(name, description[:80], reverse("workflows:workflow-build", args=[pk]), "route")
        for pk, name, description in found
    ]


def _runs(request: AppRequest, text: str) -> list[Hit]:
    """By number (`#12`) among those of the last month, the newest first, or by the run's whole id."""
    number = NUMBER.fullmatch(text)
    wanted = (
        Q(number=int(number[1]), pk__gte=first_id_at(clock.now() - RECENT))
        if number
        else Q(pk=text)
        if _is_uuid(text)
        else None
    )
    if wanted is None:
        return []
    rows = WorkflowExecution.objects.for_tenant(request.workspace).filter(wanted)
    rows = rows.exclude(template_id__in=hidden_workflows(request.membership)).order_by("-pk")
    found = rows.values_list("pk", "number", "template__name", "status")[:PER_GROUP]
    return [
        Hit(f"{name} #{at}", WorkflowExecution.Status(status).label, reverse("workflows:run-detail", args=[pk]), "player-play")
        for pk, at, name, status in found
    ]  # fmt: skip


def _is_uuid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}", text) is not None


def _apps(request: AppRequest, text: str) -> list[Hit]:
    rows = IntegrationDefinition.objects.offered_to(request.workspace)
    rows = rows.matching(text).order_by("display_name")
    return [
        Hit(name, description[:80], _integration_page(request, slug), "plug-connected")
        for name, slug, description in rows.values_list("display_name", "name", "description")[:PER_GROUP]
    ]


def _actions(request: AppRequest, text: str) -> list[Hit]:
    offered = IntegrationDefinition.objects.offered_to(request.workspace)
    rows = IntegrationAction.objects.filter(integration__in=offered, is_deprecated=False)
    for word in text.split():
        rows = rows.filter(Q(display_name__icontains=word) | Q(integration__display_name__icontains=word))
    found = rows.order_by("display_name").values_list(
        "display_name", "integration__display_name", "integration__name"
    )[:PER_GROUP]
    return [Hit(name, app, _integration_page(request, slug), "bolt") for name, app, slug in found]


def _integration_page(request: AppRequest, slug: str) -> str:
    return reverse("integrations:integration-detail", args=[request.workspace.slug, slug])


def _templates(request: AppRequest, text: str) -> list[Hit]:
    rows = WorkflowTemplateLibrary.objects.offered_to(request.workspace).matching(text)
    return [
        Hit(
            row.name,
            row.description[:80],
            reverse("workflows:template-detail", args=[request.workspace.slug, row.slug]),
            "template",
        )
        for row in islice(rows, PER_GROUP)
    ]


def _variables(request: AppRequest, text: str) -> list[Hit]:
    rows = WorkflowVariable.objects.for_tenant(request.workspace).filter(key__icontains=text).order_by("key")
    page = reverse("workflows:variable-list", args=[request.workspace.slug])
    return [Hit(key, "Variable", page, "variable") for key in rows.values_list("key", flat=True)[:PER_GROUP]]
