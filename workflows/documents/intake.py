"""A document from outside on its way into a workspace: read, checked, its slots bound."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.models import Tenant
from integrations.models import UserIntegration
from workflows.documents.catalogue import catalogue_for
from workflows.documents.slots import Bindings
from workflows.engine import legacy
from workflows.engine.checks import check
from workflows.engine.document import Document, DocumentError, Fault, load, parse


@dataclass(frozen=True)
class Intake:
    """`notes`: what had to be guessed of an older form; `warnings`: what does not stand in the way."""

    document: Document
    notes: list[str] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)


def take_in(
    tenant: Tenant, source: str | bytes | Mapping[str, Any], bindings: Bindings | None = None
) -> Intake:
    """Read a document of either form and check it against the workspace's integrations.

    What may still be missing when a draft is saved (connections, variables, other workflows) is left to publishing.
    Raises DocumentError with all faults that are errors.
    """
    data, notes = _of_today(tenant, parse(source), bindings or {})
    document = load(data, complete=False)
    faults = check(document, catalogue_for(tenant))
    wrong = [fault for fault in faults if fault.severity == "error"]
    if wrong:
        raise DocumentError(wrong)
    return Intake(document, notes, [fault for fault in faults if fault.severity == "warning"])


def _of_today(tenant: Tenant, data: dict[str, Any], bindings: Bindings) -> tuple[dict[str, Any], list[str]]:
    if not legacy.is_legacy(data):
        return data, []
    catalogue = catalogue_for(tenant)
    entries = [entry for slug in catalogue.slugs() if (entry := catalogue.integration(slug))]
    known = {entry.slug: frozenset(entry.actions) for entry in entries}
    return legacy.convert(data, known, slots=_integrations_of(tenant, bindings))


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
