"""Events that services send: `/hooks/<token>` of one trigger, and `/hooks/apps/<integration>`, one address for all.

In this order: the address, the handshake, the size, the proof of who is calling, the body, the starts. All runs that
one call starts are committed together, before it is answered.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from automate.lib import clock
from automate.lib.expressions import ExpressionError, Scope, evaluate
from automate.lib.jsontypes import JSON
from integrations.actions.mapping import Names, compiled, is_true, value_of
from integrations.actions.polling import hashed
from integrations.connections import find_service
from integrations.connections.opening import find_shipped
from integrations.errors import ActionError
from integrations.manifest import Trigger as Event
from workflows import documents
from workflows.engine.document import Trigger
from workflows.ingress import samples
from workflows.ingress.bodies import read_body, read_query
from workflows.ingress.dedup import short
from workflows.ingress.files import Shelf
from workflows.ingress.handshakes import after_proof, before_proof
from workflows.ingress.lookup import Hook, HookRule
from workflows.ingress.raw import headers_of, read_raw
from workflows.ingress.refusals import Refused, json_response, unreadable
from workflows.models import (
    Deployment,
    LiveTrigger,
    RunEvent,
    TriggerSubscription,
    TriggerType,
    WorkflowTrigger,
)
from workflows.runs.events import more_like_it, note, seldom
from workflows.runs.start import Receipt, start_run
from workflows.triggers import hook_secrets
from workflows.triggers.provider_signatures import Delivery, verify_delivery
from workflows.triggers.published import published_trigger
from workflows.triggers.questions import asked_input, source_of
from workflows.triggers.signatures import Unproven
from workflows.triggers.subscriptions import route_of
from workflows.triggers.variables import variables_of

logger = logging.getLogger(__name__)
MAX_EVENTS: Final = 1_000  # of one call
HIDDEN_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass
class Listener:
    """A live trigger that may want an event, with what its integration says about it."""

    live: LiveTrigger
    trigger: Trigger
    event: Event
    keep_samples: bool = True

    @property
    def hook(self) -> Hook:
        rule = HookRule(("POST",), "immediately", None, None, 0, keep_samples=self.keep_samples)
        return Hook(self.live, rule, self.deployment, self.asleep)

    @property
    def deployment(self) -> Deployment | None:
        return self.live.deployment

    @property
    def asleep(self) -> str | None:
        if self.deployment is None:
            return "the workflow is a draft. Publish it, and the next call starts a run"
        return (
            None
            if self.deployment.is_active
            else "the workflow is paused. Resume it, and the next call starts a run"
        )

    @cached_property
    def subscriptions(self) -> list[TriggerSubscription]:
        """The newest first; calls may still come by one that is being ended."""
        return list(self.live.subscriptions.order_by("-created_at"))

    @property
    def subscription(self) -> TriggerSubscription | None:
        current = (row for row in self.subscriptions if row.state != TriggerSubscription.State.ENDING)
        return next(current, None)

    @cached_property
    def input(self) -> JSON:
        """What the person filled in. Raises ExpressionError."""
        if self.subscription is not None and self.subscription.state == TriggerSubscription.State.ACTIVE:
            return self.subscription.input
        return evaluate(asked_input(self.trigger), Scope({"vars": variables_of(self.live)}))

    def secrets(self) -> list[str]:
        if self.event.subscribe is not None:
            return [one for row in self.subscriptions for one in hook_secrets.of_subscription(row, self.event)]
        slot = self.trigger.connection or ""
        bindings = self.deployment.bindings if self.deployment else documents.bindings_of(self.live.template)
        return hook_secrets.of_connection(self.live.tenant_id, bindings.get(slot), self.event)


# --- one trigger's own address --------------------------------------------------------------------


def receive(request: HttpRequest, token: str) -> HttpResponse | None:
    """An event for the trigger with this token; None when there is no such trigger. Raises Refused."""
    listener = _by_token(token)
    if listener is None:
        return None
    secrets = listener.secrets()
    early = before_proof(listener.event.handshake, request, secrets) or _agree_on_secret(listener, request)
    if early is not None:
        return early
    call = _read(request)
    try:
        _prove(listener.event, call, secrets)
        late = after_proof(listener.event.handshake, call.body, secrets)
        if late is not None:
            return late
        started = _start_all([listener], call)
    except Refused as refused:
        samples.refuse(listener.hook, refused, call.shown)
        raise
    return json_response({"executions": [str(pk) for pk in started]}, status=202)


def _by_token(token: str) -> Listener | None:
    rows = LiveTrigger.objects.filter(token=token, type=TriggerType.EVENT, is_off=False)
    live = rows.select_related("deployment").first()
    return _listener(live) if live is not None else None


def _listener(live: LiveTrigger) -> Listener | None:
    found = _trigger_of(live)
    if found is None:
        return None
    trigger, keep_samples = found
    integration, name = source_of(trigger)
    try:
        event = find_service(integration, live.tenant_id).manifest.trigger(name)
    except ActionError:
        return None
    if event is None or event.type == "polling":
        return None
    return Listener(live, trigger, event, keep_samples)


def _trigger_of(live: LiveTrigger) -> tuple[Trigger, bool] | None:
    """The trigger as it is live, and whether what comes in may be kept as samples."""
    if live.deployment is not None:
        published = published_trigger(live.deployment.version_id, live.key)
        return (published.trigger, published.settings.keep_data != "nothing") if published else None
    rows = WorkflowTrigger.objects.for_tenant(live.tenant_id).filter(
        template_id=live.template_id, key=live.key
    )
    row = rows.first()
    if row is None:
        return None
    trigger = Trigger(
        row.key, "event", row.name, row.integration or None, row.integration_event or None,
        row.connection or None, config=row.config,
    )  # fmt: skip
    return trigger, True


def _agree_on_secret(listener: Listener, request: HttpRequest) -> HttpResponse | None:
    """A service that brings the secret itself, in the first call while we are asking it to subscribe us."""
    handshake, row = listener.event.handshake, listener.subscription
    if handshake is None or handshake.kind != "echo_header" or row is None:
        return None
    brought = request.headers.get(handshake.field, "")
    if not brought or len(brought) > 500 or row.state != TriggerSubscription.State.WANTED:
        return None
    row.secret = hook_secrets.seal(row, "secret", brought)
    row.save(update_fields=["secret"])
    return HttpResponse(status=200, headers={handshake.field: brought})


# --- one address for all users of an app ----------------------------------------------------------


def receive_for_app(request: HttpRequest, integration: str) -> HttpResponse:
    """An event of an app this installation is registered with. Raises Refused."""
    event = _app_event(integration)
    service = find_shipped(integration) if event is not None else None
    if event is None or service is None:
        raise Refused(404, "not_found", "There is no app at this address.")
    secrets = hook_secrets.of_app(service.manifest, event, is_shipped=True)
    early = before_proof(event.handshake, request, secrets)
    if early is not None:
        return early
    call = _read(request)
    _prove(event, call, secrets)
    late = after_proof(event.handshake, call.body, secrets)
    if late is not None:
        return late
    account = _evaluated(event, "route", call.names)
    started = _start_all(list(_routed(integration, account)), call) if account else []
    logger.info("app event", extra={"integration": integration, "runs": len(started)})
    return json_response({"ok": True})  # who else uses this app here is nobody's business


def _app_event(integration: str) -> Event | None:
    try:
        triggers = find_shipped(integration).manifest.triggers
    except ActionError:
        return None
    return next((one for one in triggers if one.type != "polling" and one.scope == "app"), None)


def _routed(integration: str, account: JSON) -> Iterator[Listener]:
    rows = LiveTrigger.objects.filter(
        route=route_of(integration, account), type=TriggerType.EVENT, is_off=False
    )
    for live in rows.filter(deployment__is_active=True).select_related("deployment"):
        listener = _listener(live)
        if listener is not None and listener.event.scope == "app":
            yield listener


# --- the call -------------------------------------------------------------------------------------


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


def _read(request: HttpRequest) -> Call:
    if request.method != "POST":
        message = f"This address takes POST, not {(request.method or '')[:20]}."
        raise Refused(405, "method_not_allowed", message, {"Allow": "POST"})
    return Call(request, read_raw(request, settings.WEBHOOK_MAX_BYTES), headers_of(request))


def _prove(event: Event, call: Call, secrets: Sequence[str]) -> None:
    if event.verify is None:
        raise Refused(401, "unauthorized", "Calls to this address cannot be checked, so none is taken.")
    try:
        verify_delivery(event.verify, Delivery(call.headers, call.raw, call.url), secrets, clock.now())
    except Unproven as error:
        raise Refused(401, "unauthorized", error.message, {"WWW-Authenticate": "Webhook"}) from None


def _evaluated(event: Event, name: str, names: Names) -> JSON:
    """A template of the event over the call. Raises Refused (400) where the call lacks what it needs."""
    template = getattr(event, name)
    if template is None:
        return None
    try:
        return value_of(compiled(template), names)
    except (ActionError, ExpressionError) as error:
        raise unreadable(f"The {name} of this event cannot be found in the call: {error.message}") from None


# --- starting -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Start:
    listener: Listener
    payload: dict[str, JSON]
    key: str


def _start_all(listeners: Sequence[Listener], call: Call) -> list[uuid.UUID]:
    """The runs that were started, or had been started by the same event before."""
    starts = [start for listener in listeners for start in _starts(listener, call)]
    found = []
    with transaction.atomic():
        for start in starts:
            pk = _start(start)
            if pk is not None:
                found.append(pk)
    return found


def _starts(listener: Listener, call: Call) -> Iterator[_Start]:
    """What the call holds for this trigger."""
    names = {**call.names, "input": listener.input}
    events = _evaluated(listener.event, "events", names) if listener.event.events is not None else [call.body]
    items = events if isinstance(events, list) else [events]
    if len(items) > MAX_EVENTS:
        raise unreadable(
            f"The call holds {len(items):,} events, more than the {MAX_EVENTS:,} that are taken at once."
        )
    matching = 0
    for number, item in enumerate(items):
        seen = {**names, "item": item}
        if listener.event.when is not None and not is_true(_evaluated(listener.event, "when", seen)):
            continue
        matching += 1
        yield _Start(listener, _payload(listener, call, seen), _key(listener, seen, number, len(items)))
    if not matching:
        _note_unwanted(listener.live)


def _key(listener: Listener, names: Names, number: int, count: int) -> str:
    said = _evaluated(listener.event, "dedup", names)
    if said is None or said == "":
        return f"event:{hashed(names['item'])}"
    text = said if isinstance(said, str) else hashed(said)
    by_item = "item" in str(listener.event.dedup)
    return short(f"event:{text}" if by_item or count == 1 else f"event:{text}:{number}")


def _payload(listener: Listener, call: Call, names: Names) -> dict[str, JSON]:
    output = (
        _evaluated(listener.event, "output", names) if listener.event.output is not None else names["item"]
    )
    return {
        "type": "event",
        "key": listener.live.key,
        "at": clock.now().isoformat(),
        "body": output,
        "headers": {**call.shown_headers},
    }


def _start(start: _Start) -> uuid.UUID | None:
    listener = start.listener
    if listener.asleep is not None or listener.deployment is None:
        samples.record(listener.hook, start.payload)
        return None
    result = start_run(
        deployment=listener.deployment,
        live_trigger=listener.live,
        trigger=start.payload,
        trigger_type=TriggerType.EVENT.value,
        receipt=Receipt(dedup_key=start.key, body_hash=""),
    )
    if result.execution_id is not None and not result.duplicate and listener.keep_samples:
        samples.keep_now_and_then(listener.live, start.payload, result.execution_id)
    return result.execution_id


def _note_unwanted(live: LiveTrigger) -> None:
    left_out = seldom(live.pk, "unwanted")
    if left_out is not None:
        message = "An event came that is not one this trigger waits for. It started nothing."
        note(live, RunEvent.Kind.FILTERED, message + more_like_it(left_out))
