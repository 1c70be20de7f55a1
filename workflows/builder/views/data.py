"""The data picker: what earlier steps gave, functions, variables."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from accounts.request import AppRequest
from workflows.builder import answers, completion, picker
from workflows.builder.room import Room, open_room

TABS = (("data", "Data"), ("functions", "Functions"), ("variables", "Variables"))


@require_GET
def data(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """The picker for a step's fields; `?tab=`, `?q=`. `inline` is the field it opens under, where there is no column for it.

    `?as=json` gives what the fields' editor knows; `?list=` with `from` ten more items of one list.
    """
    room = open_room(request, id)
    room.step(key)
    if request.GET.get("as") == "json":
        return answers.vary(JsonResponse(_known(room, key)))
    if "list" in request.GET:
        return _more_items(request, room, key)
    context = picker_context(room, key, request.GET.get("tab", "data"), request.GET.get("q", "").strip())
    context["inline"] = request.GET.get("inline", "")
    if request.htmx:
        return answers.fragment(request, "_picker.html", context)
    return answers.dialog(request, room, "picker.html", context | {"dialog_title": "Data of earlier steps"})


def _known(room: Room, key: str) -> dict[str, Any]:
    scope = room.scope(key)
    found = completion.roots(room.document, room.graph, room.names, room.samples, scope)
    return {
        "roots": [{**asdict(root), "tile": _tile(root.tile)} for root in found],
        "later": completion.later(room.document, room.graph, room.names, key),
        "functions": completion.functions(),
    }


def _tile(name: str) -> str:
    return render_to_string("workflows/builder/_tile.html", {"tile": name}).strip() if name else ""


def _more_items(request: AppRequest, room: Room, key: str) -> HttpResponse:
    """The next ten items of a list in the tree, and the way to the ten after them."""
    path, start = request.GET["list"], request.GET.get("from", "")
    if not start.isdecimal() or len(start) > 6:
        raise Http404
    nodes = picker.items_of(path, room.scope(key), start=int(start))
    return answers.fragment(
        request,
        "_tree_items.html",
        {"nodes": nodes, "room": room, "picker_url": room.url("builder-data", key)},
    )


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
