"""Who is calling: a call held against what the trigger's `auth` asks for."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from automate.lib import clock
from automate.lib.crypto import CannotDecrypt
from automate.lib.jsontypes import JSON
from integrations.connections import open_credentials
from integrations.errors import ActionError
from integrations.models import UserIntegration
from workflows.ingress.lookup import Hook
from workflows.ingress.refusals import Refused
from workflows.triggers.signatures import AuthRule, Call, Unproven, verify


def prove(found: Hook, call: Call) -> None:
    """Raises Refused (401) unless the call proves where it comes from. Two SQL queries."""
    rule = found.rule.auth
    assert rule is not None
    prove_by(rule, call, tenant_id=found.live.tenant_id, connection_id=found.connection_id())


def prove_by(rule: AuthRule, call: Call, *, tenant_id: uuid.UUID, connection_id: str | None) -> None:
    """The same by a rule and the connection that holds its secret. One SQL query."""
    try:
        verify(rule, call, _credentials(tenant_id, connection_id), clock.now())
    except Unproven as error:
        raise Refused(
            401, "unauthorized", error.message, {"WWW-Authenticate": _challenge(rule.type)}
        ) from None


def _credentials(tenant_id: uuid.UUID, connection_id: str | None) -> Mapping[str, JSON]:
    """What the rule's connection holds. Raises Unproven: without a secret of ours nobody can prove anything."""
    rows = UserIntegration.objects.for_tenant(tenant_id).select_related("integration")
    connection = rows.filter(pk=connection_id, is_active=True).first() if connection_id else None
    if connection is None:
        raise Unproven("This webhook has no secret to check calls against yet. Connect one in its settings.")
    try:
        return open_credentials(connection).values
    except (ActionError, CannotDecrypt):
        raise Unproven("The secret of this webhook cannot be opened. Reconnect its connection.") from None


def _challenge(kind: str) -> str:
    return 'Basic realm="webhook"' if kind == "basic" else "Webhook"
