"""Around the canvas: which view somebody wants, steps as text to copy, and text to paste."""

from __future__ import annotations

import uuid

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from accounts.request import AppRequest
from workflows.builder import answers
from workflows.builder.chosen_view import choose_view
from workflows.builder.commands.paste import copy_text
from workflows.builder.room import open_room

MAX_NEXT = 1000  # characters of an address


@require_POST
def steps_view(request: AppRequest) -> HttpResponse:
    """Remember how this person wants to see steps, and go back to `next`."""
    choose_view(request, request.POST.get("view", ""))
    url = request.POST.get("next", "")
    is_ours = url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    return HttpResponseRedirect(url if is_ours and len(url) <= MAX_NEXT else reverse("home"))


@require_GET
def copy(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Steps (`?keys=a,b`; none: all) as YAML; `?as=text` the text alone, else a dialog to copy it from."""
    room = open_room(request, id)
    keys = request.GET.get("keys", "").split(",") if request.GET.get("keys") else list(room.graph.steps)
    text = copy_text(room.document, keys)
    if request.GET.get("as") == "text":
        return HttpResponse(text, content_type="text/plain; charset=utf-8")
    return answers.dialog(request, room, "copy.html", {"dialog_title": "Copy steps", "text": text})


@require_GET
def paste(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Where text can be pasted without leave of the browser; `?at=` names the step to go behind."""
    room = open_room(request, id)
    at = request.GET.get("at", "")
    context = {
        "dialog_title": "Paste steps",
        "at": at if at in room.graph.steps else "",
        "at_words": room.names.numbered(at) if at in room.graph.steps else "",
        "edit_url": room.url("builder-edit"),
    }
    return answers.dialog(request, room, "paste.html", context)
