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
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from automate.lib import clock
from automate.lib.crypto import CannotDecrypt
from automate.lib.jsontypes import JSON, BadJSON, check
from integrations.connections import open_credentials
from integrations.errors import ActionError
from integrations.models import UserIntegration
from workflows.errors import WorkflowError
from workflows.ingress import samples
from workflows.ingress.answers import answer
from workflows.ingress.bodies import read_body, read_query
from workflows.ingress.dedup import receipt_of
from workflows.ingress.files import Shelf
from workflows.ingress.lookup import Hook, find_hook
from workflows.ingress.refusals import Refused, away, json_response, too_large, unreadable
from workflows.models import TriggerType
from workflows.runs.start import DedupConflict, Receipt, start_run
from workflows.triggers.signatures import Call, Unproven, verify

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


def _away(error: Exception) -> HttpResponse:
    """503. Logged here, because Django's own line would hold the token."""
    logger.error("a call to a webhook could not be stored: %s", type(error).__name__)
    response = away().response()
    response._has_been_logged = True  # type: ignore[attr-defined]  # how Django marks it
    return response


def _receive(request: HttpRequest, token: str) -> HttpResponse:
    found = find_hook(token)
    if found is None:
        raise Refused(404, "not_found", "There is no webhook at this address.")
    if request.method not in found.rule.methods:
        return _other_method(request, found)
    raw = _read(request, found.rule.max_bytes)
    headers = _headers(request)
    if found.rule.auth is not None:
        _prove(found, Call(headers, raw))
    shelf = Shelf(found.live.tenant_id)
    payload = _payload(request, found, headers, raw, shelf)
    if found.asleep or found.deployment is None:
        with transaction.atomic():
            shelf.store(None)
            samples.record(found, payload)
        return json_response({"status": "recorded"}, status=202)
    receipt = receipt_of(found.live, found.rule.dedup, payload, raw, request.META.get("QUERY_STRING", ""))
    execution_id = _start(found, payload, receipt, shelf)
    if found.rule.keep_samples:
        samples.keep_now_and_then(found.live, payload)
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


def _read(request: HttpRequest, limit: int) -> bytes:
    """The raw body. A size that is announced is refused before a byte is read."""
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


def _headers(request: HttpRequest) -> dict[str, str]:
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


def _prove(found: Hook, call: Call) -> None:
    """Raises Refused (401) unless the call proves where it comes from. Two SQL queries."""
    rule = found.rule.auth
    assert rule is not None
    try:
        verify(rule, call, _credentials(found), clock.now())
    except Unproven as error:
        raise Refused(
            401, "unauthorized", error.message, {"WWW-Authenticate": _challenge(rule.type)}
        ) from None


def _credentials(found: Hook) -> Mapping[str, JSON]:
    """What the rule's connection holds. Raises Unproven: without a secret of ours nobody can prove anything."""
    connection_id = found.connection_id()
    rows = UserIntegration.objects.for_tenant(found.live.tenant_id).select_related("integration")
    connection = rows.filter(pk=connection_id, is_active=True).first() if connection_id else None
    if connection is None:
        raise Unproven("This webhook has no secret to check calls against yet. Connect one in its settings.")
    try:
        return open_credentials(connection).values
    except (ActionError, CannotDecrypt):
        raise Unproven("The secret of this webhook cannot be opened. Reconnect its connection.") from None


def _challenge(kind: str) -> str:
    return 'Basic realm="webhook"' if kind == "basic" else "Webhook"


def _payload(
    request: HttpRequest, found: Hook, headers: dict[str, str], raw: bytes, shelf: Shelf
) -> dict[str, JSON]:
    """What the run sees as `trigger`. Raises Refused (400, 413)."""
    body = read_body(
        raw, request.content_type or "", request.content_params or {}, headers.get("content-encoding", "")
    )
    private = PRIVATE_HEADERS | ({found.rule.auth.header} if found.rule.auth else set())
    shown: dict[str, JSON] = {name: value for name, value in headers.items() if name not in private}
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


def _start(found: Hook, payload: dict[str, JSON], receipt: Receipt | None, shelf: Shelf) -> uuid.UUID:
    assert found.deployment is not None
    try:
        with transaction.atomic() if shelf.blobs else nullcontext():  # start_run is one transaction by itself
            result = start_run(
                deployment=found.deployment,
                live_trigger=found.live,
                trigger=payload,
                trigger_type=TriggerType.WEBHOOK.value,
                receipt=receipt,
            )
            if not result.duplicate:
                shelf.store(result.execution_id)
    except DedupConflict:
        message = "This delivery id was used before, with another body. Send a new id with a new body."
        raise Refused(409, "conflict", message) from None
    except WorkflowError as error:
        raise Refused(409, "not_started", error.message) from None
    return result.execution_id
