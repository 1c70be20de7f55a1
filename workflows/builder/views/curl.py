"""A curl command becomes the input of an HTTP step."""

from __future__ import annotations

import uuid
from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.request import AppRequest
from workflows.builder import answers
from workflows.builder.edit import save_part
from workflows.builder.forms.curl import Curl, parse_curl
from workflows.builder.forms.shell_words import BadCurl
from workflows.builder.forms.values import BadValue, clean
from workflows.builder.panel import step_panel
from workflows.builder.room import Room, base_of, open_room
from workflows.engine.document import Step
from workflows.errors import WorkflowError

FILLED = (
    "method",
    "url",
    "query",
    "headers",
    "json",
    "form",
    "multipart",
    "text",
    "raw",
)  # what a command says anew


@require_http_methods(["GET", "POST"])
def curl(request: AppRequest, id: uuid.UUID, key: str) -> HttpResponse:
    """Ask for the command, or fill the step in with it."""
    room = open_room(request, id)
    step = room.step(key)
    if (step.integration, step.action) != ("http", "request"):
        raise Http404
    if request.method == "GET":
        return _dialog(request, room, key)
    text = request.POST.get("command", "")
    try:
        found = parse_curl(clean(text))
        _fill(room, step, found)
    except (BadCurl, BadValue) as error:
        return _dialog(request, room, key, text, str(error))
    except WorkflowError as refusal:
        return answers.refused(request, room, refusal.message)
    return _filled(request, room, key, found)


def _dialog(request: AppRequest, room: Room, key: str, text: str = "", error: str = "") -> HttpResponse:
    context = {"dialog_title": "Paste a curl command", "command": text, "error": error, "curl_url": request.path,
               "page": room.addresses.of(key)}  # fmt: skip
    response = answers.dialog(request, room, "curl.html", context, status=422 if error else 200)
    if error:
        response["HX-Retarget"], response["HX-Reswap"] = "#dialog", "innerHTML"
    return response


def _fill(room: Room, step: Step, found: Curl) -> None:
    kept = {name: value for name, value in step.input.items() if name not in FILLED}
    typed = replace(step, input={**kept, **found.input})
    save_part(
        room, typed, base=base_of(room.document, step), label=f"Filled {step.name} in from a curl command"
    )


def _filled(request: AppRequest, room: Room, key: str, found: Curl) -> HttpResponse:
    panel = step_panel(room, key) | {"imported": found}
    if not request.htmx and found.notes:
        messages.warning(request, " ".join(found.notes))
    response = answers.saved(request, room, panel, whole=True)
    return answers.tell(
        response, toast={"text": "Filled in from the curl command."}, events=["draft-changed", "dialog-close"]
    )
