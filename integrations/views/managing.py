"""Connections that exist: the list, trying one, renaming, sharing and removing it."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.access import workspace_view
from accounts.permissions import has_permission
from accounts.request import AppRequest, client_ip
from integrations.connections import (
    ConnectionRefused,
    Removal,
    delete_connection,
    last_used,
    may_manage,
    test_connection,
    update_connection,
    uses,
    uses_of,
)
from integrations.forms import ConnectionForm
from integrations.models import UserIntegration
from integrations.views.connecting import open_connection


@require_GET
@workspace_view(need="connection.view")
def connection_list(request: AppRequest, workspace_slug: str) -> HttpResponse:
    rows = UserIntegration.objects.usable_by(request.user, request.workspace)
    connections = list(
        rows.select_related("integration", "user", "workflow").order_by("integration__display_name", "name")
    )
    used = uses_of(connections)
    moments = last_used(used)
    may_run_workspace = has_permission(request.membership, "workspace.manage")
    entries = [
        {
            "connection": connection,
            "uses": used.get(connection.pk, []),
            "last_used": moments.get(connection.pk),
            "editable": connection.user_id == request.user.pk or may_run_workspace,
        }
        for connection in connections
    ]
    return render(request, "integrations/connection_list.html", {"rows": entries, "nav": "integrations"})


@require_http_methods(["GET", "POST"])
def connection_edit(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Name and sharing; credentials are changed by reconnecting."""
    changing = request.method == "POST"
    need = "connection.edit" if changing else "connection.view"
    connection = open_connection(request, id, need=need, manage=changing)
    editable = may_manage(connection, request.user) and has_permission(request.membership, "connection.edit")
    may_share = has_permission(request.membership, "connection.share")
    initial = {"name": connection.name, "sharing": connection.sharing}
    form = ConnectionForm(
        request.POST or None, way=None, may_share=may_share, initial=initial, auto_id="connection_%s"
    )
    if form.is_valid():
        try:
            update_connection(
                connection,
                by=request.user,
                name=form.name_value(),
                sharing=form.sharing_value(connection.sharing),
                ip=client_ip(request),
            )
        except ConnectionRefused as refusal:
            form.add_refusal(refusal)
        else:
            messages.success(request, f"{connection.name} is saved.")
            return redirect("integrations:connection-list", request.workspace.slug)
    context = {
        "nav": "integrations",
        "connection": connection,
        "form": form if editable else None,
        "uses": uses(connection),
    }
    return render(request, "integrations/connection_edit.html", context, status=422 if form.errors else 200)


@require_POST
def connection_test(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Tries a stored connection; HTMX gets its health alone."""
    connection = open_connection(request, id, need="connection.use")
    result = test_connection(connection)
    if request.htmx:
        return render(request, "integrations/_health.html", {"connection": connection, "test": result})
    if result.ok:
        messages.success(request, f"{connection.name} works. {result.message}")
    else:
        messages.error(request, f"{connection.name}: {result.message}")
    return redirect("integrations:connection-list", request.workspace.slug)


@require_http_methods(["GET", "POST"])
def connection_delete(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Asks with the list of workflows that use it, then removes it."""
    connection = open_connection(request, id, need="connection.edit", manage=True)
    if request.method == "POST":
        removal = delete_connection(connection, by=request.user, ip=client_ip(request))
        messages.success(request, _removed(connection, removal))
        url = reverse("integrations:connection-list", args=[request.workspace.slug])
        return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
    context = {
        "nav": "integrations",
        "connection": connection,
        "uses": uses(connection),
        "dialog_title": f"Remove “{connection.name}”?",
        "dialog_tile": connection.integration,
    }
    name = "integrations/_delete_dialog.html" if request.htmx else "integrations/connection_delete.html"
    return render(request, name, context)


def _removed(connection: UserIntegration, removal: Removal) -> str:
    service = connection.integration.display_name
    if removal.revoked is False:
        return (
            f"{connection.name} was removed here, but {service} could not be told. "
            "Withdraw the permission in your account there too."
        )
    return f"{connection.name} was removed" + (
        f", and {service} no longer lets us in." if removal.revoked else "."
    )
