"""Answers of the builder's views: a page for a browser alone, fragments and events for HTMX."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from accounts.request import AppRequest
from workflows.builder.chosen_view import OUTLINE, chosen_view, view_switch
from workflows.builder.comparing import FieldChange, part_changes
from workflows.builder.field_words import field_title
from workflows.builder.meanwhile import Meanwhile
from workflows.builder.panel import step_panel, trigger_panel
from workflows.builder.problems import Problem
from workflows.builder.room import Room, base_of
from workflows.engine.document import Step, Trigger

ToastArgs = dict[str, str]
Panel = dict[str, Any]


def page(request: AppRequest, room: Room, *, panel: Panel | None = None, status: int = 200) -> HttpResponse:
    """The whole builder, with the panel open on a step or trigger."""
    context = page_context(request, room, panel) | {"panel": panel}
    return vary(render(request, "workflows/builder/build.html", context, status=status))


def panel_only(request: AppRequest, room: Room, panel: Panel | None, *, status: int = 200) -> HttpResponse:
    """The side panel alone, or nothing where none is open; without HTMX the whole page with it."""
    if not request.htmx:
        return page(request, room, panel=panel, status=status)
    if panel is None:
        return vary(HttpResponse(""))
    html = render_to_string("workflows/builder/_panel.html", {"panel": panel, "room": room}, request)
    response = HttpResponse(html, status=status)
    if status != 200:
        response["HX-Retarget"], response["HX-Reswap"] = "#panel", "innerHTML"
    return vary(response)


def steps_only(request: AppRequest, room: Room, panel: Panel | None) -> HttpResponse:
    """The steps as they are now, with the bar out of band."""
    context = bar_context(room) | steps_context(request, room, _selected(panel))
    html: str = render_to_string("workflows/builder/_steps.html", context, request)
    return tell(HttpResponse(html + bar(request, room)), events=["dialog-close"])


def changed_elsewhere(
    request: AppRequest, room: Room, others: Meanwhile, args: Mapping[str, str]
) -> HttpResponse:
    """409: a command that concerns what somebody else changed meanwhile. Nothing is done until it is given again."""
    context = {
        "dialog_title": "Changed elsewhere",
        "others": others,
        "edit_url": room.url("builder-edit"),
        "page_url": room.addresses.page,
        "posted": [
            (name, value) for name, value in args.items() if name not in ("version", "csrfmiddlewaretoken")
        ],
    }
    response = dialog(request, room, "elsewhere.html", context, status=409)
    response["HX-Retarget"], response["HX-Reswap"] = "#dialog", "innerHTML"
    return response


def fragment(request: AppRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    return vary(render(request, f"workflows/builder/{name}", context))


def conflict(request: AppRequest, room: Room, mine: Step | Trigger, theirs: Step | Trigger) -> HttpResponse:
    """409: what was typed beside what somebody else saved, with a choice. Nothing typed is lost."""
    context = {
        "fields": differences(room, theirs, mine),
        "mine": mine,
        "posted": [
            (name, value)
            for name, value in request.POST.items()
            if name not in ("base", "_auto", "csrfmiddlewaretoken")
        ],
        "base": base_of(room.document, theirs),
        "page": room.addresses.of(mine.key, trigger=isinstance(mine, Trigger)),
        "action": request.path,
        "by": _last_editor(room),
        "room": room,
    }
    if not request.htmx:
        full = page_context(request, room) | context | {"conflict": True}
        return vary(render(request, "workflows/builder/build.html", full, status=409))
    response = vary(render(request, "workflows/builder/_conflict.html", context, status=409))
    response["HX-Retarget"], response["HX-Reswap"] = "#panel", "innerHTML"
    return response


def differences(room: Room, theirs: Step | Trigger, mine: Step | Trigger) -> tuple[FieldChange, ...]:
    """Everything that differs, lines aside: theirs is the old side, mine the new one."""

    def describe(part: Step | Trigger) -> str:
        return room.names.sub(part) if isinstance(part, Step) else room.names.trigger_sub(part)

    def title(_key: str, name: str) -> str:
        return field_title(room.catalogue, mine if isinstance(mine, Step) else None, name)

    return part_changes(theirs, mine, title=title, describe=describe)


def _last_editor(room: Room) -> str:
    row = room.template.revisions.select_related("by").first()
    return row.by.shown_name if row and row.by and row.by != room.user else ""


def page_context(request: AppRequest, room: Room, panel: Panel | None = None) -> dict[str, Any]:
    """What every full page of the builder needs: bar, outline, step list."""
    from workflows.builder.palette import shelf

    return bar_context(room) | {
        **steps_context(request, room, _selected(panel)),
        "shelf": shelf(room, after=panel["part"].key if panel and panel["kind"] == "step" else ""),
    }


def steps_context(request: AppRequest, room: Room, selected: str = "") -> dict[str, Any]:
    """The steps in the view this person chose: `outline`, or `canvas`."""
    chosen = chosen_view(request)
    found: dict[str, Any] = {"views": view_switch(request)}
    if chosen == OUTLINE:
        return found | {"outline": room.outline_view(selected)}
    return found | {"canvas": room.canvas_view(selected, chosen)}


def _selected(panel: Panel | None) -> str:
    """The key of the open step, or "trigger:<key>"."""
    if panel is None:
        return ""
    key = panel["part"].key
    return f"trigger:{key}" if panel["kind"] == "trigger" else str(key)


def bar_context(room: Room) -> dict[str, Any]:
    """The bar on top: name, versions, saved, problems, undo and redo."""
    template = room.template
    undo, redo = room.history
    return {
        "workflow": template,
        "room": room,
        "back_url": _list_url(room),
        "bar_title": template.name,
        "bar_tab": "build",
        "bar_tabs": [
            {"key": key, "label": label, "url": room.url(f"workflow-{key}")}
            for key, label in (
                ("build", "Build"),
                ("runs", "Runs"),
                ("versions", "Versions"),
                ("settings", "Settings"),
            )
        ],
        "undo_buttons": [("undo", undo, "arrow-back-up", "Undo"), ("redo", redo, "arrow-forward-up", "Redo")],
        "deployment": room.deployment,
        "unpublished": room.unpublished,
        "compare_url": compare_url(room),
        "problems": [Problem(room, fault) for fault in room.errors],
        "hints": [Problem(room, fault) for fault in room.faults if fault.severity != "error"],
        "edit_url": room.url("builder-edit"),
    }


def compare_url(room: Room) -> str:
    """What is live beside the draft; "" where nothing is."""
    number = room.deployment.version.version_number if room.deployment else None
    return f"{room.url('version-compare')}?{urlencode({'from': number, 'to': 'draft'})}" if number else ""


def edited(
    request: AppRequest, room: Room, *, opens: str | None, said: str, undo: bool = False, closes: bool = False
) -> HttpResponse:
    """After a command: the outline anew, the bar out of band, the panel on what is open then."""
    toast = {"text": said}
    if undo:
        toast["undo"] = f"{room.url('builder-edit')}?{urlencode({'command': 'undo'})}"
    if not request.htmx:
        messages.success(request, toast["text"])
        return HttpResponseRedirect(_opened_url(room, opens))
    panel = _panel_of(room, opens) if opens else None
    context = bar_context(room) | steps_context(request, room, _selected(panel))
    html: str = render_to_string("workflows/builder/_steps.html", context, request)
    html += bar(request, room)
    if panel or closes:
        html += _panel_oob(request, room, panel)
    response = HttpResponse(html)
    if panel or closes:
        response["HX-Push-Url"] = _opened_url(room, opens)
    return tell(response, toast=toast, events=["dialog-close", "draft-changed", "steps-changed"])


def saved(request: AppRequest, room: Room, panel: dict[str, Any], *, whole: bool) -> HttpResponse:
    """After a form was saved: the card and the bar; `whole`: the panel too (else the form stays as it is being typed in)."""
    if not request.htmx:
        return HttpResponseRedirect(f"{panel['page']}&tab={panel['tab']}")
    html = (
        render_to_string("workflows/builder/_panel.html", {"panel": panel, "room": room}, request)
        if whole
        else ""
    )
    context = bar_context(room) | steps_context(request, room, _selected(panel)) | {"oob": True}
    html += render_to_string("workflows/builder/_steps.html", context, request)
    html += bar(request, room)
    if not whole:
        html += render_to_string("workflows/builder/_after_autosave.html", {"panel": panel}, request)
    return tell(HttpResponse(html), events=["draft-changed"])


def to_panel(panel: Panel) -> HttpResponse:
    return HttpResponseRedirect(f"{panel['page']}&tab={panel['tab']}")


def refused(request: AppRequest, room: Room, sentence: str, *, status: int = 422) -> HttpResponse:
    """A command that could not be carried out: a message, and everything stays."""
    if not request.htmx:
        messages.error(request, sentence)
        return HttpResponseRedirect(room.addresses.page)
    response = HttpResponse(status=status)
    response["HX-Reswap"] = "none"
    return tell(response, toast={"text": sentence, "tone": "bad"})


def dialog(
    request: AppRequest, room: Room, name: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A dialog as a fragment, or as a page of its own where there is no HTMX."""
    shell = "ui/dialog.html" if request.htmx else "workflows/builder/page_dialog.html"
    full = (bar_context(room) if not request.htmx else {"room": room}) | context | {"shell": shell}
    return vary(render(request, f"workflows/builder/{name}", full, status=status))


