"""What happens around every view: sign-in by default, the person's time zone, nothing kept by caches."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from accounts.models import User
from accounts.public import is_public


class WorkspaceMiddleware:
    """Every view asks for a sign-in unless its URL name is on the public list."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.workspace = None  # type: ignore[attr-defined] # AppRequest: set by accounts.access
        request.membership = None  # type: ignore[attr-defined]
        with timezone.override(None):
            response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request"])
        if getattr(request, "shown_to", None) and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        if match is not None and is_public(match.view_name) and not _has_session(request):
            return None
        if isinstance(request.user, User):
            request.shown_to = request.user.pk  # type: ignore[attr-defined]
            timezone.activate(zone_of(request.user))
            return None
        return None if match is not None and is_public(match.view_name) else _ask_to_sign_in(request)

    def process_template_response(self, request: HttpRequest, response: TemplateResponse) -> TemplateResponse:
        """allauth shows a refused form with 200; here a refused form is always 422."""
        form = (response.context_data or {}).get("form")
        if request.method == "POST" and response.status_code == 200 and getattr(form, "errors", None):
            response.status_code = 422
        return response


def _has_session(request: HttpRequest) -> bool:
    """Hooks and API calls carry no session; for them not even an empty one is looked at."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES


def zone_of(user: User) -> zoneinfo.ZoneInfo:
    """The zone a person reads times in; UTC when the stored name is not a zone (any more)."""
    try:
        return zoneinfo.ZoneInfo(user.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")


def _ask_to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """A page sends people to the sign-in; a fragment answers 401, on which the page asks without losing what is typed."""
    if getattr(request, "htmx", False):
        return HttpResponse("Sign in to go on.", status=401, content_type="text/plain")
    return redirect_to_login(request.get_full_path())
