"""The data picker: what earlier steps gave, functions, variables."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from accounts.request import AppRequest
from workflows.builder import answers, picker
from workflows.builder.room import Room, open_room

TABS = (("data", "Data"), ("functions", "Functions"), ("variables", "Variables"))


@require_GET
def data(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """The picker for a step's fields; `?tab=`, `?q=`. `inline` is the field it opens under, where there is no column for it."""
    room = open_room(request, id)
    room.step(key)
    context = picker_context(room, key, request.GET.get("tab", "data"), request.GET.get("q", "").strip())
    context["inline"] = request.GET.get("inline", "")
    if request.htmx:
        return answers.fragment(request, "_picker.html", context)
    return answers.dialog(request, room, "picker.html", context | {"dialog_title": "Data of earlier steps"})


def picker_context(room: Room, key: str, tab: str = "data", query: str = "") -> dict[str, Any]:
    tab = tab if tab in dict(TABS) else "data"
    url = room.url("builder-data", key)
    context: dict[str, Any] = {
        "picker_tab": tab,
        "picker_url": url,
        "tabs": [{"key": name, "label": label, "url": f"{url}?tab={name}"} for name, label in TABS],
        "query": query,
        "step_key": key,
        "room": room,
    }
    if tab == "functions":
        return context | {"groups": picker.functions(query)}
    scope = room.scope(key)
    if tab == "variables":
        return context | {"nodes": picker.variable_nodes(scope, query)}
    return context | {"nodes": picker.tree(room.document, room.graph, room.names, room.samples, scope, query)}
