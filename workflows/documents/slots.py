"""Which connection sits in a draft's slot, and who may put one there."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from accounts.models import Tenant, User
from integrations.models import UserIntegration
from workflows.errors import ConnectionRefused
from workflows.models import ConnectionSlot, WorkflowTemplate

Bindings = Mapping[str, uuid.UUID | str | None]  # slot key → id of a connection; None empties the slot


def bindings_of(template: WorkflowTemplate) -> dict[str, str]:
    """The draft's filled slots: key → id of the connection (one SQL query)."""
    rows = template.slots.exclude(user_integration=None).values_list("key", "user_integration_id")
    return {key: str(pk) for key, pk in rows}


def usable_connections(
    tenant: Tenant | uuid.UUID, user: User, bindings: Bindings, *, workflow: WorkflowTemplate | None = None
) -> dict[str, UserIntegration]:
    """Slot key → connection. Raises ConnectionRefused for one that this person may not use here (one SQL query)."""
    wanted = {key: _uuid(pk) for key, pk in bindings.items() if pk}
    rows = (
        UserIntegration.objects.for_tenant(tenant)
        .select_related("integration")
        .in_bulk(list(wanted.values()))
    )
    found = {}
    for key, pk in wanted.items():
        connection = rows.get(pk)
        if connection is None:
            raise ConnectionRefused(
                f'The connection chosen for "{key}" does not exist any more. Choose another one.'
            )
        refuse_unusable(connection, user, workflow=workflow)
        found[key] = connection
    return found


def refuse_unusable(
    connection: UserIntegration, user: User, *, workflow: WorkflowTemplate | None = None
) -> None:
    """Raises ConnectionRefused with the reason, if this person may not use the connection in this workflow."""
    name = f'The connection "{connection.name}"'
    if not connection.may_be_used_by(user):
        raise ConnectionRefused(
            f"{name} is private to another person. Choose one of your own, or ask them to share it with the workspace."
        )
    if connection.workflow_id and (workflow is None or connection.workflow_id != workflow.pk):
        raise ConnectionRefused(f"{name} belongs to another workflow. Choose another connection.")


def refuse_other_integration(connection: UserIntegration, slot: str, integration: str) -> None:
    """Raises ConnectionRefused if a connection to one app is put in the slot of another."""
    if connection.integration.name != integration:
        raise ConnectionRefused(
            f'"{slot}" needs a connection to {integration}, but "{connection.name}" is one to '
            f"{connection.integration.display_name}. Choose another connection."
        )


def fill(template: WorkflowTemplate, slots: list[ConnectionSlot], bindings: Bindings, *, by: User) -> None:
    """Put connections into slots that exist as rows; all checked before one is written."""
    by_key = {slot.key: slot for slot in slots}
    unknown = sorted(set(bindings) - set(by_key))
    if unknown:
        raise ConnectionRefused(
            f'This workflow has no connection slot "{unknown[0]}". It has: {_known(by_key)}.'
        )
    connections = usable_connections(template.tenant_id, by, bindings, workflow=template)
    changed = []
    for key in bindings:
        connection = connections.get(key)
        if connection is not None:
            refuse_other_integration(connection, key, by_key[key].integration)
        if by_key[key].user_integration_id != (connection and connection.pk):
            by_key[key].user_integration = connection
            changed.append(by_key[key])
    if changed:
        ConnectionSlot.objects.for_tenant(template.tenant_id).bulk_update(changed, ["user_integration"])


def remember(template: WorkflowTemplate, leaving: Iterable[ConnectionSlot]) -> None:
    """Note which connections sat in slots that leave the draft; the caller stores `template.metadata`."""
    for slot in leaving:
        if slot.user_integration_id:
            memory = template.metadata.setdefault("slots", {})
            memory[slot.key] = {"integration": slot.integration, "connection": str(slot.user_integration_id)}


def recall(template: WorkflowTemplate, entering: Mapping[str, Any], *, by: User | None) -> None:
    """A slot that comes back (undo, or the same app again) finds its connection in it, if this person may use it."""
    memory = template.metadata.get("slots", {})
    keys = [key for key in entering if memory.get(key, {}).get("integration") == entering[key]["integration"]]
    if not keys or by is None:
        return
    rows = {slot.key: slot for slot in template.slots.filter(key__in=keys)}
    for key in keys:
        with suppress(ConnectionRefused):
            fill(template, list(rows.values()), {key: memory[key]["connection"]}, by=by)


def _known(slots: Mapping[str, ConnectionSlot]) -> str:
    return ", ".join(sorted(slots)) or "none"


def _uuid(value: uuid.UUID | str) -> uuid.UUID | None:
    if isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(value)
    except ValueError:
        return None
