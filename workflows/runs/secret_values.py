"""Values of variables as runs use them; the one place that decrypts a SECRET."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from automate.lib import jsontypes
from automate.lib.jsontypes import JSON
from integrations.connections.vault import keyring

if TYPE_CHECKING:
    from workflows.models import WorkflowVariable

SEALED = "$sealed"


def reveal(variable: WorkflowVariable) -> JSON:
    """The value, typed; a SECRET is decrypted."""
    if variable.is_encrypted:
        return keyring().decrypt(variable.value, aad=variable.aad()).decode()
    if variable.type == variable.Type.STRING:
        return variable.value
    return jsontypes.loads(variable.value) if variable.value else None


def conceal(variable: WorkflowVariable, text: str) -> None:
    """Put a secret text into the row, encrypted and bound to it."""
    variable.value = keyring().encrypt(text.encode(), aad=variable.aad())
    variable.is_encrypted = True


def seal(value: JSON, tenant_id: uuid.UUID, pk: uuid.UUID, field: str) -> JSON:
    """A value that quotes a secret, as it is stored: `{"$sealed": token}`, bound to its row and field."""
    plain = jsontypes.dumps_bytes(value)
    return {SEALED: keyring().encrypt(plain, aad=f"{tenant_id}|workflows.StepExecution|{pk}|{field}")}


def unseal(value: JSON, tenant_id: uuid.UUID, pk: uuid.UUID, field: str) -> JSON:
    """What was sealed; any other value as it is."""
    if not isinstance(value, dict) or SEALED not in value:
        return value
    aad = f"{tenant_id}|workflows.StepExecution|{pk}|{field}"
    return jsontypes.loads(keyring().decrypt(str(value[SEALED]), aad=aad), max_depth=256)
