"""What happens from now on, once a version is live: a sentence per trigger, and what to try."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from automate.lib import clock, jsontypes
from automate.lib.jsontypes import JSON
from workflows import documents
from workflows.builder.forms import schedule
from workflows.builder.room import Room
from workflows.builder.standing import interval_words
from workflows.engine.document import Trigger
from workflows.engine.kinds import TRIGGER_KINDS
from workflows.triggers import schedules
from workflows.triggers.questions import source_of

SENTENCES: Final = {
    "manual": "It starts when somebody presses Run now on its Runs page, or calls it through the API.",
    "workflow": "It starts when a step of another workflow runs it.",
    "failure": "It starts when a run of another workflow fails.",
}
NEXT_FIRES: Final = 3
MAX_EXAMPLE = 600  # characters of a sample that are worth showing in a command


@dataclass(frozen=True)
class Start:
    """How a live workflow starts: `sentence`; for webhooks and forms the `address`, for webhooks a `command` to try; for schedules `fires`, to be shown in `zone`."""

    trigger: Trigger
    sentence: str
    address: str = ""
    command: str = ""
    fires: tuple[datetime, ...] = ()
    zone: str = ""


def starts(room: Room) -> list[Start]:
    """One per trigger that is switched on (two SQL queries)."""
    return list(_starts(room))


def _starts(room: Room) -> Iterator[Start]:
    live = documents.addresses(room.template)
    for trigger in room.document.triggers:
        if trigger.enabled:
            row = live.get(trigger.key)
            yield _start(room, trigger, (row.webhook_url if row is not None else "") or "")


def _start(room: Room, trigger: Trigger, address: str) -> Start:
    if trigger.type == "webhook" and address:
        return _webhook(room, trigger, address)
    if trigger.type == "form" and address:
        return Start(trigger, "It starts each time somebody fills in the form at this address:", address)
    if trigger.type == "schedule":
        return _schedule(room, trigger)
    if trigger.type in ("polling", "email"):
        return Start(trigger, _looking(room, trigger))
    if trigger.type == "event":
        return Start(
            trigger, f"It starts each time this happens in {_app(room, trigger)}: {_event(room, trigger)}."
        )
    label = TRIGGER_KINDS[trigger.type].label.lower()
    return Start(
        trigger, SENTENCES.get(trigger.type, f"It starts by its trigger “{trigger.name}” ({label}).")
    )


def _looking(room: Room, trigger: Trigger) -> str:
    what = "mail that arrives" if trigger.type == "email" else "new item"
    first = {
        "all": "what is there now starts it at once",
        "last": "the newest that is there now starts it at once",
    }
    begins = first.get(str(trigger.config.get("first_poll")), "what is there already starts nothing")
    return f"It looks {interval_words(trigger)} and starts for each {what} ({_app(room, trigger)}); {begins}."


def _app(room: Room, trigger: Trigger) -> str:
    app = room.catalogue.integration(source_of(trigger)[0])
    return app.name if app else source_of(trigger)[0]


def _event(room: Room, trigger: Trigger) -> str:
    event = room.catalogue.trigger(*source_of(trigger))
    return (event.display_name if event else "") or source_of(trigger)[1]


def _webhook(room: Room, trigger: Trigger, address: str) -> Start:
    methods = trigger.setting("methods") or ["POST"]
    sample = room.samples.triggers.get(trigger.key)
    body = sample.data.get("body") if sample is not None and isinstance(sample.data, dict) else None
    return Start(
        trigger,
        "It starts each time somebody calls this address:",
        address,
        _curl(str(methods[0]), address, body),
    )


def _curl(method: str, address: str, body: JSON) -> str:
    """A command that calls the webhook with the sample, for a shell."""
    if method == "GET":
        return f"curl {shlex.quote(address)}"
    text = jsontypes.dumps(body if body is not None else {"hello": "world"})
    if len(text) > MAX_EXAMPLE:
        text = jsontypes.dumps({"hello": "world"})
    return (
        f"curl -X {method} {shlex.quote(address)} \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(text)}"
    )


def _schedule(room: Room, trigger: Trigger) -> Start:
    zone = (
        trigger.config.get("time_zone") or room.document.settings.time_zone or room.template.tenant.time_zone
    )
    try:
        fires = schedules.next_fires(trigger.config, zone, clock.now(), NEXT_FIRES)
        words = schedule.sentence(trigger.config)
    except ValueError:
        return Start(trigger, "It starts by itself, but nobody has said when.", zone=zone)
    return Start(
        trigger, f"It starts {words[:1].lower()}{words[1:]}, {zone} time.", fires=tuple(fires), zone=zone
    )
