"""How services ask, before their first event, whether an address is ours: what they asked is given back, proven if they want."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from automate.lib.jsontypes import JSON
from integrations.actions.mapping import compiled, value_of
from integrations.manifest import Handshake
from workflows.ingress.answers import SANDBOX
from workflows.ingress.refusals import json_response

MAX_CHARS: Final = 2_000  # of what is given back


def before_proof(
    handshake: Handshake | None, request: HttpRequest, secrets: list[str]
) -> HttpResponse | None:
    """The answer to a question that no service signs: in the query, or with a token in the query that we sign."""
    if handshake is None:
        return None
    asked = request.GET.get(handshake.field, "")
    if not asked or len(asked) > MAX_CHARS:
        return None
    if handshake.kind == "echo_query":
        response = HttpResponse(asked, content_type="text/plain; charset=utf-8")
        response["Content-Security-Policy"], response["X-Content-Type-Options"] = SANDBOX, "nosniff"
        return response
    if handshake.kind == "hmac_challenge" and secrets:
        return json_response(_signed(handshake, asked, secrets[0], in_query=True))
    return None


def after_proof(handshake: Handshake | None, body: JSON, secrets: list[str]) -> HttpResponse | None:
    """The answer to a question in a body that was proven to come from the service."""
    if handshake is None:
        return None
    asked = _at(body, handshake.field)
    if not isinstance(asked, str) or not asked or len(asked) > MAX_CHARS:
        return None
    if handshake.kind == "echo_json":
        return json_response({handshake.field.rsplit(".", 1)[-1]: asked})
    if handshake.kind == "hmac_challenge" and secrets:
        return json_response(_signed(handshake, asked, secrets[0], in_query=False))
    return None


def _signed(handshake: Handshake, asked: str, secret: str, *, in_query: bool) -> JSON:
    mac = hmac.new(secret.encode(), asked.encode(), hashlib.sha256)
    names: dict[str, JSON] = {
        "challenge": asked, "hex": mac.hexdigest(), "base64": base64.b64encode(mac.digest()).decode()
    }  # fmt: skip
    if handshake.answer is not None:
        return value_of(compiled(handshake.answer), names)
    if in_query:
        return {"response_token": f"sha256={names['base64']}"}
    return {"plainToken": asked, "encryptedToken": names["hex"]}


def _at(body: Any, path: str) -> Any:
    for key in path.split("."):
        body = body.get(key) if isinstance(body, Mapping) else None
    return body
