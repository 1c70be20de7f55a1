"""What a polling trigger asks, of whom, and as whom: from the published trigger or the draft to one call out."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from automate.lib import clock, jsontypes
from automate.lib.expressions import Scope, evaluate
from automate.lib.jsontypes import JSON
from integrations.connections import find_service, opened, runner
from integrations.connections.opening import with_renewal
from integrations.errors import ActionError
from integrations.values import Batch
from workflows.engine.document import Trigger
from workflows.models import LiveTrigger
from workflows.triggers.variables import variables_of

TIMEOUT_S: Final = 60.0  # all requests of one poll together
MAIL: Final = ("imap", "new_mail")  # what a trigger of the type e-mail asks when it names nothing else


@dataclass(frozen=True)
class Question:
    """`digest`: two polls with the same one ask for the same list, so what one remembers serves the other."""

    tenant_id: uuid.UUID
    integration: str
    event: str
    input: JSON
    connection_id: str | None
    digest: str


def question_of(live: LiveTrigger, trigger: Trigger) -> Question:
    """Of a published trigger. Raises ActionError, ExpressionError."""
    assert live.deployment is not None
    return make_question(live.tenant_id, trigger, live.deployment.bindings, variables_of(live))


def make_question(
    tenant_id: uuid.UUID,
    trigger: Trigger,
    bindings: Mapping[str, str],
    variables: Callable[[], JSON],
) -> Question:
    """Raises ActionError for a slot without a connection, ExpressionError."""
    integration, event = source_of(trigger)
    connection_id = bindings.get(trigger.connection) if trigger.connection else None
    if trigger.connection and not connection_id:
        raise ActionError(
            f"No connection is chosen for “{trigger.connection}”. Open the trigger and choose one.",
            code="not_connected",
            sent=False,
        )
    seen: dict[str, Any] = {"type": trigger.type, "key": trigger.key, "at": clock.now().isoformat()}
    given = evaluate(asked_input(trigger), Scope({"trigger": seen, "vars": variables}))
    said = jsontypes.dumps_bytes([integration, event, given, str(connection_id or "")], sort_keys=True)
    digest = hashlib.sha256(said).hexdigest()[:32]
    return Question(tenant_id, integration, event, given, connection_id and str(connection_id), digest)


def source_of(trigger: Trigger) -> tuple[str, str]:
    """Integration and event."""
    if trigger.type == "email":
        return trigger.integration or MAIL[0], trigger.event or MAIL[1]
    return trigger.integration or "", trigger.event or ""


def asked_input(trigger: Trigger) -> dict[str, Any]:
    if trigger.type == "email":
        return {name: trigger.config[name] for name in ("folder", "query") if trigger.config.get(name)}
    given = trigger.config.get("input")
    return given if isinstance(given, dict) else {}


def ask(question: Question, state: Mapping[str, Any], *, now: datetime, first: str | None = None) -> Batch:
    """The new items (one or more calls out; hold no transaction). Raises ActionError, ConnectionUnavailable …"""
    service = find_service(question.integration, question.tenant_id)
    trigger = service.manifest.trigger(question.event)
    if trigger is None or trigger.type != "polling":
        raise ActionError(
            f"{service.manifest.name} has no event “{question.event}” that can be asked for. Choose another one.",
            code="unknown_event",
            sent=False,
        )
    chosen = question.connection_id
    access = opened(chosen, question.tenant_id, service) if chosen else None
    return with_renewal(
        service,
        access,
        lambda connection: runner().look(
            service.manifest, trigger, input=question.input, connection=connection, state=state, now=now,
            first=first, timeout_s=TIMEOUT_S,
        ),
        may_repeat=True,
    )  # fmt: skip
