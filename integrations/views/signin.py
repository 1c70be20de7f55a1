"""The way back from a service's sign-in page."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET

from accounts.access import open_workspace
from accounts.request import AppRequest, client_ip
from integrations.connections import SignInFailed, oauth
from integrations.views.room import came_back, safe_path


@require_GET
@sensitive_variables("parameters")
def oauth_callback(request: AppRequest) -> HttpResponse:
    """Every answer leads somewhere: back to where the sign-in was started, or to a page that says what happened."""
    parameters = {key: values[0] for key, values in request.GET.lists() if len(values) == 1}
    try:
        connected = oauth.finish(
            user=request.user,
            session_key=request.session.session_key or "",
            parameters=parameters,
            ip=client_ip(request),
        )
    except SignInFailed as failure:
        context = {"failure": failure, "back": safe_path(request, failure.back)}
        return render(request, "integrations/signin_failed.html", context, status=400)
    connection, purpose = connected.connection, connected.purpose
    open_workspace(request, connection.tenant, "connection.view")
    if connected.warning:
        messages.warning(
            request, f"{connection.name} is connected, but the first try failed: {connected.warning}"
        )
    else:
        messages.success(request, f"{connection.name} is connected.")
    home = reverse(
        "integrations:integration-detail", args=[connection.tenant.slug, connection.integration.name]
    )
    back = safe_path(request, purpose.next)
    return redirect(came_back(back, connection.pk, purpose.slot) if back else home)
