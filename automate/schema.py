"""The JSON Schema of the workflow document, where editors and assistants look for it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from workflows.engine.document import schema_json


@require_safe
@cache_control(public=True, max_age=3600)
def schema(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(schema_json(), content_type="application/schema+json")
    response["Access-Control-Allow-Origin"] = "*"  # nothing secret in it; editors in the browser fetch it
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
