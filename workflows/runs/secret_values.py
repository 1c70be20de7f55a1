"""Values of variables as runs use them; the one place that decrypts a SECRET."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automate.lib import jsontypes
from automate.lib.jsontypes import JSON
from integrations.connections.vault import keyring

if TYPE_CHECKING:
    from workflows.models import WorkflowVariable


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
