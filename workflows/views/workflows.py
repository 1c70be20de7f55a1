"""The list of workflows and what its rows offer: activate, pause, copy, archive, export, delete."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import push_url

from accounts.access import workspace_view
from accounts.request import AppRequest
from workflows import keeping, publishing
from workflows.access import get_workflow_or_404
from workflows.documents import load_draft
from workflows.errors import NothingPublished
from workflows.models import WorkflowTemplate
from workflows.views import flow_rows, replies
from workflows.views.exports import as_file

PAGE_SIZE: Final = 20
LOOKS: Final = {"list": ("As a list", "list"), "grid": ("As cards", "layout-grid")}


@require_GET
@workspace_view(need="workflow.view")
def workflow_list(request: AppRequest, workspace_slug: str) -> HttpResponse:
    filters = flow_rows.FlowFilters.read(request.GET)
    url = reverse("workflows:workflow-list", args=[workspace_slug])
    rows = flow_rows.visible_flows(request.membership)
    searched = filters.searched(rows, request.user)
    is_grid = _wants_grid(request)
    asked = filters.in_state(searched).select_related("created_by", "folder")
    page = Paginator(asked, PAGE_SIZE).get_page(request.GET.get("page"))
    shown = flow_rows.shown(list(page))
    context = {
        "nav": "workflows",
        "filters": filters,
        "list_url": url,
        "here": request.get_full_path(),
        "segments": _looks(url, filters, is_grid=is_grid),
        "is_grid": is_grid,
        "chips": flow_rows.chips(searched, filters, url),
        "page_obj": page,
        "rows": shown,
        "busiest": max((row.busiest_day for row in shown), default=0),
    }
    is_part = replies.asks_for(request, "flows")
    if not is_part:
        context |= flow_rows.choices_of(request.workspace)
    name = "workflows/_workflow_rows.html" if is_part else "workflows/workflow_list.html"
    response = replies.vary(render(request, name, context))
    return push_url(response, url + filters.query()) if is_part and "page" not in request.GET else response


def _wants_grid(request: AppRequest) -> bool:
    """Rows or cards: remembered for the session once chosen."""
    if (look := request.GET.get("look")) in LOOKS:
        request.session["flows_look"] = look
    return request.session.get("flows_look") == "grid"


def _looks(url: str, filters: flow_rows.FlowFilters, *, is_grid: bool) -> list[dict[str, Any]]:
    joint = "&" if filters.query() else "?"
    return [
        {"label": label, "icon_name": icon, "icon_only": True, "active": is_grid == (look == "grid"),
         "url": f"{url}{filters.query()}{joint}look={look}"}
        for look, (label, icon) in LOOKS.items()
    ]  # fmt: skip


@require_POST
def workflow_star(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Star it, or take the star away."""
    template = get_workflow_or_404(request, id, "workflow.view")
    is_starred = keeping.star(template, request.user)
    text = (
        f"{template.name} is starred: it stands at the top of your list."
        if is_starred
        else f"{template.name} has no star any more."
    )
    return _said(request, template, text)


@require_POST
def workflow_activate(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    template = get_workflow_or_404(request, id, "workflow.publish")
    try:
        publishing.resume(template, request.user)
    except NothingPublished as refusal:
        return replies.done(request, refusal.message, home=_list_url(template), tone="bad", status=409)
    return _said(request, template, f"{template.name} is active.", undo="workflow-pause")


@require_POST
def workflow_pause(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    template = get_workflow_or_404(request, id, "workflow.publish")
    publishing.pause(template, request.user)
    return _said(request, template, f"{template.name} is paused.", undo="workflow-activate")


@require_POST
def workflow_archive(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    template = get_workflow_or_404(request, id, "workflow.edit")
    keeping.archive(template, by=request.user)
    text = f"{template.name} is archived. Nothing starts it any more."
    return _said(request, template, text, undo="workflow-bring-back")


@require_POST
def workflow_bring_back(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    template = get_workflow_or_404(request, id, "workflow.edit")
    keeping.bring_back(template, by=request.user)
    return _said(request, template, f"{template.name} is back.", undo="workflow-archive")


@require_POST
def workflow_duplicate(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    template = get_workflow_or_404(request, id, "workflow.edit")
    made = keeping.copy(template, by=request.user)
    if "open" in request.POST:
        messages.success(request, f"This is “{made.name}”, a draft of its own.")
        return replies.go(request, reverse("workflows:workflow-build", args=[made.pk]))
    return _said(request, template, f"“{made.name}” is a draft of its own.")


@require_http_methods(["GET", "POST"])
def workflow_delete(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """GET asks and lists what goes, POST deletes."""
    template = get_workflow_or_404(request, id, "workflow.delete")
    if request.method == "GET":
        lost = keeping.losses(template)
        context = {
            "nav": "workflows",
            "workflow": template,
            "lost": lost,
            "runs_shown": f"{lost.runs:,}" if lost.runs <= keeping.COUNTED else f"over {keeping.COUNTED:,}",
            "dialog_title": f"Delete {template.name}?",
            "back_url": _list_url(template),
            "stays": "stays" in request.GET,
        }
        return replies.dialog(request, "workflows/workflow_delete.html", context)
    name, home = template.name, _list_url(template)
    keeping.delete(template, by=request.user)
    if "leave" in request.POST:
        return replies.go(request, home)
    return replies.done(request, f"{name} is deleted.", home=home, events=("flows-changed", "dialog-close"))


@require_GET
def workflow_export(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """The draft as a file: YAML, or JSON with `?as=json`. No secrets are in it."""
    template = get_workflow_or_404(request, id, "workflow.view")
    return as_file(load_draft(template), template.template_id, request.GET.get("as", "yaml"))


def _said(request: AppRequest, template: WorkflowTemplate, text: str, *, undo: str = "") -> HttpResponse:
    back = reverse(f"workflows:{undo}", args=[template.pk]) if undo else ""
    return replies.done(request, text, home=_list_url(template), undo=back)


def _list_url(template: WorkflowTemplate) -> str:
    return reverse("workflows:workflow-list", args=[template.tenant.slug])
