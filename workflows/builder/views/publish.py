"""The publish dialog: what stands in the way, what changed since, a note, and the deed."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.request import AppRequest
from workflows import publishing
from workflows.builder import answers
from workflows.builder.field_words import field_title
from workflows.builder.going_live import starts
from workflows.builder.problems import Problem
from workflows.builder.room import Room, open_room
from workflows.documents.changes import summed_up
from workflows.errors import WorkflowError

MAX_NOTE = 2000  # characters
TIMED = ("schedule", "polling", "email")  # triggers whose times are worth a look before publishing


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
    for name in ("deployment", "published", "unpublished"):
        room.__dict__.pop(name, None)
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
    if request.htmx and request.htmx.current_url_abs_path != request.get_full_path():
        response.write(answers.bar(request, room))  # the dialog as a page of its own has none
    return response


def _dialog(request: AppRequest, room: Room, note: str, *, status: int = 200) -> HttpResponse:
    changes = publishing.changes(
        room.published,
        room.document,
        title=lambda key, name: field_title(room.catalogue, room.graph.steps.get(key), name),
    )
    context = {
        "dialog_title": f"Publish {room.template.name}",
        "changes": changes,
        "compare_url": answers.compare_url(room),
        "starts": [start for start in starts(room) if start.trigger.type in TIMED],
        "problems": [Problem(room, fault) for fault in room.faults],
        "blocked": bool(room.errors),
        "version": room.deployment.version if room.deployment else None,
        "note": note or (summed_up(changes) if request.method == "GET" else ""),
        "action": room.url("workflow-publish"),
    }
    return answers.dialog(request, room, "publish.html", context, status=status)
