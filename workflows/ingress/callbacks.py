"""`/callbacks/<token>`: a service ends the wait of a step. What it sends is the step's output.

In this order: the address, the method, the size, the proof of who is calling (where the step asks for one), the body.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from automate.lib.jsontypes import JSON
from workflows.ingress.bodies import read_body, read_query
from workflows.ingress.files import Shelf
from workflows.ingress.proof import prove_by
from workflows.ingress.raw import headers_of, read_raw
from workflows.ingress.refusals import Refused, away, json_response
from workflows.models import WaitToken, WorkflowExecution
from workflows.runs.answers import AlreadyAnswered, NotAnswerable, take_call
from workflows.runs.program import programs
from workflows.runs.tokens import find
from workflows.triggers.signatures import AuthRule, Call

logger = logging.getLogger(__name__)
METHODS: Final = ("POST",)


@dataclass(frozen=True)
class Rule:
    """How the step wants to be called."""

    methods: tuple[str, ...]
    auth: AuthRule | None


@csrf_exempt  # nobody is signed in here: whoever knows the address may call it
def callback(request: HttpRequest, token: str) -> HttpResponse:
    try:
        found = find(token, "CALLBACK")
        if found is None:
            raise Refused(404, "not_found", "Nothing waits for a call at this address.")
        return _receive(request, found)
    except Refused as refused:
        return refused.response()
    except (OperationalError, InterfaceError) as error:
        logger.error("a call to a waiting step could not be stored: %s", type(error).__name__)
        response = away().response()
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own line would hold the token
        return response


def _receive(request: HttpRequest, token: WaitToken) -> HttpResponse:
    rows = WorkflowExecution.objects.for_tenant(token.tenant_id).select_related("deployment")
    execution = (
        rows.only("version_id", "options", "deployment__bindings").filter(pk=token.execution_id).first()
    )
    rule = _rule(execution, token.path)
    if request.method not in rule.methods:
        raise _other_method(request, rule)
    raw = read_raw(request, settings.WEBHOOK_MAX_BYTES)
    headers = headers_of(request)
    if rule.auth is not None:
        slot = _bindings(execution).get(rule.auth.connection)
        prove_by(rule.auth, Call(headers, raw), tenant_id=token.tenant_id, connection_id=slot)
    shelf = Shelf(token.tenant_id)
    answer: dict[str, JSON] = {"body": _body(request, headers, raw, shelf), "method": request.method or ""}
    try:
        with transaction.atomic():
            take_call(token, answer)
            shelf.store(token.execution_id)
    except AlreadyAnswered as refused:
        raise Refused(409, "already_answered", refused.message) from None
    except NotAnswerable as refused:
        raise Refused(410, "gone", refused.message) from None
    return json_response({"status": "received"})


def _rule(execution: WorkflowExecution | None, path: str) -> Rule:
    program = programs.get({execution.version_id}).get(execution.version_id) if execution else None
    step = program.graph.steps.get(path.rsplit(".", 1)[-1]) if program else None
    config: Mapping[str, Any] = step.config if step else {}
    return Rule(tuple(config.get("methods") or METHODS), AuthRule.read(config.get("auth")))


def _bindings(execution: WorkflowExecution | None) -> Mapping[str, str]:
    if execution is None:
        return {}
    own: Mapping[str, str] | None = execution.options.get("bindings")
    return own or (execution.deployment.bindings if execution.deployment else {})


def _other_method(request: HttpRequest, rule: Rule) -> Refused:
    """Whoever only looks (a mail scanner, a preview of the link) ends no wait."""
    message = f"This address takes {' and '.join(rule.methods)}, not {(request.method or '')[:20]}."
    return Refused(405, "method_not_allowed", message, {"Allow": ", ".join(rule.methods)})


def _body(request: HttpRequest, headers: Mapping[str, str], raw: bytes, shelf: Shelf) -> JSON:
    """What was sent: the body, or without one the query. Files of a form stand beside its fields."""
    if not raw:
        query: JSON = read_query(request.META.get("QUERY_STRING", ""))
        return query or None
    body = read_body(
        raw, request.content_type or "", request.content_params or {}, headers.get("content-encoding", "")
    )
    value, files = shelf.value_of(body), shelf.files_of(body)
    return {**value, **files} if files and isinstance(value, dict) else value
