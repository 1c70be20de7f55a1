"""The workspace's variables as a trigger's expressions see them: all but the secrets."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.db.models import Q

from automate.lib.jsontypes import JSON
from workflows.models import LiveTrigger, WorkflowVariable
from workflows.runs.secret_values import reveal


def variables_of(live: LiveTrigger) -> Callable[[], JSON]:
    """To be called only if an expression names `vars` (one SQL query, two when the row was not fully loaded)."""
    return lambda: _read(live.tenant_id, live.environment_id)


def _read(tenant_id: uuid.UUID, environment_id: uuid.UUID) -> JSON:
    rows = WorkflowVariable.objects.for_tenant(tenant_id).exclude(type=WorkflowVariable.Type.SECRET)
    ours = rows.filter(Q(environment=None) | Q(environment_id=environment_id))
    # rows of the environment come last and win over those for all
    return {row.key: reveal(row) for row in sorted(ours, key=lambda row: row.environment_id is not None)}
