"""“Fetch sample now”: ask the service once, show what is there, and start nothing."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from accounts.request import AppRequest
from automate.lib.expressions import ExpressionError
from integrations.errors import IntegrationError
from workflows import documents
from workflows.builder import answers, options
from workflows.builder.forms.values import pretty
from workflows.builder.panel import trigger_panel
from workflows.builder.room import Room, open_room
from workflows.errors import WorkflowError
from workflows.triggers.sampling import fetch_sample


@require_POST
def fetch(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """Ask once; what was found stands in the Sample tab."""
    room = open_room(request, id)
    room.trigger(key)
    found, error = _fetched(room, key)
    room.__dict__.pop("samples", None)
    items = [{"data": one, "body": pretty(one["body"])} for one in found]
    panel = trigger_panel(room, key, "sample") | {"fetched": items, "fetch_error": error, "has_fetched": True}
    return answers.panel_only(request, room, panel, status=422 if error else 200)


def _fetched(room: Room, key: str) -> tuple[list[Any], str]:
    """What there is, and why nothing could be had."""
    trigger = room.trigger(key)
    bound = room.bindings.get(trigger.connection or "")
    try:
        if bound:
            documents.usable_connections(
                room.template.tenant_id, room.user, {"": bound}, workflow=room.template
            )
        return fetch_sample(room.template, trigger, room.bindings), ""
    except (IntegrationError, ExpressionError, WorkflowError) as error:
        return [], error.message


@require_GET
def load_options(request: AppRequest, id: uuid.UUID, key: str, name: str) -> HttpResponse:
    """The choices of one field of a trigger, asked of the service through its connection."""
    room = open_room(request, id)
    trigger = room.trigger(key)
    field = options.load_field(room, trigger, name, query=request.GET.get("q", ""), given=request.GET.dict())
    if field is None:
        raise Http404
    context = {"field": field, "bound": field, "panel": trigger_panel(room, key), "room": room}
    return answers.fragment(request, "fields/options.html", context)
