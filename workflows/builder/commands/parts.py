"""New steps and triggers with sensible first values; small changes of one part: its name, on or off."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final, Protocol

from workflows.builder.canvas.layout import FAR
from workflows.builder.commands.base import (
    Args,
    Change,
    Place,
    free_key,
    refuse_new_faults,
    step_of,
    trigger_of,
    with_step,
    with_trigger,
)
from workflows.builder.commands.places import NO_PLACE, with_places
from workflows.builder.commands.structure import place_step
from workflows.engine.catalogue import ActionInfo, Catalogue, IntegrationInfo, TriggerInfo
from workflows.engine.document import Document, Slot, Step, Trigger
from workflows.engine.kinds import STEP_KINDS, TRIGGER_KINDS
from workflows.errors import EditRefused

FIRST_NAMES: Final = {"loop": "For each item", "merge": "Meet", "delay": "Wait", "sub_workflow": "Run a workflow",
                      "transform": "Transform data", "respond": "Answer the caller", "note": "Note"}  # fmt: skip
FIRST_PROGRAM: Final = '# `input` holds what the fields under Input give; what you return is the output.\nreturn {"given": input}\n'
FIRST_CONFIG: Final[dict[str, dict[str, Any]]] = {
    "condition": {"cases": [{"key": "yes", "name": "Yes"}]},
    "delay": {"minutes": 5},
    "transform": {"set": {}},
    "state": {"get": ""},
    "code": {"language": "python", "source": FIRST_PROGRAM},
}
FIRST_TRIGGER_CONFIG: Final[dict[str, dict[str, Any]]] = {"schedule": {"cron": "0 9 * * 1-5"}}
MAIL: Final = ("imap", "new_mail")  # what a trigger of the type e-mail watches
MAX_NAME: Final = 200


class Names(Catalogue, Protocol):
    """The catalogue, asked for what things are called."""


def insert(document: Document, args: Args, catalogue: Names) -> Change:
    """A new step, placed; an app's action brings the connection slot it needs. Raises EditRefused.

    `loose`: nothing leads to it yet; `x`, `y`: where its card lies in free-form.
    """
    document, step = _new_step(document, args, catalogue)
    is_loose = args.get("loose") == "1" or step.type == "note"
    after = (
        replace(document, steps=(*document.steps, step))
        if is_loose
        else place_step(document, step, Place.read(args))
    )
    if args.get("x") and args.get("y"):
        after = with_places(after, {step.key: [_pixels(args["x"]), _pixels(args["y"])]})
    return Change(refuse_new_faults(document, after), f"Added {step.name}", opens=step.key)


def add_trigger(document: Document, args: Args, catalogue: Names) -> Change:
    kind = args.get("type", "")
    if kind not in TRIGGER_KINDS:
        raise EditRefused(f'There is no trigger of the type "{kind}".')
    name = TRIGGER_KINDS[kind].label
    integration, event = args.get("integration") or None, args.get("event") or None
    if kind == "email" and not event:
        integration, event = MAIL
    if integration and event:
        info = catalogue.trigger(integration, event)
        name = info.display_name if info else event
    document, slot = with_slot(document, integration, info if integration and event else None)
    config = FIRST_TRIGGER_CONFIG.get(kind, {})
    key = free_key(document, event or kind)
    trigger = Trigger(key, kind, name, integration, event, slot, config=dict(config))
    return Change(
        replace(document, triggers=(*document.triggers, trigger)), f"Added trigger {name}", opens=key
    )


def rename(document: Document, args: Args) -> Change:
    """A new name; the key, which expressions use, stays."""
    name = args.get("name", "").strip()
    if not name or len(name) > MAX_NAME:
        raise EditRefused(f"A name has 1 to {MAX_NAME} characters.")
    if args.get("what") == "workflow":
        return Change(replace(document, name=name), f"Renamed the workflow to {name}")
    if args.get("what") == "trigger":
        trigger = trigger_of(document, args.get("key", ""))
        return Change(
            with_trigger(document, replace(trigger, name=name)), f"Renamed {trigger.name} to {name}"
        )
    step = step_of(document, args.get("key", ""))
    return Change(with_step(document, replace(step, name=name)), f"Renamed {step.name} to {name}")


def toggle(document: Document, args: Args) -> Change:
    """On ↔ off. A step that is off is passed over; a trigger that is off starts nothing."""
    if args.get("what") == "trigger":
        trigger = trigger_of(document, args.get("key", ""))
        changed = replace(trigger, enabled=not trigger.enabled)
        return Change(with_trigger(document, changed), f"Switched {trigger.name} {_word(changed.enabled)}")
    step = step_of(document, args.get("key", ""))
    after = with_step(document, replace(step, enabled=not step.enabled))
    return Change(after, f"Switched {step.name} {_word(not step.enabled)}")


def with_slot(
    document: Document, integration: str | None, info: ActionInfo | TriggerInfo | None
) -> tuple[Document, str | None]:
    """The slot an action of this app uses: the first one there is, else a new one; None if it needs no connection."""
    if not integration or info is None or not info.needs_connection:
        return document, None
    for slot in document.connections.values():
        if slot.integration == integration:
            return document, slot.key
    return new_slot(document, integration)


def new_slot(document: Document, integration: str) -> tuple[Document, str]:
    key = free_key(document, integration)
    slots = {**document.connections, key: Slot(key, integration)}
    return replace(document, connections=slots), key


def _new_step(document: Document, args: Args, catalogue: Names) -> tuple[Document, Step]:
    kind = args.get("type", "")
    if kind not in STEP_KINDS:
        raise EditRefused(f'There is no step of the type "{kind}".')
    if kind != "action":
        name = FIRST_NAMES.get(kind, STEP_KINDS[kind].label)
        return document, Step(free_key(document, name), kind, name, config=dict(FIRST_CONFIG.get(kind, {})))
    integration, action = args.get("integration", ""), args.get("action", "")
    app, info = _known(catalogue, integration, action)
    document, slot = with_slot(document, integration, info)
    name = (info.display_name or info.name)[:MAX_NAME] if info else app.name
    key = free_key(document, info.name if info else integration)
    return document, Step(key, "action", name, integration, info.name if info else None, slot)


def _known(catalogue: Names, integration: str, action: str) -> tuple[IntegrationInfo, ActionInfo | None]:
    app = catalogue.integration(integration)
    if app is None:
        raise EditRefused(f'There is no app "{integration}" in this workspace.')
    info = catalogue.action(integration, action) if action else None
    if action and info is None:
        raise EditRefused(f'{app.name} has no action "{action}". Choose another one.')
    return app, info


def _pixels(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not abs(value) <= FAR:  # true of "not a number" too
        raise EditRefused(NO_PLACE)
    return value


def _word(enabled: bool) -> str:
    return "on" if enabled else "off"
