"""Connecting an app: with what a person types, or by sending them to the service to sign in."""

from __future__ import annotations

import json
import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget

from accounts.access import open_workspace, workspace_view
from accounts.request import AppRequest, client_ip
from integrations.connections import (
    ConnectionRefused,
    NotSetUp,
    TestResult,
    create_connection,
    may_manage,
    oauth,
    test_credentials,
    update_connection,
)
from integrations.connections.store import with_stored
from integrations.connections.testing import note_outcome
from integrations.errors import ActionError
from integrations.forms import ConnectionForm
from integrations.models import UserIntegration
from integrations.views.room import Room, came_back
from integrations.views.shelf import find_definition


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
@workspace_view(need="connection.edit")
def connection_new(request: AppRequest, workspace_slug: str, slug: str) -> HttpResponse:
    return _connect(Room(request, find_definition(request.workspace, slug)))


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
def connection_reconnect(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    connection = open_connection(request, id, need="connection.edit", manage=True)
    return _connect(Room(request, connection.integration, connection))


def open_connection(
    request: AppRequest, id: uuid.UUID, *, need: str, manage: bool = False
) -> UserIntegration:
    """One's own or a shared connection, its workspace opened. Raises Http404, PermissionDenied."""
    row = UserIntegration.objects.select_related("integration", "user", "tenant").filter(pk=id).first()
    open_workspace(request, row.tenant if row else None, need)
    if row is None or not row.may_be_used_by(request.user):
        raise Http404
    if manage and not may_manage(row, request.user):
        raise PermissionDenied(
            f"“{row.name}” belongs to {row.user.shown_name}. Only they, an owner or an admin may change it."
        )
    return row


@sensitive_variables("form")
def _connect(room: Room) -> HttpResponse:
    if room.way is None:
        messages.info(
            room.request, f"{room.definition.display_name} needs no connection: use it in a workflow at once."
        )
        return _leave(room.request, room.home)
    if room.request.method == "GET":
        return room.page(room.form())
    form = room.form(room.request.POST)
    if not form.is_valid():
        return room.page(form, status=422)
    try:
        return _sign_in(room, form) if room.is_sign_in else _save(room, form)
    except ConnectionRefused as refusal:
        form.add_refusal(refusal)
    except (NotSetUp, ActionError) as error:
        form.add_error(None, error.message)
    return room.page(form, status=422)


def _sign_in(room: Room, form: ConnectionForm) -> HttpResponse:
    """Send the person to the service. A form's answer may not redirect there (CSP form-action): HTMX does, or a link."""
    request, connection = room.request, room.connection
    purpose = oauth.Purpose(
        name=form.name_value(),
        sharing=connection.sharing if connection else form.sharing_value(),
        next=room.next or room.opened_from,
        slot=room.slot,
        values=with_stored(connection, form.values()) if connection else form.values(),
    )
    if request.session.session_key is None:
        request.session.save()
    url = oauth.start(
        tenant=request.workspace,
        user=request.user,
        session_key=str(request.session.session_key),
        integration=room.definition,
        purpose=purpose,
        connection=connection,
    )
    if request.htmx:
        return HttpResponseClientRedirect(url)
    return render(
        request, "integrations/signin_continue.html", {"room": room, "url": url, "nav": "integrations"}
    )


@sensitive_variables("form", "values")
def _save(room: Room, form: ConnectionForm) -> HttpResponse:
    """Try first, then store; `anyway` stores what the service did not take."""
    request, connection = room.request, room.connection
    values = with_stored(connection, form.values()) if connection else form.values()
    result = None if "anyway" in request.POST else test_credentials(room.definition, room.auth_type, values)
    if result is not None and (request.POST.get("do") == "test" or not result.ok):
        return _tried(room, form, result)
    if connection is not None:
        connection = update_connection(
            connection,
            by=request.user,
            name=form.name_value(),
            credentials=values,
            ip=client_ip(request),
        )
    else:
        connection = create_connection(
            tenant=request.workspace,
            user=request.user,
            integration=room.definition,
            auth_type=room.auth_type,
            name=form.name_value(),
            credentials=values,
            sharing=form.sharing_value(),
            ip=client_ip(request),
        )
    if result is not None:
        note_outcome(connection, None, result.account)
    return _done(room, connection)


def _tried(room: Room, form: ConnectionForm, result: TestResult) -> HttpResponse:
    """For HTMX only the outcome, so that what was typed stays; otherwise the page, where secrets are typed again."""
    status = 200 if result.ok or room.request.POST.get("do") == "test" else 422
    if not room.request.htmx:
        return room.page(form, test=result, status=status)
    answer = render(
        room.request, "integrations/_test_result.html", {"test": result, "form": form}, status=status
    )
    return reswap(retarget(answer, "#conn-test"), "innerHTML")


def _done(room: Room, connection: UserIntegration) -> HttpResponse:
    text = f"{connection.name} is connected."
    if room.request.htmx and room.slot and not room.next:
        made = {
            "id": str(connection.pk),
            "name": connection.name,
            "slot": room.slot,
            "integration": room.definition.name,
        }
        answer = HttpResponse(status=204)
        answer["HX-Trigger"] = json.dumps(
            {"connection-made": made, "dialog-close": True, "toast": {"text": text, "tone": "ok"}}
        )
        return answer
    messages.success(room.request, text)
    return _leave(room.request, came_back(room.next, connection.pk, room.slot) if room.next else room.home)


def _leave(request: AppRequest, url: str) -> HttpResponse:
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
