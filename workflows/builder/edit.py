"""Carrying out what people do to a draft: command or form → document → `documents.save`, tried again when others write too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from accounts.models import User
from integrations.models import UserIntegration
from workflows import documents
from workflows.builder.commands import Args, Change, apply
from workflows.builder.commands.base import parts_of, with_step, with_trigger, without_idle_slots
from workflows.builder.commands.parts import new_slot
from workflows.builder.room import Room, base_of
from workflows.engine.document import Document, Step, Trigger
from workflows.errors import ConnectionRefused, DraftConflict, EditRefused
from workflows.models import WorkflowTemplate

SECRETS = "http"  # the integration whose connections hold the secrets of callers
TRIES = 4  # two people rarely save within the same milliseconds more often than this


class Conflict(Exception):
    """Somebody else changed the same step or trigger since the form was shown; `theirs` is what it is now."""

    def __init__(self, theirs: Step | Trigger) -> None:
        self.theirs = theirs
        super().__init__(theirs.key)


def run_command(room: Room, command: str, args: Args) -> Change:
    """One command on the draft as it is now. Raises EditRefused. Undo and redo are commands too."""
    if command in ("undo", "redo"):
        return _travel(room, command)
    before = set(room.document.connections)
    change = _retried(room, lambda document: apply(document, command, args, room.catalogue))
    for key in set(change.document.connections) - before:
        _bind_if_only_one(room, key)
    return change


def save_part(
    room: Room, part: Step | Trigger, *, base: str, label: str, connection: str | None = None
) -> Change:
    """A step or trigger as typed in its form. Raises Conflict, EditRefused, ConnectionRefused.

    `base` is the fingerprint the form was shown with; "" saves whatever others did. `connection`: the id chosen.
    """

    def put(document: Document) -> Change:
        theirs = next(
            (other for other in parts_of(document) if other.key == part.key and type(other) is type(part)),
            None,
        )
        if theirs is None:
            raise EditRefused(
                f'"{part.name}" was deleted meanwhile. Undo brings it back; what you typed was not saved.'
            )
        if base and base != base_of(document, theirs):
            raise Conflict(theirs)
        after = _put(_with_auth_slot(document, part), part, theirs)
        return Change(without_idle_slots(document, after), label, part.key)

    if connection is None:
        return _retried(room, put)
    return _with_connection(room, part, connection, put)


def _put(document: Document, part: Step | Trigger, theirs: Step | Trigger) -> Document:
    """Lines are drawn elsewhere: those of now stay, less the ways out that the form took away."""
    if isinstance(part, Trigger):
        onward = theirs.next if isinstance(theirs, Trigger) else ()
        return with_trigger(document, replace(_proved(document, part), next=onward))
    assert isinstance(theirs, Step)
    gone = {case["key"] for case in theirs.cases} - {case["key"] for case in part.cases}
    following = {port: targets for port, targets in theirs.next.items() if port not in gone}
    return with_step(document, replace(part, next=following))


def _with_auth_slot(document: Document, part: Step | Trigger) -> Document:
    """A webhook that wants a proof needs a slot for the connection that holds the secret."""
    auth = part.config.get("auth")
    if (
        not isinstance(part, Trigger)
        or not isinstance(auth, dict)
        or auth.get("connection") in document.connections
    ):
        return document
    return new_slot(document, SECRETS)[0]


def _proved(document: Document, trigger: Trigger) -> Trigger:
    auth = trigger.config.get("auth")
    if not isinstance(auth, dict) or auth.get("connection") in document.connections:
        return trigger
    slot = [key for key, slot in document.connections.items() if slot.integration == SECRETS][-1]
    return replace(trigger, config={**trigger.config, "auth": {**auth, "connection": slot}})


def _retried(
    room: Room, put: Callable[[Document], Change], bindings: documents.Bindings | None = None
) -> Change:
    for attempt in range(TRIES):
        version = room.template.draft_version
        change = put(room.document)
        try:
            documents.save(
                room.template,
                change.document,
                by=room.user,
                expected_version=version,
                label=change.label,
                bindings=bindings,
            )
        except DraftConflict:
            if attempt + 1 == TRIES:
                raise
            reload(room)
            continue
        renew(room, change.document)
        return change
    raise AssertionError  # the loop returns or raises


def reload(room: Room) -> None:
    """Look at the draft as it is now."""
    room.template = WorkflowTemplate.objects.select_related("tenant").get(pk=room.template.pk)
    renew(room, documents.load_draft(room.template))


def renew(room: Room, document: Document) -> None:
    """Forget what was worked out from the former document."""
    for name in ("graph", "names", "bindings", "faults", "samples", "history", "unpublished"):
        room.__dict__.pop(name, None)
    room.document = document


def _travel(room: Room, command: str) -> Change:
    move = documents.undo if command == "undo" else documents.redo
    label = move(room.template, by=room.user)
    if label is None:
        raise EditRefused("There is nothing to undo." if command == "undo" else "There is nothing to redo.")
    renew(room, documents.load_draft(room.template))
    return Change(room.document, f"{'Undid' if command == 'undo' else 'Did again'}: {label}")


# --- connections ----------------------------------------------------------------------------------


def _with_connection(
    room: Room, part: Step | Trigger, connection: str, put: Callable[[Document], Change]
) -> Change:
    """Save, and let the part use this connection: its slot is filled, or it gets a slot of its own."""
    chosen = documents.usable_connections(
        room.template.tenant_id, room.user, {"": connection}, workflow=room.template
    )[""]

    def put_with_slot(document: Document) -> Change:
        change = put(document)
        document, slot = _slot_for(room, change.document, part, chosen)
        return replace(change, document=without_idle_slots(change.document, document), opens=slot)

    change = _retried(room, put_with_slot)
    if change.opens:
        documents.bind(room.template, {change.opens: chosen.pk}, by=room.user)
        renew(room, room.document)
    return replace(change, opens=part.key)


def _slot_for(
    room: Room, document: Document, part: Step | Trigger, chosen: UserIntegration
) -> tuple[Document, str]:
    integration = chosen.integration.name
    bindings = documents.bindings_of(room.template)
    for key, slot in document.connections.items():
        if slot.integration == integration and bindings.get(key) == str(chosen.pk):
            return _using(document, part, key), key
    own = part.connection
    users = [other for other in parts_of(document) if other.connection == own] if own else []
    if own in document.connections and (len(users) <= 1 or own not in bindings):
        return document, str(own)
    document, key = new_slot(document, integration)
    return _using(document, part, key), key


def _using(document: Document, part: Step | Trigger, slot: str) -> Document:
    for other in parts_of(document):
        if other.key == part.key and type(other) is type(part):
            changed = replace(other, connection=slot)
            return (
                with_step(document, changed) if isinstance(changed, Step) else with_trigger(document, changed)
            )
    return document


def _bind_if_only_one(room: Room, slot: str) -> None:
    """A new slot takes the person's only connection to that app by itself."""
    integration = room.document.connections[slot].integration
    found = usable(room.user, room.template, integration)
    if len(found) == 1 and slot not in room.bindings:
        try:
            documents.bind(room.template, {slot: found[0].pk}, by=room.user)
        except ConnectionRefused:
            return
        renew(room, room.document)


def usable(user: User, template: WorkflowTemplate, integration: str) -> list[UserIntegration]:
    """The connections to an app this person may choose in this workflow (one SQL query)."""
    rows = UserIntegration.objects.usable_by(user, template.tenant).filter(integration__name=integration)
    return [row for row in rows.select_related("integration") if row.workflow_id in (None, template.pk)]
