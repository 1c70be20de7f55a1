"""Members of a workspace and invitations to it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import members
from accounts.access import open_workspace, workspace_view
from accounts.errors import AccountsError, InvitationRefused
from accounts.forms import InvitationForm, RoleForm
from accounts.models import Invitation, Membership, User
from accounts.permissions import has_permission, may_hand_out, role_help
from accounts.request import AppRequest, client_ip


@require_GET
@workspace_view(need="member.view")
def member_list(request: AppRequest, workspace_slug: str) -> HttpResponse:
    return _page(request)


def _page(
    request: AppRequest,
    *,
    form: InvitationForm | None = None,
    link: str = "",
    invited: Invitation | None = None,
) -> HttpResponse:
    """The list with the form to invite; `link` is shown this once, to the person who made it."""
    mine, tenant = request.membership, request.workspace
    may_manage = has_permission(mine, "member.manage")
    roles = members.offered_roles(mine) if may_manage else []
    rows = Membership.objects.for_tenant(tenant).select_related("user", "role").order_by("created_at")
    context = {
        "rows": [
            {
                "membership": row,
                "is_me": row.pk == mine.pk,
                "editable": may_manage and may_hand_out(mine, row.role),
            }
            for row in rows
        ],
        "nav": "members",
        "roles": roles,
        "role_help": [{"name": role.name, "help": role_help(role)} for role in roles],
        "form": form or (InvitationForm(roles=roles) if may_manage else None),
        "invitations": _open_invitations(request) if may_manage else [],
        "link": link,
        "invited": invited,
    }
    return render(request, "accounts/member_list.html", context, status=422 if form else 200)


def _open_invitations(request: AppRequest) -> list[Invitation]:
    rows = Invitation.objects.for_tenant(request.workspace).filter(accepted_at=None)
    return list(rows.select_related("role", "invited_by").order_by("-created_at"))


@require_POST
@workspace_view(need="member.manage")
@sensitive_variables("link")
def member_invite(request: AppRequest, workspace_slug: str) -> HttpResponse:
    form = InvitationForm(request.POST, roles=members.offered_roles(request.membership))
    if not form.is_valid():
        return _page(request, form=form)
    email, role = form.cleaned_data["email"], form.cleaned_data["role"]
    try:
        invitation, link = members.invite(request.membership, email, role, ip=client_ip(request))
    except InvitationRefused as refusal:
        form.add_error("email", refusal.message)
        return _page(request, form=form)
    if settings.HAS_EMAIL and members.send_invitation(invitation, link):
        messages.success(request, f"The invitation is on its way to {invitation.email}.")
        return redirect("accounts:member-list", workspace_slug)
    return _page(request, link=link, invited=invitation)


@require_POST
def invitation_revoke(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    invitation = get_object_or_404(
        Invitation.objects.select_related("tenant", "role"), pk=id, accepted_at=None
    )
    open_workspace(request, invitation.tenant, "member.manage")
    members.withdraw_invitation(invitation, by=request.user, ip=client_ip(request))
    messages.success(request, f"The invitation for {invitation.email} no longer works.")
    return redirect("accounts:member-list", request.workspace.slug)


@require_POST
def member_role(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    membership = _open_membership(request, id)
    form = RoleForm(request.POST, tenant=request.workspace)
    if not form.is_valid():
        messages.error(request, "Choose one of the roles in the list.")
        return redirect("accounts:member-list", request.workspace.slug)
    try:
        members.change_role(
            membership, form.cleaned_data["role"], by=request.membership, ip=client_ip(request)
        )
        messages.success(request, f"{membership.user.shown_name} is now {membership.role.name}.")
    except AccountsError as refusal:
        messages.error(request, refusal.message)
    return redirect("accounts:member-list", request.workspace.slug)


@require_POST
def member_remove(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    membership = _open_membership(request, id)
    try:
        members.remove_member(membership, by=request.membership, ip=client_ip(request))
        messages.success(request, f"{membership.user.shown_name} is no longer a member.")
    except AccountsError as refusal:
        messages.error(request, refusal.message)
    return redirect("accounts:member-list", request.workspace.slug)


def _open_membership(request: AppRequest, id: uuid.UUID) -> Membership:
    membership = get_object_or_404(Membership.objects.select_related("tenant", "user", "role"), pk=id)
    open_workspace(request, membership.tenant, "member.manage")
    return membership


@require_http_methods(["GET", "POST"])
@sensitive_variables("token")
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    """Public: whoever holds the link sees who invites; joining takes the invited person's account."""
    invitation = members.find_invitation(token)
    if invitation is None:
        return render(request, "accounts/invitation_gone.html", status=404)
    context = {
        "invitation": invitation,
        "role_help": role_help(invitation.role),
        "auth_query": urlencode({"next": request.path, "email": invitation.email}),
    }
    if request.method == "GET" or not isinstance(request.user, User):
        return render(request, "accounts/invitation_accept.html", context)
    try:
        membership = members.accept_invitation(invitation, request.user, ip=client_ip(request))
    except InvitationRefused as refusal:
        return render(
            request, "accounts/invitation_accept.html", context | {"error": refusal.message}, status=422
        )
    messages.success(request, f"Welcome to {membership.tenant.name}.")
    return redirect(reverse("workspace-home", args=[membership.tenant.slug]))
