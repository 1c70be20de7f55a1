"""The short way to the hooks: past sessions, messages, sign-in and templates, none of which a service needs."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from workflows.ingress.hooks import app_hook, hook

PREFIX = "/hooks/"
APPS = "apps/"  # no token holds a slash


class HooksFirst:
    """First in MIDDLEWARE: answers hooks itself, with the headers that the others would have set."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.headers = _headers()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = request.path_info.removeprefix(PREFIX)
        if not token or token == request.path_info:
            return self.get_response(request)
        is_app = token.startswith(APPS)
        response = app_hook(request, token[len(APPS) :]) if is_app else hook(request, token)
        for name, value in self.headers:
            response.setdefault(name, value)
        if response.status_code != 204:
            response.setdefault("Content-Length", str(len(response.content)))
        return response


def _headers() -> list[tuple[str, str]]:
    headers = [
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", settings.X_FRAME_OPTIONS),
        ("Referrer-Policy", settings.SECURE_REFERRER_POLICY),
        ("Cross-Origin-Opener-Policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY),
        ("Cache-Control", "no-store"),
    ]
    if settings.SECURE_HSTS_SECONDS:
        headers.append(("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}"))
    return headers
