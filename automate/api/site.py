"""The frame of the API: JSON answers for whatever happens outside an operation, and the offline documentation."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, re_path
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase
from ninja.renderers import BaseRenderer

from automate.api.errors import ApiError, as_error, not_found
from automate.lib.jsontypes import dumps_bytes

DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
View = Callable[..., HttpResponseBase]


class JsonApi(NinjaAPI):
    """Ninja's API, with 404 and 405 in our shape too."""

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        urls = super()._get_urls()
        for pattern in urls:
            if isinstance(pattern, URLPattern):
                pattern.callback = _in_json(pattern.callback)
        return [*urls, re_path(r"", _unknown, name="unknown")]


class Renderer(BaseRenderer):
    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return dumps_bytes(data)


class OfflineSwagger(DocsBase):
    """Swagger UI from our own static files; its page runs under a policy without inline scripts or styles."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        url = self.get_openapi_url(api, kwargs)
        response = render(request, "automate/api_docs.html", {"openapi_url": url, "title": api.title})
        response["Content-Security-Policy"] = DOCS_POLICY
        return response


def _in_json(view: View) -> View:
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Exception as error:
            found = as_error(error)
            if found is None:
                raise
            return found.response()
        if response.status_code == 405:
            return _not_allowed(request, response.get("Allow", ""))
        return response

    answered.csrf_exempt = True  # type: ignore[attr-defined]  # tokens, never cookies
    return answered


def _not_allowed(request: HttpRequest, allow: str) -> HttpResponse:
    message = f"This address takes {allow or 'other methods'}, not {(request.method or '')[:20]}."
    return ApiError(405, "method_not_allowed", message, headers={"Allow": allow}).response()


def _unknown(request: HttpRequest) -> HttpResponse:
    return not_found().response()


_unknown.csrf_exempt = True  # type: ignore[attr-defined]
