"""Events that services send: `/hooks/<token>` of one trigger, and `/hooks/apps/<integration>`, one address for all.

In this order: the address, the handshake, the size, the proof of who is calling, the body, the starts. All runs that
one call starts are committed together, before it is answered.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from automate.lib import clock
from automate.lib.expressions import ExpressionError
from automate.lib.jsontypes import JSON
from integrations.actions.mapping import Names, is_true
from integrations.actions.polling import hashed
from integrations.connections.opening import find_shipped
from integrations.errors import ActionError
from integrations.manifest import Trigger as Event
from workflows.ingress import samples
from workflows.ingress.dedup import short
from workflows.ingress.handshakes import after_proof, before_proof
from workflows.ingress.listeners import Listener, listener_by_token, listeners_of_account
from workflows.ingress.refusals import Refused, json_response, unreadable
from workflows.ingress.service_calls import Call, evaluated, prove_call, read_call
from workflows.models import LiveTrigger, RunEvent, TriggerSubscription, TriggerType
from workflows.runs.events import more_like_it, note, seldom
from workflows.runs.start import Receipt, start_run
from workflows.triggers import hook_secrets

logger = logging.getLogger(__name__)
MAX_EVENTS: Final = 1_000  # of one call
UNWANTED: Final = "An event came that is not one this trigger waits for. It started nothing."


# --- one trigger's own address --------------------------------------------------------------------


def receive(request: HttpRequest, token: str) -> HttpResponse | None:
    """An event for the trigger with this token; None when there is no such trigger. Raises Refused."""
    listener = listener_by_token(token)
    if listener is None:
        return None
    secrets = listener.secrets()
    early = before_proof(listener.event.handshake, request, secrets) or _agree_on_secret(listener, request)
    if early is not None:
        return early
    call = read_call(request)
    try:
        prove_call(listener.event, call, secrets)
        late = after_proof(listener.event.handshake, call.body, secrets)
        if late is not None:
            return late
        started = _start_all([listener], call)
    except Refused as refused:
        samples.refuse(listener.hook, refused, call.shown)
        raise
    return json_response({"executions": [str(pk) for pk in started]}, status=202)


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
    call = read_call(request)
    prove_call(event, call, secrets)
    late = after_proof(event.handshake, call.body, secrets)
    if late is not None:
        return late
    account = evaluated(event, "route", call.names)
    started = _start_wanted(listeners_of_account(integration, account), call) if account else []
    logger.info("app event", extra={"integration": integration, "runs": len(started)})
    return json_response({"ok": True})  # who else uses this app here is nobody's business


def _app_event(integration: str) -> Event | None:
    try:
        triggers = find_shipped(integration).manifest.triggers
    except ActionError:
        return None
    return next((one for one in triggers if one.type != "polling" and one.scope == "app"), None)


# --- starting -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Start:
    listener: Listener
    payload: dict[str, JSON]
    key: str


def _start_all(listeners: Sequence[Listener], call: Call) -> list[uuid.UUID]:
    """The runs that were started, or had been started by the same event before. Raises Refused."""
    starts = [start for listener in listeners for start in _starts(listener, call)]
    return _commit(starts)


def _start_wanted(listeners: Iterable[Listener], call: Call) -> list[uuid.UUID]:
    """The same for many people's triggers: one that cannot make anything of the event holds up no other."""
    starts: list[_Start] = []
    for listener in listeners:
        try:
            starts += _starts(listener, call)
        except Refused as refused:
            _note_unwanted(listener.live, f"{UNWANTED} {refused.message}")
    return _commit(starts)


def _commit(starts: Sequence[_Start]) -> list[uuid.UUID]:
    found = []
    with transaction.atomic():
        for start in starts:
            pk = _start(start)
            if pk is not None:
                found.append(pk)
    return found


def _starts(listener: Listener, call: Call) -> Iterator[_Start]:
    """What the call holds for this trigger."""
    try:
        names = {**call.names, "input": listener.input}
    except ExpressionError as error:
        raise Refused(409, "not_started", f"The trigger's settings cannot be used: {error.message}") from None
    events = evaluated(listener.event, "events", names) if listener.event.events is not None else [call.body]
    items = events if isinstance(events, list) else [events]
    if len(items) > MAX_EVENTS:
        raise unreadable(
            f"The call holds {len(items):,} events, more than the {MAX_EVENTS:,} that are taken at once."
        )
    matching = 0
    for number, item in enumerate(items):
        seen = {**names, "item": item}
        if listener.event.when is not None and not is_true(evaluated(listener.event, "when", seen)):
            continue
        matching += 1
        yield _Start(listener, _payload(listener, call, seen), _key(listener, seen, number, len(items)))
    if not matching:
        _note_unwanted(listener.live)


def _key(listener: Listener, names: Names, number: int, count: int) -> str:
    said = evaluated(listener.event, "dedup", names)
    if said is None or said == "":
        return f"event:{hashed(names['item'])}"
    text = said if isinstance(said, str) else hashed(said)
    by_item = "item" in str(listener.event.dedup)
    return short(f"event:{text}" if by_item or count == 1 else f"event:{text}:{number}")


def _payload(listener: Listener, call: Call, names: Names) -> dict[str, JSON]:
    output = (
        evaluated(listener.event, "output", names) if listener.event.output is not None else names["item"]
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


def _note_unwanted(live: LiveTrigger, message: str = UNWANTED) -> None:
    left_out = seldom(live.pk, "unwanted")
    if left_out is not None:
        note(live, RunEvent.Kind.FILTERED, message + more_like_it(left_out))
