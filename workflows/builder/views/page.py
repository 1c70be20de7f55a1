"""The builder itself, the commands, and the list of steps to add."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.views.decorators.http import require_GET, require_POST

from accounts.request import AppRequest
from workflows.builder import answers, palette, used
from workflows.builder.commands import Place
from workflows.builder.commands.base import parts_of
from workflows.builder.connection_field import came_back_with
from workflows.builder.edit import run_command
from workflows.builder.meanwhile import meanwhile
from workflows.builder.panel import step_panel, trigger_panel
from workflows.builder.room import Room, open_room
from workflows.engine.document import DocumentError
from workflows.errors import WorkflowError

MAX_FIELD = 200  # characters of a field's name
UNDOABLE = frozenset(
    {"delete", "delete_trigger", "move", "toggle", "unlink", "duplicate", "link", "paste", "tidy"}
)

OPENING = frozenset({"insert", "add_trigger", "duplicate", "paste"})  # what they made is opened


@require_GET
def build(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """The builder; asked for `#panel` only the panel, for `#outline` only the steps. `?step=` or `?trigger=` opens one, `&tab=` a tab of it."""
    room = open_room(request, id)
    panel = open_panel(room, request)
    if panel:
        panel["focus"] = request.GET.get("field", "")[:MAX_FIELD]
    if panel and "connection" in request.GET:
        came_back_with(panel, request.GET.get("slot", ""), request.GET["connection"])
    if request.htmx and request.htmx.target == "panel":
        return answers.panel_only(request, room, panel)
    if request.htmx and request.htmx.target == "outline":
        return answers.steps_only(request, room, panel)
    return answers.page(request, room, panel=panel)


def open_panel(room: Room, request: AppRequest) -> answers.Panel | None:
    """The panel the address asks for; None for none, or for a step that is gone."""
    tab = request.GET.get("tab", "setup")
    step, trigger = request.GET.get("step", ""), request.GET.get("trigger", "")
    if step in room.graph.steps:
        return step_panel(room, step, tab)
    if any(other.key == trigger for other in room.document.triggers):
        return trigger_panel(room, trigger, tab)
    return None


@require_POST
def edit(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """One command: see commands/. Its arguments are the form's fields; `command` may also be in the address."""
    room = open_room(request, id)
    args = {name: str(value) for name, value in {**request.GET.dict(), **request.POST.dict()}.items()}
    command = args.get("command", "")
    others = meanwhile(room, command, args)
    if others and others.clashes and "force" not in args:
        return answers.changed_elsewhere(request, room, others, args)
    try:
        change = run_command(room, command, args)
    except WorkflowError as refusal:
        return answers.refused(request, room, refusal.message)
    except DocumentError as error:
        return answers.refused(request, room, error.faults[0].message)
    if command == "insert":
        used.remember(room, args)
    opens = change.opens if command in OPENING else _still_there(room, args.get("stay", ""))
    closes = command in ("delete", "delete_trigger", "undo", "redo")
    said = f"{change.label}. {others.by} changed this workflow too: {others.changes[0]}" if others else ""
    return answers.edited(
        request, room, opens=opens, said=said or f"{change.label}.", undo=command in UNDOABLE, closes=closes
    )


def _still_there(room: Room, key: str) -> str | None:
    return key if any(part.key == key for part in parts_of(room.document)) else None


@require_GET
def add(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """What can be added at a place: steps, or with `?what=trigger` triggers. `?q=` searches, `?app=` looks into one."""
    room = open_room(request, id)
    query, app = request.GET.get("q", "").strip(), request.GET.get("app", "")
    is_trigger = request.GET.get("what") == "trigger"
    found = (
        palette.triggers(room, query, app)
        if is_trigger
        else palette.steps(room, Place.read(request.GET.dict()), query, app)
    )
    context = {
        "palette": found,
        "is_trigger": is_trigger,
        "dialog_title": "Choose what starts it" if is_trigger else "Add a step",
        "edit_url": room.url("builder-edit"),
        "app_name": getattr(room.catalogue.integration(app), "name", app) if app else "",
    }
    if request.htmx and request.htmx.target == "palette":
        return answers.fragment(request, "_palette.html", context | {"room": room})
    return answers.dialog(request, room, "add.html", context)
