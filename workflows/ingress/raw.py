"""The raw body and headers of a request, as a service sent them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, UnreadablePostError

from workflows.ingress.refusals import too_large, unreadable


def read_raw(request: HttpRequest, limit: int) -> bytes:
    """The raw body. A size that is announced is refused before a byte is read. Raises Refused (400, 413)."""
    header = request.META.get("CONTENT_LENGTH") or ""
    announced = int(header) if header.isascii() and header.isdigit() else 0
    if announced > limit:
        raise too_large(limit)
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    stream: Any = request.META["wsgi.input"] if is_chunked else request
    try:
        raw: bytes = stream.read(limit + 1)
    except (UnreadablePostError, OSError):
        raw = b""
    if len(raw) > limit:
        raise too_large(limit)
    if len(raw) < announced:
        raise unreadable("The body ended before its announced length. Send it again.")
    return raw


def headers_of(request: HttpRequest) -> dict[str, str]:
    """All headers by lower-case name; bytes beyond ASCII are read as UTF-8 where they are."""
    found = {}
    for name, value in request.META.items():
        if name.startswith("HTTP_"):
            found[name[5:].replace("_", "-").lower()] = value if value.isascii() else _as_utf8(value)
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if request.META.get(name):
            found[name.replace("_", "-").lower()] = request.META[name]
    return found


def _as_utf8(value: str) -> str:
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
