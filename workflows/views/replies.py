"""Answers that pages of workflows share: fragment or page, a message with a way back, back to where one was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

from accounts.request import AppRequest


def asks_for(request: AppRequest, region: str) -> bool:
    """Whether HTMX wants only this region (its id) and no whole page."""
    return bool(request.htmx) and request.htmx.target == region and not request.htmx.history_restore_request


def dialog(request: AppRequest, name: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A dialog as a fragment, or as a page of its own where there is no HTMX. `name` extends `shell`."""
    shell = "ui/dialog.html" if request.htmx else "workflows/page_dialog.html"
    return vary(render(request, name, context | {"shell": shell}, status=status))


def done(
    request: AppRequest,
    text: str,
    *,
    home: str,
    undo: str = "",
    tone: str = "ok",
    events: Iterable[str] = ("flows-changed",),
    status: int = 204,
) -> HttpResponse:
    """Something small was done: for HTMX a passing message and events, else back to where the person was."""
    if not request.htmx:
        messages.add_message(request, messages.SUCCESS if tone == "ok" else messages.ERROR, text)
        return HttpResponseRedirect(came_from(request, home))
    said: dict[str, Any] = dict.fromkeys(events, True)
    said["toast"] = {"text": text, "tone": tone} | ({"undo": undo} if undo else {})
    response = HttpResponse(status=status)
    response["HX-Trigger"] = json.dumps(said)
    response["HX-Reswap"] = "none"
    return vary(response)


def go(request: AppRequest, url: str) -> HttpResponse:
    """To another page, whoever asks."""
    return HttpResponseClientRedirect(url) if request.htmx else HttpResponseRedirect(url)


def came_from(request: AppRequest, home: str) -> str:
    """The page of ours that a form names in `next`, else `home`."""
    url = request.POST.get("next", "")
    fine = url.startswith("/") and url_has_allowed_host_and_scheme(
        url, allowed_hosts=None, require_https=request.is_secure()
    )
    return url if fine and len(url) <= 1000 else home


def vary(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    return response
