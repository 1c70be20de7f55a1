"""Workspaces: choosing one, making one, its settings, leaving it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import workspace_view
from accounts.errors import MembershipRefused
from accounts.forms import WorkspaceForm, WorkspaceSettingsForm
from accounts.members import remove_member
from accounts.models import Membership
from accounts.request import AppRequest, client_ip
from accounts.workspaces import create_workspace, save_settings


@require_GET
def workspace_list(request: AppRequest) -> HttpResponse:
    rows = (
        Membership.objects.filter(user=request.user).select_related("tenant", "role").order_by("tenant__name")
    )
    return render(request, "accounts/workspace_list.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
def workspace_new(request: AppRequest) -> HttpResponse:
    form = WorkspaceForm(request.POST or None, initial={"time_zone": request.user.time_zone})
    if not form.is_valid():
        return render(
            request, "accounts/workspace_new.html", {"form": form}, status=422 if form.is_bound else 200
        )
    data = form.cleaned_data
    tenant = create_workspace(request.user, data["name"], time_zone=data["time_zone"], ip=client_ip(request))
    messages.success(request, f"{tenant.name} is ready.")
    return redirect("workspace-home", tenant.slug)


@require_http_methods(["GET", "POST"])
@workspace_view(need="workspace.manage")
def workspace_settings(request: AppRequest, workspace_slug: str) -> HttpResponse:
    form = WorkspaceSettingsForm(request.POST or None, instance=request.workspace)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(
            request, "accounts/workspace_settings.html", {"form": form, "nav": "settings"}, status=status
        )
    save_settings(form, by=request.user, ip=client_ip(request))
    messages.success(request, "The settings are saved.")
    return redirect("accounts:workspace-settings", workspace_slug)


@require_POST
@workspace_view(need="member.view")
def workspace_leave(request: AppRequest, workspace_slug: str) -> HttpResponse:
    try:
        remove_member(request.membership, by=request.membership, ip=client_ip(request))
    except MembershipRefused as refusal:
        messages.error(request, refusal.message)
        return redirect("accounts:member-list", workspace_slug)
    messages.success(request, f"You have left {request.workspace.name}.")
    return redirect("accounts:workspace-list")
