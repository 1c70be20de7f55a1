"""A workspace's first page: how its workflows are doing, or three ways to begin."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import workspace_view
from accounts.permissions import has_permission
from accounts.request import AppRequest
from automate.lib import clock
from workflows.models import WorkflowTemplate, WorkflowTemplateLibrary
from workflows.views import replies
from workflows.views.home_attention import Attention, attention
from workflows.views.home_figures import DEFAULT_RANGE, DEFAULT_TOP, RANGES, TOPS, figures
from workflows.views.home_guide import guide_of
from workflows.views.runs import recent_runs, runs_of
from workflows.views.template_cards import TemplateCard

OFFERED: Final = 3  # templates on the page of a new workspace


@require_GET
@workspace_view(need="workflow.view")
def workspace_home(request: AppRequest, workspace_slug: str) -> HttpResponse:
    """The whole page, or for HTMX the region it names: `#figures` (also with `?range=`) or `#attention`."""
    if replies.asks_for(request, "figures"):
        return _figures(request)
    if replies.asks_for(request, "attention"):
        part = {"attention": _attention(request)}
        return replies.vary(render(request, "workflows/_home_attention.html", part))
    if not WorkflowTemplate.objects.for_tenant(request.workspace).exists():
        return _beginning(request)
    context: dict[str, Any] = {
        "nav": "home",
        "greeting": greeting(request),
        "attention": _attention(request),
        "guide": guide_of(request.membership),
        **_figures_context(request),
    }
    if has_permission(request.membership, "execution.view"):
        context["recent"] = recent_runs(request.membership)
    return replies.vary(render(request, "workflows/home.html", context))


def _beginning(request: AppRequest) -> HttpResponse:
    rows = WorkflowTemplateLibrary.objects.offered_to(request.workspace)
    ready = [entry for entry in rows if not entry.required_integrations]
    context = {
        "nav": "home",
        "greeting": greeting(request),
        "guide": guide_of(request.membership),
        "example": ready[0] if ready else None,
        "cards": [TemplateCard(entry) for entry in ready[:OFFERED]],
    }
    return replies.vary(render(request, "workflows/home_new.html", context))


def _figures(request: AppRequest) -> HttpResponse:
    return replies.vary(render(request, "workflows/_home_figures.html", _figures_context(request)))


def _figures_context(request: AppRequest) -> dict[str, Any]:
    span = RANGES.get(request.GET.get("range", ""), RANGES[DEFAULT_RANGE])
    top = request.GET.get("top", "")
    top = top if top in TOPS else DEFAULT_TOP
    home = reverse("workspace-home", args=[request.workspace.slug])
    return {
        "figures": figures(request.membership, span, top),
        "figures_url": f"{home}?range={span.key}&top={top}",
        "ranges": [_segment(home, other.label, other is span, other.key, top) for other in RANGES.values()],
        "tops": [_segment(home, label, key == top, span.key, key) for key, label in TOPS.items()],
        "top": top,
        "is_swap": bool(request.htmx),
    }


def _segment(home: str, label: str, is_chosen: bool, span: str, top: str) -> dict[str, Any]:
    return {"label": label, "url": f"{home}?range={span}&top={top}", "active": is_chosen}


def _attention(request: AppRequest) -> Attention:
    return attention(request.membership, runs_of(request.membership))


def greeting(request: AppRequest) -> str:
    """By the reader's own clock, with the first name if there is one."""
    hour = timezone.localtime(clock.now()).hour
    part = "Good morning" if 5 <= hour < 12 else "Good afternoon" if 12 <= hour < 18 else "Good evening"
    first_name = request.user.name.split(" ")[0] if request.user.name else ""
    return f"{part}, {first_name}" if first_name else part
