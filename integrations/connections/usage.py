"""Where a connection is used: the question before it is removed."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.apps import apps
from django.db.models import Max

from integrations.models import UserIntegration


@dataclass(frozen=True)
class Use:
    """One workflow that names the connection in its draft, in what is published, or both."""

    workflow_id: uuid.UUID
    name: str
    in_draft: bool
    is_live: bool


def uses(connection: UserIntegration) -> list[Use]:
    """The workflows that use it, by name (two SQL queries)."""
    return uses_of([connection]).get(connection.pk, [])


def uses_of(connections: Iterable[UserIntegration]) -> dict[uuid.UUID, list[Use]]:
    """For many connections of one workspace at the price of one (two SQL queries)."""
    ours = {connection.pk: connection for connection in connections}
    if not ours:
        return {}
    drafts, live = _in_drafts(ours), _live(ours)
    names = {**live, **drafts}
    found: dict[uuid.UUID, list[Use]] = defaultdict(list)
    for (connection_id, workflow_id), name in sorted(names.items(), key=lambda entry: entry[1].lower()):
        key = (connection_id, workflow_id)
        found[connection_id].append(Use(workflow_id, name, in_draft=key in drafts, is_live=key in live))
    return found


def last_used(used: Mapping[uuid.UUID, Iterable[Use]]) -> dict[uuid.UUID, datetime]:
    """When a workflow that uses the connection ran last, to the hour (one SQL query)."""
    workflows = {use.workflow_id for uses in used.values() for use in uses if use.is_live}
    if not workflows:
        return {}
    hours = apps.get_model("workflows", "RunHour")._default_manager
    rows = hours.filter(template__in=workflows).order_by().values_list("template_id").annotate(Max("hour"))
    newest = {workflow: datetime.fromtimestamp(hour * 3600, UTC) for workflow, hour in rows}
    found = {
        connection: [newest[use.workflow_id] for use in uses if use.workflow_id in newest]
        for connection, uses in used.items()
    }
    return {connection: max(moments) for connection, moments in found.items() if moments}


def _in_drafts(ours: dict[uuid.UUID, UserIntegration]) -> dict[tuple[uuid.UUID, uuid.UUID], str]:
    slots = apps.get_model("workflows", "ConnectionSlot")._default_manager
    rows = slots.filter(user_integration__in=list(ours)).values_list(
        "user_integration_id", "template_id", "template__name"
    )
    return {(connection_id, workflow_id): name for connection_id, workflow_id, name in rows}


def _live(ours: dict[uuid.UUID, UserIntegration]) -> dict[tuple[uuid.UUID, uuid.UUID], str]:
    """Bindings are frozen in deployments as {slot: id}."""
    deployments = apps.get_model("workflows", "Deployment")._default_manager
    tenants = {connection.tenant_id for connection in ours.values()}
    rows = deployments.filter(tenant__in=tenants, is_active=True).exclude(bindings={})
    found = {}
    for bindings, workflow_id, name in rows.values_list("bindings", "template_id", "template__name"):
        for text in bindings.values():
            connection_id = _as_uuid(text)
            if connection_id in ours:
                found[connection_id, workflow_id] = name
    return found


def _as_uuid(text: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None
