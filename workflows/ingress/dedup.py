"""Two deliveries of the same call start one run: what makes calls the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from automate.lib.expressions import ExpressionError, Scope, evaluate
from automate.lib.jsontypes import JSON, dumps
from workflows.ingress.refusals import unreadable
from workflows.models import LiveTrigger
from workflows.runs.start import Receipt
from workflows.triggers.variables import variables_of

# Names under which senders repeat the id of a delivery, the most deliberate first.
DEDUP_HEADERS: Final = (
    "idempotency-key",
    "webhook-id",
    "svix-id",
    "x-github-delivery",
    "x-gitea-delivery",
    "x-gitlab-event-uuid",
    "x-shopify-event-id",
    "x-shopify-webhook-id",
    "i-twilio-idempotency-token",
    "x-atlassian-webhook-identifier",
    "x-webhook-id",
    "ce-id",
)
MAX_KEY_CHARS: Final = 200  # of TriggerReceipt.dedup_key; longer keys are kept as their hash


def receipt_of(
    live: LiveTrigger, expression: str | None, payload: Mapping[str, JSON], raw: bytes, query: str
) -> Receipt | None:
    """What tells a repeated call: by the trigger's expression, else by the first header of the list. None: nothing does.

    Raises Refused (400) when the expression cannot be evaluated over this call.
    """
    key = _by_header(payload) if expression is None else _by_expression(live, expression, payload)
    if not key:
        return None
    return Receipt(dedup_key=short(key), body_hash=hashlib.sha256(raw or query.encode()).hexdigest())


def short(key: str) -> str:
    """A key that fits its column: itself, or its hash."""
    return key if len(key) <= MAX_KEY_CHARS else f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _by_header(payload: Mapping[str, JSON]) -> str:
    headers = payload["headers"]
    assert isinstance(headers, dict)
    for name in DEDUP_HEADERS:
        if headers.get(name):
            return f"{name}:{headers[name]}"
    return ""


def _by_expression(live: LiveTrigger, expression: str, payload: Mapping[str, JSON]) -> str:
    try:
        value = evaluate(expression, Scope({"trigger": dict(payload), "vars": variables_of(live)}))
    except ExpressionError as error:
        raise unreadable(
            f"What makes this call unique (the webhook's `dedup`) cannot be found in it: {error.message}"
        ) from None
    return value if isinstance(value, str) else "" if value is None else dumps(value, sort_keys=True)
