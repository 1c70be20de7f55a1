"""A document from outside on its way into a workspace: read, checked, its slots bound."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from accounts.models import Tenant
from integrations.models import UserIntegration
from workflows.documents.catalogue import catalogue_for
from workflows.documents.slots import Bindings
from workflows.engine import legacy
from workflows.engine.checks import check
from workflows.engine.document import Document, DocumentError, Fault, load, parse

_OF_APPS: Final = ("integration", "action", "connection")


@dataclass(frozen=True)
class Intake:
    """`notes`: what had to be guessed of an older form; `warnings`: what does not stand in the way."""

    document: Document
    notes: list[str] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)


def take_in(
    tenant: Tenant,
    source: str | bytes | Mapping[str, Any],
    bindings: Bindings | None = None,
    *,
    unfinished: bool = False,
) -> Intake:
    """Read a document of either form and check it against the workspace's integrations.

    What may still be missing when a draft is saved (connections, variables, other workflows) is left to publishing.
    `unfinished`: so is the app of steps of the older form that nobody could guess; people choose it in the builder.
    Raises DocumentError with all faults that are errors.
    """
    data, notes = _of_today(tenant, parse(source), bindings or {})
    appless = _without_app(data) if unfinished and notes else set()
    document = load(data, complete=False)
    faults = [
        replace(fault, severity="warning") if fault.step in appless and fault.field in _OF_APPS else fault
        for fault in check(document, catalogue_for(tenant))
    ]
    wrong = [fault for fault in faults if fault.severity == "error"]
    if wrong:
        raise DocumentError(wrong)
    return Intake(document, notes, [fault for fault in faults if fault.severity == "warning"])


def _without_app(data: dict[str, Any]) -> set[str]:
    """The keys of action steps that lack their app or what it does; a connection to no app is taken off them."""
    found = set()
    for step in data["steps"]:
        if step.get("type") == "action" and not (step.get("integration") and step.get("action")):
            found.add(step["key"])
            if not step.get("integration"):
                step.pop("connection", None)
    return found


def open_slots(tenant: Tenant, source: str | bytes | Mapping[str, Any]) -> list[str]:
    """The connection slots of an older form whose app nobody can guess. Raises DocumentError for what cannot be read."""
    data = parse(source)
    if not legacy.is_legacy(data):
        return []
    return [slot for slot, app in legacy.slots_of(data, _known_actions(tenant)).items() if app is None]


def _of_today(tenant: Tenant, data: dict[str, Any], bindings: Bindings) -> tuple[dict[str, Any], list[str]]:
    if not legacy.is_legacy(data):
        return data, []
    return legacy.convert(data, _known_actions(tenant), slots=_integrations_of(tenant, bindings))


def _known_actions(tenant: Tenant) -> dict[str, frozenset[str]]:
    catalogue = catalogue_for(tenant)
    entries = [entry for slug in catalogue.slugs() if (entry := catalogue.integration(slug))]
    return {entry.slug: frozenset(entry.actions) for entry in entries}


def _integrations_of(tenant: Tenant, bindings: Bindings) -> dict[str, str]:
    """Slot → slug of the integration whose connection was chosen for it."""
    ids = {slot: _uuid(value) for slot, value in bindings.items() if value}
    rows = UserIntegration.objects.for_tenant(tenant).filter(pk__in=[pk for pk in ids.values() if pk])
    slugs = dict(rows.values_list("pk", "integration__name"))
    return {slot: slugs[pk] for slot, pk in ids.items() if pk in slugs}


def _uuid(value: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(value))
    except ValueError:
        return None
