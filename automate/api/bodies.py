"""What is sent to the API: JSON by the strict reader, or YAML as `application/yaml`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from automate.api.errors import ApiError
from automate.lib.jsontypes import JSON, BadJSON, loads
from workflows.engine import yaml_io

YAML_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})


class StrictParser(Parser):
    """Ninja's parser with our readers. Its errors are unwrapped again in `errors.py`."""

    def parse_body(self, request: HttpRequest) -> Any:
        return read(request)


def read(request: HttpRequest) -> JSON:
    """The body as a value. Raises ApiError (400) with line and column, or (415) for a label we do not read."""
    kind = (request.content_type or "").lower()
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiError(
            415,
            "unsupported",
            "The body is compressed, which is not supported. Send it as it is.",
            "Content-Encoding",
        )
    if kind in YAML_TYPES:
        return _yaml(request.body)
    if kind in ("", "application/json") or kind.endswith("+json"):
        return _json(request.body)
    message = (
        f"Bodies of the type {kind[:60]!r} are not read here. Send application/json or application/yaml."
    )
    raise ApiError(415, "unsupported", message, "Content-Type")


def _json(raw: bytes) -> JSON:
    try:
        return loads(raw)
    except BadJSON as error:
        raise ApiError(400, "unreadable", str(error), "body") from None


def _yaml(raw: bytes) -> JSON:
    try:
        return yaml_io.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ApiError(400, "unreadable", "The body is not UTF-8 text.", "body") from None
    except yaml_io.BadYAML as error:
        raise ApiError(400, "unreadable", str(error), "body") from None
