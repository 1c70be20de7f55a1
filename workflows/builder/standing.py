"""How a trigger that reaches out stands: when it looks next, whether the service calls us, what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from integrations.models import AuthType
from workflows.builder.connection_field import ConnectionChoice
from workflows.builder.forms.schedule import every_words
from workflows.builder.room import Room
from workflows.engine.document import Trigger
from workflows.models import LiveTrigger, TriggerSubscription
from workflows.triggers.polling import interval_s
from workflows.triggers.subscriptions import event_of

State = TriggerSubscription.State


@dataclass(frozen=True)
class Standing:
    """`words`: a sentence; `found_at`: when it last found something; `error`: why it fails; `address`: for the service."""

    words: str = ""
    found_at: datetime | None = None
    error: str = ""
    address: str = ""


def standing(
    room: Room, trigger: Trigger, live: LiveTrigger | None, connection: ConnectionChoice | None
) -> Standing | None:
    """None for triggers that do not reach out."""
    if trigger.type in ("polling", "email"):
        return _of_poll(trigger, live)
    if trigger.type != "event":
        return None
    event = event_of(room.template.tenant_id, trigger)
    own_app = bool(
        event and event.subscribe is None and connection and connection.chosen
        and connection.chosen.auth_type != AuthType.OAUTH2
    )  # fmt: skip
    if own_app and live is not None:
        return Standing(
            "Enter this address in the settings of your app there.", address=live.webhook_url or ""
        )
    return _of_subscription(live) if event is not None and event.subscribe is not None else Standing()


def _of_poll(trigger: Trigger, live: LiveTrigger | None) -> Standing:
    every = interval_words(trigger)
    if live is None or live.deployment_id is None:
        return Standing(f"Looks {every} once it is published.")
    return Standing(f"Looks {every}.", live.last_fired_at, live.last_error)


def interval_words(trigger: Trigger) -> str:
    """How often a trigger looks: "every 5 minutes"."""
    return f"every {every_words(round(interval_s(trigger)))}"


def _of_subscription(live: LiveTrigger | None) -> Standing:
    row = live.subscriptions.exclude(state=State.ENDING).first() if live is not None else None
    if row is None:
        return Standing("The service is told to call us when it is published.")
    if row.state == State.ACTIVE:
        return Standing("The service calls us when something happens.", error=row.last_error)
    return Standing("The service is being told to call us.", error=row.last_error)
