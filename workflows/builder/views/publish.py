"""The publish dialog: what stands in the way, what changed since, a note, and the deed."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.request import AppRequest
from workflows import publishing
from workflows.builder import answers
from workflows.builder.forms.specs import from_schema
from workflows.builder.going_live import starts
from workflows.builder.panel import action_of
from workflows.builder.room import Room, open_room
from workflows.engine.document import load
from workflows.engine.words import humanise
from workflows.errors import WorkflowError

MAX_NOTE = 2000  # characters


@require_http_methods(["GET", "POST"])
def publish(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    room = open_room(request, id, need="workflow.publish")
    note = request.POST.get("note", "").strip()[:MAX_NOTE]
    if request.method == "GET":
        return _dialog(request, room, note)
    try:
        version = publishing.publish(room.template, by=request.user, note=note)
    except publishing.NotPublishable:
        room = open_room(request, id, need="workflow.publish")
        return _dialog(request, room, note, status=422)
    except WorkflowError as refusal:
        return answers.refused(request, room, refusal.message)
    room.__dict__.pop("deployment", None)
    return _published(request, room, version.version_number or 0)


def _published(request: AppRequest, room: Room, number: int) -> HttpResponse:
    """What happens from now on; for HTMX with the bar on top renewed."""
    context = {
        "dialog_title": f"Version {number} is live",
        "starts": starts(room),
        "runs_url": room.url("workflow-runs"),
        "back": room.addresses.page,
    }
    response = answers.dialog(request, room, "published.html", context)
    if request.htmx:
        response.write(answers.bar(request, room))
    return response


def _dialog(request: AppRequest, room: Room, note: str, *, status: int = 200) -> HttpResponse:
    live = load(room.deployment.version.workflow_data) if room.deployment else None
    context = {
        "dialog_title": f"Publish {room.template.name}",
        "changes": publishing.changes(
            live, room.document, title=lambda key, name: _field_title(room, key, name)
        ),
        "problems": [answers.Problem(room, fault) for fault in room.faults],
        "blocked": bool(room.errors),
        "version": room.deployment.version if room.deployment else None,
        "note": note,
        "action": room.url("workflow-publish"),
    }
    return answers.dialog(request, room, "publish.html", context, status=status)


def _field_title(room: Room, key: str, name: str) -> str:
    """What the form calls a field of a step."""
    step = room.graph.steps.get(key)
    info = action_of(room, step) if step else None
    titles = {spec.name: spec.label for spec in from_schema(info.input_schema)} if info else {}
    return titles.get(name) or humanise(name)
