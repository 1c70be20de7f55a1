"""The integrations a workspace may use, in the shape the document checker asks for.

Rows are read once per process and kept by the definition's digest; which definitions are offered, and whether one of
them changed, is asked in one query each time a catalogue is opened.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from accounts.models import Tenant
from integrations.models import (
    AuthType,
    IntegrationAction,
    IntegrationDefinition,
    IntegrationTrigger,
)
from workflows.documents.drafts import load_draft
from workflows.engine.catalogue import ActionInfo, IntegrationInfo, TriggerInfo
from workflows.engine.checks import check
from workflows.engine.document import Document
from workflows.engine.errors import Fault
from workflows.models import WorkflowTemplate, WorkflowVariable

MAX_KEPT: Final = 500  # definitions held per process; more are read again when needed


@dataclass(frozen=True, slots=True)
class ActionEntry(ActionInfo):
    integration: str = ""
    description: str = ""
    sample: Any = None
    is_deprecated: bool = False


@dataclass(frozen=True, slots=True)
class EventEntry(TriggerInfo):
    integration: str = ""
    description: str = ""
    sample: Any = None
    is_deprecated: bool = False


@dataclass(frozen=True, slots=True)
class IntegrationEntry(IntegrationInfo):
    """One integration with everything it can do. `needs_connection`: nothing works without signing in; `can_connect`: one may."""

    id: uuid.UUID | None = None
    category: str = ""
    logo: str = ""
    needs_connection: bool = True
    can_connect: bool = True
    action_entries: dict[str, ActionEntry] = field(default_factory=dict)
    event_entries: dict[str, EventEntry] = field(default_factory=dict)


@dataclass(frozen=True)
class _Offer:
    id: uuid.UUID
    digest: str
    version: int
    is_own: bool


_kept: dict[tuple[uuid.UUID, str, int], IntegrationEntry] = {}


class TenantCatalogue:
    """What one workspace is offered. Short-lived: made for one request or one check."""

    def __init__(self, tenant: Tenant) -> None:
        rows = IntegrationDefinition.objects.offered_to(tenant).values_list(
            "name", "pk", "digest", "version", "tenant_id"
        )
        self._offers: dict[str, _Offer] = {}
        self._loaded: dict[str, IntegrationEntry] = {}
        for name, pk, digest, version, owner in rows:
            offer = _Offer(pk, digest, version, owner is not None)
            if name not in self._offers or offer.is_own:
                self._offers[name] = offer

    def integration(self, slug: str) -> IntegrationEntry | None:
        if slug not in self._loaded:
            offer = self._offers.get(slug)
            if offer is None:
                return None
            self._loaded[slug] = _entry(offer)
        return self._loaded[slug]

    def action(self, integration: str, action: str) -> ActionEntry | None:
        entry = self.integration(integration)
        return entry.action_entries.get(action) if entry else None

    def trigger(self, integration: str, event: str) -> EventEntry | None:
        entry = self.integration(integration)
        return entry.event_entries.get(event) if entry else None

    def slugs(self) -> list[str]:
        return list(self._offers)


def catalogue_for(tenant: Tenant) -> TenantCatalogue:
    """What this workspace may use (one SQL query, and three more for each integration met for the first time)."""
    return TenantCatalogue(tenant)


def check_document(
    tenant: Tenant, document: Document, *, catalogue: TenantCatalogue | None = None
) -> list[Fault]:
    """Everything wrong with a document in this workspace, connections aside (two more SQL queries)."""
    variables = WorkflowVariable.objects.for_tenant(tenant).values_list("key", "type")
    kinds = dict(variables)
    workflows = (
        WorkflowTemplate.objects.for_tenant(tenant).not_archived().values_list("template_id", flat=True)
    )
    return check(
        document,
        catalogue or catalogue_for(tenant),
        variables=list(kinds),
        secrets=[key for key, kind in kinds.items() if kind == WorkflowVariable.Type.SECRET],
        workflows=list(workflows),
    )


def check_draft(template: WorkflowTemplate) -> list[Fault]:
    """Everything wrong with the draft, connections aside (those are judged per person, in publishing)."""
    return check_document(template.tenant, load_draft(template))


def _entry(offer: _Offer) -> IntegrationEntry:
    """Kept by digest; a definition without one (made by hand) is read anew each time."""
    key = (offer.id, offer.digest, offer.version)
    if key in _kept:
        return _kept[key]
    entry = _read(offer.id)
    if offer.digest:
        while len(_kept) >= MAX_KEPT:
            _kept.pop(next(iter(_kept)), None)
        _kept[key] = entry
    return entry


def _read(pk: uuid.UUID) -> IntegrationEntry:
    row = IntegrationDefinition.objects.get(pk=pk)
    actions = [_action(row, action) for action in IntegrationAction.objects.filter(integration_id=pk)]
    events = [_event(row, event) for event in IntegrationTrigger.objects.filter(integration_id=pk)]
    return IntegrationEntry(
        slug=row.name,
        name=row.display_name,
        actions=tuple(action.name for action in actions),
        triggers=tuple(event.name for event in events),
        id=row.pk,
        category=row.category,
        logo=row.logo,
        needs_connection=row.auth_type != AuthType.NONE,
        can_connect=any(way.get("type") != "none" for way in row.auth_config)
        or row.auth_type != AuthType.NONE,
        action_entries={action.name: action for action in actions},
        event_entries={event.name: event for event in events},
    )


def _action(integration: IntegrationDefinition, row: IntegrationAction) -> ActionEntry:
    return ActionEntry(
        name=row.name,
        input_schema=row.input_schema,
        output_schema=row.output_schema or None,
        needs_connection=integration.auth_type != AuthType.NONE,
        effect="safe" if row.effect == IntegrationAction.Effect.SAFE else "unsafe",
        display_name=row.display_name,
        integration=integration.name,
        description=row.description,
        sample=row.sample,
        is_deprecated=row.is_deprecated,
    )


def _event(integration: IntegrationDefinition, row: IntegrationTrigger) -> EventEntry:
    return EventEntry(
        name=row.name,
        type=row.type,
        input_schema=row.input_schema,
        output_schema=row.output_schema or None,
        needs_connection=integration.auth_type != AuthType.NONE,
        display_name=row.display_name,
        integration=integration.name,
        description=row.description,
        sample=row.sample,
        is_deprecated=row.is_deprecated,
    )