def tell(
    response: HttpResponse, *, toast: ToastArgs | None = None, events: Iterable[str] = ()
) -> HttpResponse:
    """Events for the page's scripts, through HX-Trigger."""
    said: dict[str, Any] = dict.fromkeys(events, True)
    if toast:
        said["toast"] = toast
    if said:
        response["HX-Trigger"] = json.dumps(said)
    return vary(response)


def vary(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    return response


def _panel_of(room: Room, key: str) -> dict[str, Any] | None:
    if key in room.graph.steps:
        return step_panel(room, key)
    if any(trigger.key == key for trigger in room.document.triggers):
        return trigger_panel(room, key)
    return None


def _opened_url(room: Room, key: str | None) -> str:
    if not key:
        return room.addresses.page
    return room.addresses.of(key, trigger=key not in room.graph.steps)


def bar(request: AppRequest, room: Room) -> str:
    return render_to_string("workflows/builder/_bar_state.html", bar_context(room) | {"oob": True}, request)


def _panel_oob(request: AppRequest, room: Room, panel: Panel | None) -> str:
    return render_to_string(
        "workflows/builder/_panel_region.html", {"panel": panel, "room": room, "oob": True}, request
    )


def _list_url(room: Room) -> str:
    from django.urls import reverse

    return reverse("workflows:workflow-list", args=[room.template.tenant.slug])
