"""What an event's signature is checked against, and what of a subscription is kept sealed."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from automate.lib import jsontypes
from automate.lib.crypto import CannotDecrypt
from automate.lib.jsontypes import JSON
from integrations.connections import open_credentials
from integrations.connections.vault import keyring
from integrations.errors import ActionError
from integrations.manifest import Manifest, Trigger
from integrations.models import UserIntegration
from workflows.models import TriggerSubscription


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def seal(row: TriggerSubscription, field: str, value: JSON) -> str:
    """Readable in this row and field alone."""
    return keyring().encrypt(jsontypes.dumps_bytes(value), aad=row.aad(field))


def unseal(row: TriggerSubscription, field: str) -> JSON:
    """None when nothing was stored, or when its key is gone."""
    sealed = getattr(row, field)
    try:
        return jsontypes.loads(keyring().decrypt(sealed, aad=row.aad(field))) if sealed else None
    except CannotDecrypt:
        return None


def stored_of(row: TriggerSubscription) -> dict[str, JSON]:
    """What the service's answer told when it was subscribed."""
    found = unseal(row, "stored")
    return found if isinstance(found, dict) else {}


def of_subscription(row: TriggerSubscription, trigger: Trigger) -> list[str]:
    """The service's own secret where its answer brought one, else the one we gave it."""
    name = trigger.verify.secret if trigger.verify else ""
    told, ours = stored_of(row).get(name), unseal(row, "secret")
    return [value for value in (told, ours) if isinstance(value, str) and value][:1]


def of_app(manifest: Manifest, trigger: Trigger, *, is_shipped: bool) -> list[str]:
    """The installation's secret for events of all its users; none for integrations a workspace made itself."""
    client = settings.AUTOMATE_OAUTH_CLIENTS.get(manifest.slug) if is_shipped else None
    name = trigger.verify.secret if trigger.verify else ""
    value = client.get(name) if isinstance(client, Mapping) else None
    return [value] if isinstance(value, str) and value else []


def of_connection(tenant_id: uuid.UUID, connection_id: Any, trigger: Trigger) -> list[str]:
    """The secret of an app that people registered themselves, kept in their connection (one or two SQL queries)."""
    name = trigger.verify.secret if trigger.verify else ""
    rows = UserIntegration.objects.for_tenant(tenant_id).select_related("integration")
    row = rows.filter(pk=connection_id, is_active=True).first() if connection_id else None
    if row is None:
        return []
    try:
        value = open_credentials(row).values.get(name)
    except (ActionError, CannotDecrypt):
        return []
    return [value] if isinstance(value, str) and value else []
