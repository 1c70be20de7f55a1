"""Connecting by signing in at the service: authorization code with PKCE, bound to one browser, person and purpose.

`start` remembers what was asked for and gives the service's address; `finish` takes the answer, once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction

from accounts import audit
from accounts.models import Tenant, User
from accounts.permissions import has_permission
from automate.lib import clock
from automate.lib.jsontypes import JSON
from integrations.auth import oauth2
from integrations.auth.oauth2 import OAuthError, Tokens
from integrations.connections import store, vault
from integrations.connections.account import Account, get_account
from integrations.connections.clients import endpoint, oauth_client, origin, redirect_uri
from integrations.connections.errors import ConnectionRefused, RefreshFailed, SignInFailed
from integrations.connections.opening import forget
from integrations.connections.refresh import ask_for_tokens
from integrations.errors import ActionError
from integrations.manifest import Way
from integrations.models import AuthType, IntegrationDefinition, OAuthState, UserIntegration

STATE_LIFETIME = timedelta(minutes=10)
MAX_CODE_CHARS = 4096
Sharing = UserIntegration.Sharing


@dataclass(frozen=True)
class Purpose:
    """What the sign-in is for. `next`: where to go back to, a path of ours; `slot` goes back with it."""

    name: str = ""
    sharing: str = Sharing.PRIVATE
    next: str = ""
    slot: str = ""
    workflow_id: str | None = None
    values: Mapping[str, JSON] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Connected:
    """`warning`: a sentence when the sign-in worked but the first try of the connection did not."""

    connection: UserIntegration
    purpose: Purpose
    is_new: bool
    warning: str


def start(
    *,
    tenant: Tenant,
    user: User,
    session_key: str,
    integration: IntegrationDefinition,
    purpose: Purpose,
    connection: UserIntegration | None = None,
) -> str:
    """The service's address to send the person to. `connection`: the one to reconnect, which keeps its id.

    Raises NotSetUp, ConnectionRefused, ActionError (an address the manifest does not allow).
    """
    way = store.way_for(integration, tenant, AuthType.OAUTH2)
    store.check_sharing(user, tenant, purpose.sharing)
    values = store.checked_values(way, purpose.values)
    client = oauth_client(integration, values)
    token, verifier = oauth2.new_state(), oauth2.new_verifier()
    state = OAuthState(
        tenant=tenant, user=user, integration=integration, connection=connection,
        state_hash=_hash(token), session_hash=_hash(session_key), expires_at=clock.now() + STATE_LIFETIME,
        data=_stored(purpose, integration),
    )  # fmt: skip
    state.verifier = vault.seal_sign_in(state, {"verifier": verifier, "values": values})
    url = oauth2.authorize_url(
        way,
        client_id=client.client_id,
        redirect_uri=redirect_uri(),
        state=token,
        verifier=verifier,
        url=endpoint(integration, way, "authorize_url", values),
    )
    forget_old_states()
    state.save(force_insert=True)
    return url


def finish(
    *, user: User, session_key: str, parameters: Mapping[str, str], ip: str | None = None
) -> Connected:
    """Change the answer at the callback for a connection (two to four HTTP calls, no transaction across them).

    Raises SignInFailed with a sentence for the person; whatever came, its state cannot be used again.
    """
    state = _take_state(user, session_key, parameters.get("state", ""))
    purpose, verifier = _read(state)
    try:
        way = store.way_for(state.integration, state.tenant, AuthType.OAUTH2)
        check_issuer(parameters, endpoint(state.integration, way, "authorize_url", dict(purpose.values)))
        code = oauth2.check_callback(way, {key: text[:MAX_CODE_CHARS] for key, text in parameters.items()})
        row = _row(state, purpose)
        grant = oauth2.code_grant(way, code=code, redirect_uri=redirect_uri(), verifier=verifier)
        tokens = ask_for_tokens(row, way, grant, dict(purpose.values))
        account = get_account(
            row.integration, way, {**purpose.values, "access_token": tokens.access_token}, tokens.saved
        )
        return _store(state, row, way, purpose, tokens, account, ip)
    except (OAuthError, RefreshFailed, ConnectionRefused, ActionError) as error:
        raise SignInFailed(error.message, back=purpose.next, title=_title(state, error)) from None


def check_issuer(parameters: Mapping[str, str], authorize_url: str) -> None:
    """RFC 9207: who answers must be whom we asked. Manifests name no issuer, so its origin is compared.

    Raises OAuthError.
    """
    issuer = parameters.get("iss")
    if issuer is not None and origin(issuer) != origin(authorize_url):
        raise OAuthError(
            "The answer came from another service than the one that was asked. Start again.", code="iss"
        )


def forget_old_states() -> int:
    """Remove sign-ins that nobody finished in time (one SQL statement)."""
    return OAuthState.objects.filter(expires_at__lt=clock.now()).delete()[0]


def _stored(purpose: Purpose, integration: IntegrationDefinition) -> dict[str, str | None]:
    """The purpose without what was typed, which is sealed."""
    return {
        "name": store.checked_name(purpose.name, integration),
        "sharing": purpose.sharing,
        "next": purpose.next,
        "slot": purpose.slot,
        "workflow_id": purpose.workflow_id,
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _take_state(user: User, session_key: str, token: str) -> OAuthState:
    """The state of this answer, removed: whoever deletes the row has it. Raises SignInFailed."""
    rows = OAuthState.objects.filter(state_hash=_hash(token)).select_related(
        "integration", "tenant", "connection"
    )
    state = rows.first() if token else None
    if state is None or not OAuthState.objects.filter(pk=state.pk).delete()[0]:
        raise SignInFailed(
            "This sign-in was already used, or it was started too long ago. Start it again from your connections."
        )
    back = str(state.data.get("next", "")) if state.user_id == user.pk else ""
    if state.user_id != user.pk or not oauth2.same(state.session_hash, _hash(session_key)):
        raise SignInFailed(
            "This sign-in was started in another browser or by somebody else. Start it again here.", back=back
        )
    if state.expires_at <= clock.now():
        raise SignInFailed("This sign-in took longer than ten minutes. Start it again.", back=back)
    if not has_permission(user, "connection.edit", tenant=state.tenant):
        raise SignInFailed(f"You may not connect apps in {state.tenant.name} any more.")
    return state


def _read(state: OAuthState) -> tuple[Purpose, str]:
    sealed = vault.unseal_sign_in(state)
    values = sealed.get("values")
    purpose = Purpose(**state.data, values=values if isinstance(values, dict) else {})
    return purpose, str(sealed.get("verifier", ""))


def _title(state: OAuthState, error: Exception) -> str:
    name = state.integration.display_name
    declined = isinstance(error, OAuthError) and error.code == "access_denied"
    return f"{name} was not connected" if declined else f"Connecting {name} did not work"


def _row(state: OAuthState, purpose: Purpose) -> UserIntegration:
    """The connection to reconnect, as it is now, or a new one (not saved)."""
    if state.connection is not None:
        row = state.connection
        row.integration = state.integration
        return row
    return UserIntegration(
        tenant=state.tenant,
        user=state.user,
        integration=state.integration,
        auth_type=AuthType.OAUTH2,
        name=purpose.name,
        sharing=purpose.sharing,
        workflow_id=purpose.workflow_id,
    )


def _store(
    state: OAuthState,
    row: UserIntegration,
    way: Way,
    purpose: Purpose,
    tokens: Tokens,
    account: Account,
    ip: str | None,
) -> Connected:
    is_new, now = state.connection is None, clock.now()
    store.put_values(row, way, purpose.values)
    row.public_values = {**row.public_values, **account.public}
    secrets = {**vault.unseal_credentials(row), **account.secret, "access_token": tokens.access_token}
    row.credentials = vault.seal_credentials(row, secrets)
    row.refresh_token = vault.seal_refresh_token(row, tokens.refresh_token or "")
    row.token_expires_at, row.scopes = tokens.expires_at, tokens.scopes or way.scopes.default
    row.account_label, row.last_checked_at = account.label, now
    row.needs_reconnect, row.last_error, row.is_active = False, account.warning, True
    row.refresh_lock, row.refresh_locked_until = "", None
    verb = "connection.created" if is_new else "connection.reconnected"
    with transaction.atomic():
        row.save(force_insert=is_new)
        audit.record(state.tenant, state.user, verb, row, after=store.audit_view(row), ip=ip)
    forget(row.pk)
    return Connected(row, purpose, is_new, account.warning)
