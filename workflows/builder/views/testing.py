"""Trying things out: one step on sample data, and a run of the whole draft."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.request import AppRequest
from automate.lib import clock, jsontypes
from automate.lib.jsontypes import JSON, BadJSON
from workflows import documents
from workflows.builder import answers
from workflows.builder.forms.values import BadValue, clean, pretty
from workflows.builder.panel import step_panel
from workflows.builder.room import Room, open_room
from workflows.engine.document import DocumentError, Trigger
from workflows.errors import WorkflowError
from workflows.runs.start import start_test_run
from workflows.runs.steps_test import run_one_step


@require_POST
def test_step(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """Run one step on sample data; an action really happens."""
    room = open_room(request, id)
    room.step(key)
    scope = room.scope(key)
    result = _tested(room, key, scope.for_test())
    room.__dict__.pop("samples", None)
    panel = step_panel(room, key, "test") | {"result": result}
    if request.htmx and request.htmx.target == "test":
        return answers.fragment(request, "_test.html", {"panel": panel, "room": room})
    return answers.panel_only(request, room, panel)


def _tested(room: Room, key: str, sample: dict[str, JSON]) -> dict[str, Any]:
    for slot in {room.step(key).connection} - {None}:
        bound = room.bindings.get(str(slot))
        try:
            documents.usable_connections(
                room.template.tenant_id, room.user, {"": bound or ""}, workflow=room.template
            )
        except WorkflowError as refusal:
            return {"status": "FAILED", "error": {"message": refusal.message}}
    return run_one_step(room.template, key, by=room.user, sample_scope=sample)


@require_http_methods(["GET", "POST"])
def test_run(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Choose the trigger and its data, then run the draft as it stands and watch it."""
    room = open_room(request, id, need="workflow.run")
    if not room.document.triggers or not room.graph.order:
        return answers.refused(request, room, "Add a trigger and at least one step, then test it.")
    trigger = _trigger(room, request.POST.get("trigger") or request.GET.get("trigger", ""))
    text, error = _body_text(room, trigger), ""
    if request.method == "POST":
        text = request.POST.get("body", "")
        try:
            run = _start(room, trigger, clean(text))
        except (BadJSON, BadValue) as bad:
            error = str(bad)
        except WorkflowError as refusal:
            error = refusal.message
        except DocumentError as bad_document:
            error = bad_document.faults[0].message
        else:
            url = reverse("workflows:run-detail", args=[run])
            return HttpResponseClientRedirect(url) if request.htmx else HttpResponseRedirect(url)
    context = {
        "dialog_title": "Test run",
        "dialog_sub": "Runs the draft as it stands, once. Its actions really happen.",
        "trigger": trigger,
        "body": text,
        "error": error,
        "warnings": room.errors,
        "sample": room.samples.triggers.get(trigger.key),
        "action": room.url("builder-test-run"),
    }
    return answers.dialog(request, room, "test_run.html", context, status=422 if error else 200)


def _trigger(room: Room, key: str) -> Trigger:
    if any(trigger.key == key for trigger in room.document.triggers):
        return room.trigger(key)
    chosen, _ = room.samples.trigger_of(room.document)
    return chosen or room.document.triggers[0]


def _body_text(room: Room, trigger: Trigger) -> str:
    found = room.samples.triggers.get(trigger.key)
    data = found.data if found and isinstance(found.data, dict) else {}
    return pretty(data.get("body", {}))


def _start(room: Room, trigger: Trigger, text: str) -> uuid.UUID:
    found = room.samples.triggers.get(trigger.key)
    former = found.data if found and isinstance(found.data, dict) else {}
    body = jsontypes.loads(text) if text.strip() else {}
    given = {**former, "type": trigger.type, "key": trigger.key, "at": clock.now().isoformat(), "body": body}
    return start_test_run(
        room.template, trigger=given, trigger_type=documents.trigger_type(trigger.type), by=room.user
    )
