"""One step in the side panel: show, save, another action, choices of a drop-down, where it can go."""

from __future__ import annotations

import uuid
from dataclasses import replace

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.request import AppRequest
from workflows.builder import answers, options, outline, previews
from workflows.builder.commands.base import block
from workflows.builder.edit import Conflict, save_part
from workflows.builder.forms.json_part import read_json
from workflows.builder.forms.step import read_errors, read_step
from workflows.builder.forms.values import BadValue
from workflows.builder.panel import action_of, step_panel, ways_in, ways_out
from workflows.builder.room import Room, open_room
from workflows.engine.document import DocumentError, Step
from workflows.errors import WorkflowError

Errors = dict[str, str]


@require_http_methods(["GET", "POST"])
def step(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """The panel of a step; posted, its form is saved. `_auto` marks saving while somebody types."""
    room = open_room(request, id)
    tab = request.POST.get("tab") or request.GET.get("tab", "setup")
    if request.method == "GET":
        panel = step_panel(room, key, tab)
        return (
            answers.panel_only(request, room, panel)
            if request.htmx
            else answers.page(request, room, panel=panel)
        )
    old = room.step(key)
    typed, errors = _read(room, old, tab, request)
    if errors and "_auto" not in request.POST:
        panel = step_panel(room, key, tab, step=typed, posted=request.POST.dict(), errors=errors)
        return answers.panel_only(request, room, panel, status=422)
    return _save(request, room, old, typed, tab, errors)


def _read(room: Room, old: Step, tab: str, request: AppRequest) -> tuple[Step, Errors]:
    post = request.POST.dict()
    if tab == "json":
        return read_json(room.document, old, str(post.get("_json", "")))
    if tab == "errors":
        return read_errors(old, post)
    old = _with_action(room, old, str(post.get("action", "")))
    return read_step(old, action_of(room, old), post)


def _with_action(room: Room, step: Step, action: str) -> Step:
    """Another action was chosen: a name that was the action's own follows it."""
    if step.type != "action" or not action or action == step.action or not step.integration:
        return step
    new = room.catalogue.action(step.integration, action)
    old = action_of(room, step)
    if new is None:
        return step
    app = room.catalogue.integration(step.integration)
    named_after = {old.display_name if old else "", app.name if app else "", step.integration}
    return replace(step, action=action, name=new.display_name if step.name in named_after else step.name)


def _save(request: AppRequest, room: Room, old: Step, typed: Step, tab: str, errors: Errors) -> HttpResponse:
    key, auto = old.key, "_auto" in request.POST
    connection = request.POST.get("_connection")
    try:
        save_part(
            room,
            typed,
            base=request.POST.get("base", ""),
            label=f"Changed {typed.name}",
            connection=_chosen(room, old, connection),
        )
    except Conflict as conflict:
        return answers.conflict(request, room, typed, conflict.theirs)
    except WorkflowError as refusal:
        return answers.refused(request, room, refusal.message)
    except DocumentError as error:
        panel = step_panel(room, key, tab, step=typed, errors={}) | {"form_error": error.faults[0].message}
        return answers.panel_only(request, room, panel, status=422)
    panel = step_panel(room, key, tab, errors=errors)
    return answers.saved(request, room, panel, whole=not auto)


def _chosen(room: Room, step: Step, connection: str | None) -> str | None:
    """The connection's id if another one was chosen."""
    if not connection or room.bindings.get(step.connection or "") == connection:
        return None
    return connection


@require_GET
def form(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """The panel as it would be with another action; nothing is saved."""
    room = open_room(request, id)
    typed = _with_action(room, room.step(key), request.GET.get("action", ""))
    panel = step_panel(room, key, "setup", step=typed)
    return (
        answers.panel_only(request, room, panel) if request.htmx else answers.page(request, room, panel=panel)
    )


@require_GET
def load_options(request: AppRequest, id: uuid.UUID, key: str, name: str) -> HttpResponse:
    """The choices of one field, asked of the service through the step's connection."""
    room = open_room(request, id)
    field = options.load_field(
        room, room.step(key), name, query=request.GET.get("q", ""), given=request.GET.dict()
    )
    if field is None:
        raise Http404
    context = {"field": field, "bound": field, "panel": step_panel(room, key), "room": room}
    return answers.fragment(request, "fields/options.html", context)


@require_GET
def move(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """Everywhere a step can be moved to."""
    room = open_room(request, id)
    step = room.step(key)
    found = outline.places(room.document, room.names, without=block(room.document, key))
    context = {
        "dialog_title": f"Move {step.name}",
        "dialog_sub": "Its branches go with it.",
        "places": [(words, place.as_args()) for words, place in found],
        "step": step,
        "edit_url": room.url("builder-edit"),
    }
    return answers.dialog(request, room, "move.html", context)


@require_GET
def connect(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """The lines of a step: to draw one more, or take one away."""
    room = open_room(request, id)
    step = room.step(key)
    others = [
        (node.step.key, room.names.numbered(node.step.key))
        for node in room.names.outline.walk()
        if node.step.key != key
    ]
    context = {
        "dialog_title": f"Lines of {step.name}",
        "ways_out": ways_out(room, step),
        "ways_in": ways_in(room, step),
        "others": others,
        "step": step,
        "edit_url": room.url("builder-edit"),
    }
    return answers.dialog(request, room, "connect.html", context)


@require_POST
def preview_field(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """What a field gives with sample data, as it is being typed; `_kind` is the field's kind, `_field` its name."""
    room = open_room(request, id)
    name, kind = request.POST.get("_field", ""), request.POST.get("_kind", "text")
    scope = previews.scope_of(name, room.step(key).config, room.scope(key))
    try:
        shown = previews.of_post(name, kind, request.POST.dict(), scope)
    except BadValue as error:
        shown = previews.Preview(error=str(error))
    return answers.fragment(request, "_preview.html", {"preview": shown})
