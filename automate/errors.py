"""The pages for requests that end badly: what happened, the way out, and an id that stands in the log as well.

HTMX gets the sentence alone, as text: app.js shows it where the answer would have gone.
"""

from __future__ import annotations

import logging
import secrets
import sys
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)
HEADER: Final = "X-Error-Id"
UNREADABLE: Final = (
    "The address or the data of this request could not be read. Reload the page and try again."
)
REFUSED: Final = (
    "Your role in this workspace does not allow it. Ask an admin of the workspace for the permission."
)
GONE: Final = "The page was moved or deleted, or it belongs to a workspace you are not in. Check the address, or start from home."
STALE: Final = (
    "This page was open for too long, or was sent from another site. Go back, reload it and try again."
)
BROKEN: Final = "It was not your fault and it has been noted. Workflows go on running. Try again in a moment."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400, "errors/400.html", UNREADABLE, why=type(exception).__name__)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The text of a PermissionDenied is a sentence for the person."""
    return _answer(request, 403, "errors/403.html", str(exception) or REFUSED, why="no permission")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Says the same whether the thing is unknown, deleted or somebody else's."""
    return _answer(request, 404, "errors/404.html", GONE, why="not found", level=logging.INFO)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Mostly a page that was left open while one signed in again elsewhere."""
    return _answer(request, 403, "errors/stale.html", STALE, why=reason)


def server_error(request: HttpRequest) -> HttpResponse:
    """Rendered without the request: sign-in and database may be what is broken."""
    error_id = _new_id()
    has_trace = sys.exc_info()[0] is not None
    logger.error("server error %s on %s", error_id, _place(request), exc_info=has_trace)
    if _is_htmx(request):
        return _text(BROKEN, 500, error_id)
    page = render_to_string("errors/500.html", {"error_id": error_id, "message": BROKEN})
    return HttpResponse(page, status=500, headers={HEADER: error_id})


def _answer(
    request: HttpRequest, status: int, template: str, message: str, *, why: str, level: int = logging.WARNING
) -> HttpResponse:
    error_id = _new_id()
    logger.log(level, "answered %s, error %s, on %s: %s", status, error_id, _place(request), why)
    if _is_htmx(request):
        return _text(message, status, error_id)
    response = render(request, template, {"message": message, "error_id": error_id}, status=status)
    if status != 404:  # nothing broke
        response[HEADER] = error_id
    return response


def _text(message: str, status: int, error_id: str) -> HttpResponse:
    headers = {} if status == 404 else {HEADER: error_id}
    return HttpResponse(message, status=status, content_type="text/plain; charset=utf-8", headers=headers)


def _new_id() -> str:
    return secrets.token_hex(4)


def _is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _place(request: HttpRequest) -> str:
    """The route, not the address: in those of hooks, approvals and invitations lie secrets."""
    match = getattr(request, "resolver_match", None)
    place = f"/{match.route}" if match else request.path[:200].encode("unicode_escape").decode()
    return f"{request.method} {place}"
