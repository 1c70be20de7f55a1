"""`ANY /hooks/<token>`: one address for test and production. A 2xx answer means: stored, and it will run.

In this order: the address, the method, the size, the proof of who is calling, the body, the start.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Final

from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from automate.lib import clock
from automate.lib.jsontypes import JSON, BadJSON, check
from workflows.errors import WorkflowError
from workflows.ingress import samples, services
from workflows.ingress.answers import answer
from workflows.ingress.bodies import read_body, read_query
from workflows.ingress.dedup import receipt_of
from workflows.ingress.files import Shelf
from workflows.ingress.lookup import Hook, find_hook
from workflows.ingress.proof import prove
from workflows.ingress.raw import headers_of, read_raw
from workflows.ingress.refusals import Refused, away, json_response, unreadable
from workflows.models import TriggerType
from workflows.runs.events import note_duplicate
from workflows.runs.failpoints import failpoint
from workflows.runs.hops import depth_of
from workflows.runs.start import DedupConflict, Receipt, start_run
from workflows.triggers.signatures import Call

logger = logging.getLogger(__name__)
PRIVATE_HEADERS: Final = frozenset(
    {"authorization", "cookie", "proxy-authorization"}
)  # never part of a run's data


@csrf_exempt
def hook(request: HttpRequest, token: str) -> HttpResponse:
    """See docs/webhooks.md for every answer. One SQL query and one transaction for a call that starts a run."""
    try:
        return _receive(request, token)
    except Refused as refused:
        return refused.response()
    except (OperationalError, InterfaceError) as error:
        return _away(error)


@csrf_exempt
def app_hook(request: HttpRequest, integration: str) -> HttpResponse:
    """Events of an app this installation is registered with: one address for all who connected it."""
    try:
        return services.receive_for_app(request, integration)
    except Refused as refused:
        return refused.response()
    except (OperationalError, InterfaceError) as error:
        return _away(error)


def _away(error: Exception) -> HttpResponse:
    """503. Logged here, because Django's own line would hold the token."""
    logger.error("a call to a webhook could not be stored: %s", type(error).__name__)
    response = away().response()
    response._has_been_logged = True  # type: ignore[attr-defined]  # how Django marks it
    return response


def _receive(request: HttpRequest, token: str) -> HttpResponse:
    found = find_hook(token)
    if found is None:
        taken = services.receive(request, token)
        if taken is None:
            raise Refused(404, "not_found", "There is no webhook at this address.")
        return taken
    read: list[bytes] = []
    try:
        return _take(request, found, read)
    except Refused as refused:
        if refused.status < 500:
            samples.refuse(found, refused, seen(request, found, b"".join(read)))
        raise


def _take(request: HttpRequest, found: Hook, read: list[bytes]) -> HttpResponse:
    """Raises Refused; what was read of the body by then is in `read`."""
    if request.method not in found.rule.methods:
        return _other_method(request, found)
    raw = read_raw(request, found.rule.max_bytes)
    read.append(raw)
    headers = headers_of(request)
    if found.rule.auth is not None:
        prove(found, Call(headers, raw))
    shelf = Shelf(found.live.tenant_id)
    payload = _payload(request, found, headers, raw, shelf)
    if found.asleep or found.deployment is None:
        with transaction.atomic():
            shelf.store(None)
            samples.record(found, payload)
        return json_response({"status": "recorded"}, status=202)
    receipt = receipt_of(found.live, found.rule.dedup, payload, raw, request.META.get("QUERY_STRING", ""))
    failpoint("hook.read")
    execution_id = _start(found, payload, receipt, shelf)
    failpoint("hook.started")
    if execution_id is None:
        if found.rule.keep_samples:
            samples.keep_skipped(found.live, payload)
        return json_response({"status": "skipped"}, status=202)
    if found.rule.keep_samples:
        samples.keep_now_and_then(found.live, payload, execution_id)
    return answer(found.live.tenant_id, execution_id, found.rule.respond)


def _other_method(request: HttpRequest, found: Hook) -> HttpResponse:
    """HEAD and OPTIONS only look; everything else that is not in the list is refused. None of them starts anything."""
    allow = {"Allow": ", ".join((*found.rule.methods, "OPTIONS"))}
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers=allow)
    if request.method == "HEAD" and "GET" in found.rule.methods:
        return HttpResponse(status=200, headers=allow)
    message = f"This webhook takes {' and '.join(found.rule.methods)}, not {(request.method or '')[:20]}."
    raise Refused(405, "method_not_allowed", message, allow)


def _shown_headers(headers: Mapping[str, str], found: Hook) -> dict[str, str]:
    """Without what proves who is calling."""
    private = PRIVATE_HEADERS | ({found.rule.auth.header} if found.rule.auth else set())
    return {name: value for name, value in headers.items() if name not in private}


def seen(request: HttpRequest, found: Hook, raw: bytes) -> dict[str, Any]:
    """A call that is refused, as people look at it: its body as text, whatever it was meant to be."""
    return {
        "method": (request.method or "")[:20],
        "path": request.path,
        "query": request.META.get("QUERY_STRING", "")[:2_000],
        "headers": _shown_headers(headers_of(request), found),
        "body": raw[: samples.MAX_REFUSED_CHARS + 1].decode("utf-8", "replace"),
    }


def _payload(
    request: HttpRequest, found: Hook, headers: dict[str, str], raw: bytes, shelf: Shelf
) -> dict[str, JSON]:
    """What the run sees as `trigger`. Raises Refused (400, 413)."""
    body = read_body(
        raw, request.content_type or "", request.content_params or {}, headers.get("content-encoding", "")
    )
    shown: dict[str, JSON] = {**_shown_headers(headers, found)}
    try:
        check(shown)
    except BadJSON as error:
        raise unreadable(f"A header cannot be stored: {error}") from None
    return {
        "type": "webhook",
        "key": found.live.key,
        "at": clock.now().isoformat(),
        "method": request.method or "",
        "path": request.path,
        "query": read_query(request.META.get("QUERY_STRING", "")),
        "headers": shown,
        "body": shelf.value_of(body),
        "files": shelf.files_of(body),
    }


def _depth(payload: dict[str, JSON]) -> int:
    """How many runs led to this call, if one of ours has sent it."""
    headers = payload["headers"]
    given = headers.get("x-automate-depth") if isinstance(headers, dict) else None
    return depth_of(str(given)) if given else 0


def _start(found: Hook, payload: dict[str, JSON], receipt: Receipt | None, shelf: Shelf) -> uuid.UUID | None:
    """None: left out, since a run is under way and the settings say so."""
    assert found.deployment is not None
    try:
        with transaction.atomic() if shelf.blobs else nullcontext():  # start_run is one transaction by itself
            result = start_run(
                deployment=found.deployment,
                live_trigger=found.live,
                trigger=payload,
                trigger_type=TriggerType.WEBHOOK.value,
                receipt=receipt,
                depth=_depth(payload),
            )
            if result.execution_id is not None and not result.duplicate:
                shelf.store(result.execution_id)
        if result.execution_id is not None and result.duplicate:
            note_duplicate(found.live, result.execution_id)
    except DedupConflict:
        message = "This delivery id was used before, with another body. Send a new id with a new body."
        raise Refused(409, "conflict", message) from None
    except WorkflowError as error:
        raise Refused(409, "not_started", error.message) from None
    return result.execution_id
