"""A call of a service: its bytes first, what they say only after the proof."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest

from automate.lib import clock
from automate.lib.expressions import ExpressionError
from automate.lib.jsontypes import JSON
from integrations.actions.mapping import Names, compiled, value_of
from integrations.errors import ActionError
from integrations.manifest import Trigger as Event
from workflows.ingress import samples
from workflows.ingress.bodies import read_body, read_query
from workflows.ingress.files import Shelf
from workflows.ingress.raw import headers_of, read_raw
from workflows.ingress.refusals import Refused, unreadable
from workflows.triggers.provider_signatures import Delivery, verify_delivery
from workflows.triggers.signatures import Unproven

HIDDEN_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass
class Call:
    """What came. `body` is read at first use: after the proof."""

    request: HttpRequest
    raw: bytes
    headers: dict[str, str]

    @property
    def url(self) -> str:
        return f"{settings.AUTOMATE_BASE_URL}{self.request.get_full_path()}"

    @cached_property
    def body(self) -> JSON:
        """Raises Refused (400)."""
        request = self.request
        found = read_body(
            self.raw,
            request.content_type or "",
            request.content_params or {},
            self.headers.get("content-encoding", ""),
        )
        return Shelf(uuid.UUID(int=0)).value_of(found)

    @cached_property
    def names(self) -> Names:
        return {"body": self.body, "headers": {**self.shown_headers}, "query": self.query}

    @property
    def query(self) -> JSON:
        return read_query(self.request.META.get("QUERY_STRING", ""))

    @property
    def shown_headers(self) -> dict[str, JSON]:
        return {
            name: value
            for name, value in self.headers.items()
            if name not in HIDDEN_HEADERS and "signature" not in name
        }

    @property
    def shown(self) -> dict[str, Any]:
        """As people look at a call that was refused."""
        return {
            "method": (self.request.method or "")[:20],
            "path": "",
            "headers": self.shown_headers,
            "body": self.raw[: samples.MAX_REFUSED_CHARS + 1].decode("utf-8", "replace"),
        }


def read_call(request: HttpRequest) -> Call:
    if request.method != "POST":
        message = f"This address takes POST, not {(request.method or '')[:20]}."
        raise Refused(405, "method_not_allowed", message, {"Allow": "POST"})
    return Call(request, read_raw(request, settings.WEBHOOK_MAX_BYTES), headers_of(request))


def prove_call(event: Event, call: Call, secrets: Sequence[str]) -> None:
    if event.verify is None:
        raise Refused(401, "unauthorized", "Calls to this address cannot be checked, so none is taken.")
    try:
        verify_delivery(event.verify, Delivery(call.headers, call.raw, call.url), secrets, clock.now())
    except Unproven as error:
        raise Refused(401, "unauthorized", error.message, {"WWW-Authenticate": "Webhook"}) from None


def evaluated(event: Event, name: str, names: Names) -> JSON:
    """A template of the event over the call. Raises Refused (400) where the call lacks what it needs."""
    template = getattr(event, name)
    if template is None:
        return None
    try:
        return value_of(compiled(template), names)
    except (ActionError, ExpressionError) as error:
        raise unreadable(f"The {name} of this event cannot be found in the call: {error.message}") from None
