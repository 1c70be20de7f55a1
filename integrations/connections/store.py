"""Making, changing and removing connections. Pages, API and admin all come through here."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Model

from accounts import audit
from accounts.models import Tenant, User
from accounts.permissions import has_permission
from automate.lib.http import HttpError
from automate.lib.jsontypes import JSON
from integrations import auth
from integrations.auth import oauth2
from integrations.connections import vault
from integrations.connections.clients import endpoint, oauth_client, runner
from integrations.connections.errors import CannotOpen, ConnectionRefused, NotSetUp
from integrations.connections.opening import forget
from integrations.connections.usage import Use, uses
from integrations.errors import ActionError
from integrations.manifest import Way
from integrations.models import IntegrationDefinition, UserIntegration
from integrations.sync import definition_manifest

logger = logging.getLogger(__name__)

REVOKE_TIMEOUT_S = 8.0
MAX_NAME_CHARS = 120
Sharing = UserIntegration.Sharing


@dataclass(frozen=True)
class Removal:
    """`revoked`: True when the service has taken the access back, False when it did not, None when it cannot."""

    uses: list[Use]
    revoked: bool | None


def create_connection(
    *,
    tenant: Tenant,
    user: User,
    integration: IntegrationDefinition,
    auth_type: str,
    name: str,
    credentials: Mapping[str, JSON],
    sharing: str = Sharing.PRIVATE,
    workflow: Model | None = None,
    ip: str | None = None,
) -> UserIntegration:
    """Store a connection. Raises ConnectionRefused (`field` names a credential or None), PermissionDenied.

    Nothing is tried at the service: `test_credentials` does that. OAuth connections come from `oauth.finish`.
    """
    way = way_for(integration, tenant, auth_type)
    if way.type == "oauth2":
        raise ConnectionRefused(
            f"{integration.display_name} is connected by signing in there, in the browser."
        )
    check_sharing(user, tenant, sharing)
    connection = UserIntegration(
        tenant=tenant,
        user=user,
        integration=integration,
        auth_type=auth_type,
        sharing=sharing,
        workflow_id=workflow.pk if workflow else None,
    )
    connection.name = checked_name(name, integration)
    put_values(connection, way, checked_values(way, credentials))
    with transaction.atomic():
        connection.save(force_insert=True)
        audit.record(tenant, user, "connection.created", connection, after=audit_view(connection), ip=ip)
    return connection


def update_connection(
    connection: UserIntegration,
    *,
    by: User,
    name: str | None = None,
    sharing: str | None = None,
    credentials: Mapping[str, JSON] | None = None,
    ip: str | None = None,
) -> UserIntegration:
    """Change what is given. Credentials left empty stay as they are. Raises ConnectionRefused, PermissionDenied."""
    before = audit_view(connection)
    if sharing is not None and sharing != connection.sharing:
        check_sharing(by, connection.tenant, sharing)
        connection.sharing = sharing
    if name is not None:
        connection.name = checked_name(name, connection.integration)
    if credentials is not None:
        way = way_for(connection.integration, connection.tenant, connection.auth_type)
        if way.type == "oauth2":
            raise ConnectionRefused(f"Reconnect {connection.integration} to sign in with another account.")
        put_values(connection, way, checked_values(way, with_stored(connection, credentials)))
        connection.needs_reconnect, connection.last_error, connection.token_expires_at = False, "", None
    with transaction.atomic():
        connection.save()
        after = audit_view(connection) | ({"credentials": "replaced"} if credentials is not None else {})
        audit.record(
            connection.tenant, by, "connection.changed", connection, before=before, after=after, ip=ip
        )
    forget(connection.pk)
    return connection


def delete_connection(connection: UserIntegration, *, by: User, ip: str | None = None) -> Removal:
    """Take the access back at the service where it can be, then remove the row (at most one HTTP call)."""
    found, revoked = uses(connection), revoke(connection)
    with transaction.atomic():
        audit.record(
            connection.tenant, by, "connection.deleted", connection, before=audit_view(connection), ip=ip
        )
        UserIntegration.objects.filter(pk=connection.pk).delete()
    forget(connection.pk)
    return Removal(found, revoked)


def revoke(connection: UserIntegration) -> bool | None:
    """Ask the service to forget the tokens (RFC 7009). None where there is nothing to ask; never raises."""
    way = definition_manifest(connection.integration).way(connection.auth_type)
    if way is None or not way.revoke_url:
        return None
    try:
        values = {**connection.public_values, **vault.unseal_credentials(connection)}
        token = vault.unseal_refresh_token(connection) or values.get("access_token")
        if not isinstance(token, str) or not token:
            return None
        client = oauth_client(connection.integration, values)
        url = endpoint(connection.integration, way, "revoke_url", values)
        answer = runner().send(
            oauth2.token_request(way, client, {"token": token}, url=url), timeout_s=REVOKE_TIMEOUT_S
        )
    except (HttpError, ActionError, NotSetUp) as error:
        logger.warning("revoking failed: %s", type(error).__name__, extra={"connection": str(connection.pk)})
        return False
    return answer.status < 400


def may_manage(connection: UserIntegration, user: User) -> bool:
    """Its owner; for shared ones also those who run the workspace (one SQL query for these)."""
    if connection.user_id == user.pk:
        return True
    shared = connection.sharing == Sharing.WORKSPACE
    return shared and has_permission(user, "workspace.manage", tenant=connection.tenant)


def way_for(integration: IntegrationDefinition, tenant: Tenant, auth_type: str) -> Way:
    """Raises ConnectionRefused for another workspace's integration and for a way it does not have."""
    if integration.tenant_id not in (None, tenant.pk):
        raise ConnectionRefused("There is no such integration here.", field="integration")
    way = definition_manifest(integration).way(auth_type)
    if way is None or auth_type != auth_type.upper():
        raise ConnectionRefused(
            f"{integration.display_name} cannot be connected by {auth_type}.", field="auth_type"
        )
    return way


