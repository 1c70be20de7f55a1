"""Setting a template up: one question for each app it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from django.urls import reverse
from django.utils.http import urlencode

from accounts.request import AppRequest
from integrations.models import IntegrationDefinition, UserIntegration
from workflows.documents import Bindings
from workflows.engine.document import Document, Step, Trigger

LATER: Final = "later"


@dataclass(frozen=True)
class SlotChoice:
    """One slot: the connections that fit it, which is chosen (an id, or "later"), and where a new one is made."""

    key: str
    app: str
    slug: str
    connect_url: str
    chosen: str = LATER
    purpose: str = ""  # what uses it, where the template has several slots of one app
    connections: list[UserIntegration] = field(default_factory=list)

    @property
    def field_name(self) -> str:
        return f"slot-{self.key}"


def slot_choices(request: AppRequest, document: Document) -> list[SlotChoice]:
    """The questions of a template, with the newest fitting connection chosen (two SQL queries).

    `?connection=<id>&slot=<key>` says what was connected just now.
    """
    slugs = {slot.integration for slot in document.connections.values()}
    fitting: dict[str, list[UserIntegration]] = {slug: [] for slug in slugs}
    mine = UserIntegration.objects.usable_by(request.user, request.workspace).filter(
        workflow=None, integration__name__in=slugs
    )
    for connection in mine.select_related("integration", "user").order_by("-pk"):
        fitting[connection.integration.name].append(connection)
    names = dict(
        IntegrationDefinition.objects.offered_to(request.workspace)
        .filter(name__in=slugs)
        .values_list("name", "display_name")
    )
    return [
        SlotChoice(
            key=slot.key,
            slug=slot.integration,
            app=names.get(slot.integration, slot.integration),
            connect_url=_connect_url(request, slot.integration, slot.key),
            purpose=_purpose(document, slot.key),
            connections=fitting[slot.integration],
            chosen=_chosen(request, slot.key, fitting[slot.integration]),
        )
        for slot in document.connections.values()
    ]


def chosen_bindings(request: AppRequest, slots: list[SlotChoice]) -> Bindings:
    """Slot → id, as the form says. What is left for later, or no longer fits, stays empty."""
    found = {}
    for slot in slots:
        chosen = request.POST.get(slot.field_name, LATER)
        if chosen in {str(connection.pk) for connection in slot.connections}:
            found[slot.key] = chosen
    return found


def _purpose(document: Document, key: str) -> str:
    """The first step or trigger that uses the slot, where another slot is of the same app."""
    app = document.connections[key].integration
    if sum(slot.integration == app for slot in document.connections.values()) < 2:
        return ""
    parts: list[Step | Trigger] = [*document.triggers, *document.steps]
    return next((part.name for part in parts if part.connection == key), key)


def _chosen(request: AppRequest, key: str, fitting: list[UserIntegration]) -> str:
    ids = [str(connection.pk) for connection in fitting if not connection.needs_reconnect]
    asked = [request.POST.get(f"slot-{key}", "")]
    if request.GET.get("slot") == key:
        asked.append(request.GET.get("connection", ""))
    asked.append(request.GET.get(f"slot-{key}", ""))
    known = [choice for choice in asked if choice in ids or choice == LATER]
    return next(iter([*known, *ids]), LATER)


def _connect_url(request: AppRequest, slug: str, key: str) -> str:
    base = reverse("integrations:connection-new", args=[request.workspace.slug, slug])
    return f"{base}?{urlencode({'next': request.path, 'slot': key})}"
