"""The answer of a webhook that waits for its run: the run's output, or what its respond step says."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.http import HttpResponse

from automate.lib.jsontypes import JSON, dumps_bytes
from workflows.ingress.bodies import FILE_MARK
from workflows.ingress.refusals import json_response
from workflows.models import Blob
from workflows.runs.blobs import bytes_of
from workflows.runs.wait import Outcome, wait_for

DEADLINE_S: Final = 30.0
MAX_WAITING: Final = (
    6  # calls one web process lets wait at a time; the other threads stay free for everybody else
)
SANDBOX: Final = "sandbox"  # an answer is nobody's page: no scripts, no forms, an origin of its own
_ALLOWED_HEADERS: Final = re.compile(
    r"content-(type|language|disposition)|cache-control|etag|last-modified|expires|location|retry-after|vary|link"
    r"|access-control-[a-z-]+|x-(?!accel|send|reproxy|lighttpd|litespeed)[a-z0-9-]+"  # those tell a proxy to serve files
)
_NO_CONTENT: Final = (204, 205, 304)
_RUNS_AS_CODE: Final = re.compile(r"(java|ecma)script|text/css|wasm", re.IGNORECASE)
_STATUSES: Final = range(200, 600)
_slots = threading.BoundedSemaphore(MAX_WAITING)


def answer(tenant_id: uuid.UUID, execution_id: uuid.UUID, respond: str) -> HttpResponse:
    """Wait for the run as the trigger's `respond` asks, and make the answer of what has come of it."""
    if respond not in ("when_done", "step"):
        return accepted(execution_id)
    with _waiting() as may_wait:
        if not may_wait:
            return accepted(execution_id)
        outcome = wait_for(
            execution_id, until="respond" if respond == "step" else "done", timeout_s=DEADLINE_S
        )
    if isinstance(outcome.respond, dict):
        return _from_step(tenant_id, outcome.respond)
    return _from_run(execution_id, outcome)


def step_answer(tenant_id: uuid.UUID, execution_id: uuid.UUID) -> HttpResponse | None:
    """What the run's respond step says, waited for; None when it says nothing in time."""
    with _waiting() as may_wait:
        if not may_wait:
            return None
        outcome = wait_for(execution_id, until="respond", timeout_s=DEADLINE_S)
    return _from_step(tenant_id, outcome.respond) if isinstance(outcome.respond, dict) else None


def accepted(execution_id: uuid.UUID) -> HttpResponse:
    return json_response({"execution": str(execution_id)}, status=202)


@contextmanager
def _waiting() -> Iterator[bool]:
    got = _slots.acquire(blocking=False)
    try:
        yield got
    finally:
        if got:
            _slots.release()


def _from_run(execution_id: uuid.UUID, outcome: Outcome) -> HttpResponse:
    if not outcome.is_final:
        return accepted(execution_id)
    if outcome.status == "COMPLETED":
        return json_response(outcome.output)
    fallback: JSON = {
        "message": f"The run ended as {outcome.status}.",
        "code": outcome.status.lower(),
        "step": None,
    }
    return json_response({"error": outcome.error or fallback}, status=500)


def _from_step(tenant_id: uuid.UUID, said: Mapping[str, Any]) -> HttpResponse:
    given = said.get("status")
    status = given if isinstance(given, int) and given in _STATUSES else 200
    content, content_type = (b"", "text/plain") if status in _NO_CONTENT else _content(tenant_id, said)
    response = HttpResponse(content, status=status, content_type=content_type)
    for name, value in _headers(said.get("headers")):
        response[name] = value
    if _RUNS_AS_CODE.search(response["Content-Type"]):
        response["Content-Type"] = "text/plain; charset=utf-8"
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _content(tenant_id: uuid.UUID, said: Mapping[str, Any]) -> tuple[bytes, str]:
    if isinstance(said.get("html"), str):
        return said["html"].encode(), "text/html; charset=utf-8"
    if isinstance(said.get("text"), str):
        return said["text"].encode(), "text/plain; charset=utf-8"
    if isinstance(said.get("file"), dict):
        return _file(tenant_id, said["file"])
    for name in ("json", "body"):
        if name in said and said[name] is not None:
            return dumps_bytes(said[name]), "application/json"
    return b"", "text/plain; charset=utf-8"


def _file(tenant_id: uuid.UUID, value: Mapping[str, Any]) -> tuple[bytes, str]:
    try:
        blob_id = uuid.UUID(str(value.get(FILE_MARK)))
    except ValueError:
        return b"", "application/octet-stream"
    blob = Blob.objects.for_tenant(tenant_id).filter(pk=blob_id).first()
    if blob is None:
        return b"", "application/octet-stream"
    return bytes_of(blob), blob.mime or "application/octet-stream"


def _headers(given: Any) -> Iterator[tuple[str, str]]:
    """The headers a step may set: none that speaks for our origin, and none that could break the answer apart."""
    if not isinstance(given, dict):
        return
    for name, value in given.items():
        text = value if isinstance(value, str) else dumps_bytes(value).decode()
        if _ALLOWED_HEADERS.fullmatch(name.lower()) and text.isprintable():
            yield name, text
