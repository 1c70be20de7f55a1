"""The pages for requests that end badly: what happened, and the way out."""

from __future__ import annotations

import logging
import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The text of a PermissionDenied is a sentence for the person."""
    return render(request, "errors/403.html", {"message": str(exception)}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Says the same whether the thing is unknown, deleted or somebody else's."""
    return render(request, "errors/404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Rendered without the request: sign-in and database may be what is broken."""
    error_id = secrets.token_hex(4)
    logger.error("server error %s on %s", error_id, request.path)
    page = render_to_string("errors/500.html", {"error_id": error_id})
    return HttpResponse(page, status=500, headers={"X-Error-Id": error_id})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Mostly a page that was left open while one signed in again elsewhere."""
    logger.warning("request refused: %s", reason)
    message = (
        "This page was open for too long, or was sent from another site. Go back, reload it and try again."
    )
    return render(request, "errors/403.html", {"message": message}, status=403)