def checked_name(name: str, integration: IntegrationDefinition) -> str:
    text = " ".join(name.split()) or integration.display_name
    if len(text) > MAX_NAME_CHARS:
        raise ConnectionRefused(f"The name may have {MAX_NAME_CHARS} characters at most.", field="name")
    return text


def checked_values(way: Way, values: Mapping[str, JSON]) -> dict[str, JSON]:
    """The way's own fields, each of its kind. Raises ConnectionRefused with the field."""
    from integrations.connections.fields import clean

    known = {entry.key: entry for entry in auth.fields(way)}
    unknown = [key for key in values if key not in known]
    if unknown:
        raise ConnectionRefused(f"“{unknown[0]}” is not a field of this connection.", field=unknown[0])
    cleaned = {key: clean(entry, values.get(key)) for key, entry in known.items()}
    return {key: value for key, value in cleaned.items() if value not in (None, "")}


def with_stored(connection: UserIntegration, values: Mapping[str, JSON]) -> dict[str, JSON]:
    """The values with those that were left empty filled in from what is stored (forms never show secrets)."""
    way = way_for(connection.integration, connection.tenant, connection.auth_type)
    secret = {entry.key for entry in auth.fields(way) if entry.type == "secret"}
    try:
        stored = {key: value for key, value in vault.unseal_credentials(connection).items() if key in secret}
    except CannotOpen:  # then everything has to be typed anew
        stored = {}
    return {**stored, **{key: value for key, value in values.items() if value not in (None, "")}}


def put_values(connection: UserIntegration, way: Way, values: Mapping[str, JSON]) -> None:
    """Secret fields are sealed; the others stay readable, to be shown and changed (the row is not saved)."""
    secret = {entry.key for entry in auth.fields(way) if entry.type == "secret"}
    connection.public_values = {key: value for key, value in values.items() if key not in secret}
    connection.credentials = vault.seal_credentials(
        connection, {key: value for key, value in values.items() if key in secret}
    )


def check_sharing(user: User, tenant: Tenant, sharing: str) -> None:
    if sharing not in Sharing.values:
        raise ConnectionRefused("Choose who may use the connection.", field="sharing")
    if sharing == Sharing.WORKSPACE and not has_permission(user, "connection.share", tenant=tenant):
        raise ConnectionRefused("Your role does not let you share connections.", field="sharing")


def audit_view(connection: UserIntegration) -> dict[str, JSON]:
    """What the audit log says of it; nothing secret."""
    return {
        "name": connection.name,
        "integration": connection.integration.name,
        "auth_type": connection.auth_type,
        "sharing": connection.sharing,
    }


def find_visible(user: User, tenant: Tenant, connection_id: uuid.UUID) -> UserIntegration | None:
    """One's own or a shared connection of the workspace (one SQL query)."""
    rows = UserIntegration.objects.usable_by(user, tenant).select_related("integration", "user", "tenant")
    return rows.filter(pk=connection_id).first()
