"""The Connection field of a step or trigger: what may be chosen, and what is wrong with the choice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from integrations.models import UserIntegration
from workflows.builder import edit
from workflows.builder.room import Room
from workflows.documents.catalogue import ActionEntry, EventEntry
from workflows.engine.document import Step, Trigger


@dataclass(frozen=True)
class ConnectionChoice:
    """The Connection field: what may be chosen, and what is wrong with the choice."""

    integration: str
    title: str
    chosen: UserIntegration | None
    others: tuple[UserIntegration, ...]
    slot: str
    error: str = ""
    name: str = "_connection"
    optional: bool = False
    just_made: str = ""  # the id of a connection somebody comes back with; chosen, but not saved yet

    @property
    def options(self) -> list[tuple[str, str, bool]]:
        """(id, words, chosen) for the drop-down."""
        selected = self.just_made or (str(self.chosen.pk) if self.chosen else "")
        return [(str(one.pk), _connection_words(one), str(one.pk) == selected) for one in self.others]


def connection_choice(
    room: Room, part: Step | Trigger, info: ActionEntry | EventEntry | None
) -> ConnectionChoice | None:
    """The Connection field; None where the app needs no signing in and none was chosen."""
    app = room.catalogue.integration(part.integration) if part.integration else None
    if app is None or (info and not info.needs_connection and not part.connection and not app.can_connect):
        return None
    choice = _choice(room, app.slug, app.name, part.connection or "", "_connection")
    return replace(choice, optional=info is not None and not info.needs_connection)


def _choice(room: Room, integration: str, title: str, slot: str, name: str) -> ConnectionChoice:
    others = edit.usable(room.user, room.template, integration)
    bound = room.bindings.get(slot)
    chosen = next((one for one in others if str(one.pk) == bound), None)
    error = ""
    if bound and chosen is None:
        error = "Somebody else's private connection, or one that was switched off, is chosen here. Choose another one."
    elif chosen and chosen.needs_reconnect:
        error = f"{title} refuses this connection now. Reconnect it, or choose another one."
    return ConnectionChoice(integration, title, chosen, tuple(others), slot, error, name)


def proof_choice(room: Room, trigger: Trigger) -> ConnectionChoice | None:
    """The connection that holds the secret callers must know; None where they need none."""
    auth = trigger.config.get("auth")
    if trigger.type not in ("webhook", "form") or not isinstance(auth, dict):
        return None
    return _choice(room, edit.SECRETS, "HTTP", str(auth.get("connection") or ""), "_auth_connection")


def _connection_words(connection: UserIntegration) -> str:
    words = " · ".join(part for part in (connection.name, connection.account_label) if part)
    return f"{words} (reconnect)" if connection.needs_reconnect else words


def came_back_with(panel: dict[str, Any], slot: str, connection: str) -> None:
    """Choose the connection that was just made at a service or on a page of its own, if it may be used here."""
    for name in ("connection", "auth_connection"):
        choice = panel.get(name)
        if choice and choice.name == slot and connection in {str(one.pk) for one in choice.others}:
            panel[name] = replace(choice, just_made=connection)
