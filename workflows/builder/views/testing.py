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
from automate.templatetags.formats import ago_words
from workflows import documents
from workflows.builder import answers
from workflows.builder.forms.values import BadValue, clean, pretty
from workflows.builder.panel import step_panel
from workflows.builder.room import Room, open_room
from workflows.engine.document import DocumentError, Trigger
from workflows.errors import WorkflowError
from workflows.ingress import requests
from workflows.models import WorkflowExecution
from workflows.runs.start import start_test_run
from workflows.runs.steps_test import run_one_step

WAITED = ("webhook", "form")  # triggers whose next request can be caught live
MAX_SOURCES = 10  # requests or runs offered to start a test with


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
    until = _until(room, request.POST.get("until") or request.GET.get("until", ""))
    chosen = _former(room, trigger, request.POST.get("from") or request.GET.get("from", ""))
    text, error = pretty(chosen.get("body", {})), ""
    if request.method == "POST":
        text = request.POST.get("body", "")
        try:
            run = _start(room, trigger, clean(text), chosen, until)
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
        "sources": _sources(room, trigger),
        "wait_url": f"{room.addresses.of(trigger.key, trigger=True)}&tab=sample"
        if trigger.type in WAITED
        else "",
        "from_id": request.POST.get("from") or request.GET.get("from", ""),
        "until": until,
        "pinned": [room.names.numbered(key) for key in room.graph.steps if key in room.pinned],
        "action": room.url("builder-test-run"),
    }
    if until:
        context["dialog_title"] = "Run up to here"
        context["dialog_sub"] = (
            f"Runs the draft, once, as far as “{room.names.numbered(until)}”. Its actions really happen."
        )
    return answers.dialog(request, room, "test_run.html", context, status=422 if error else 200)


def _trigger(room: Room, key: str) -> Trigger:
    if any(trigger.key == key for trigger in room.document.triggers):
        return room.trigger(key)
    chosen, _ = room.samples.trigger_of(room.document)
    return chosen or room.document.triggers[0]


def _until(room: Room, key: str) -> str:
    return key if key in room.graph.steps else ""


def _former(room: Room, trigger: Trigger, wanted: str) -> dict[str, Any]:
    """What the run starts with: a request or run that was chosen, else the trigger's sample."""
    found = room.samples.triggers.get(trigger.key)
    data = found.data if found and isinstance(found.data, dict) else {}
    try:
        return (requests.data_of(room.template, uuid.UUID(wanted)) if wanted else None) or data
    except ValueError:
        return data


def _sources(room: Room, trigger: Trigger) -> list[tuple[str, str]]:
    """What can be started with besides the sample: the newest requests, else the newest runs."""
    live = documents.addresses(room.template).get(trigger.key)
    now = clock.now()
    if live is not None and live.token:
        found = [one for one in requests.recent(room.template, live) if one.outcome != "REFUSED"][
            :MAX_SOURCES
        ]
        return [(str(one.id), f"Request, {ago_words(one.at, now)}") for one in found]
    rows = WorkflowExecution.objects.for_tenant(room.template.tenant_id).filter(template=room.template)
    newest = rows.newest_first().values_list("pk", "number", "created_at")[:MAX_SOURCES]
    return [
        (str(pk), f"Run {f'#{number}' if number else ''}, {ago_words(at, now)}") for pk, number, at in newest
    ]


def _start(room: Room, trigger: Trigger, text: str, former: dict[str, Any], until: str) -> uuid.UUID:
    body = jsontypes.loads(text) if text.strip() else {}
    given = {**former, "type": trigger.type, "key": trigger.key, "at": clock.now().isoformat(), "body": body}
    return start_test_run(
        room.template,
        trigger=given,
        trigger_type=documents.trigger_type(trigger.type),
        by=room.user,
        until=until or None,
    )
