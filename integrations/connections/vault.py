"""Secrets of connections: sealed for exactly one row and field, opened only at use, shown only as their last four."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from django.conf import settings

from automate.lib import jsontypes
from automate.lib.crypto import CannotDecrypt, Keyring
from automate.lib.jsontypes import JSON
from integrations.connections.errors import CannotOpen
from integrations.masking import MASK
from integrations.models import OAuthState, UserIntegration

SHOWN_OF_SECRET = 4
MIN_CHARS_TO_SHOW = 12  # of shorter secrets the last four would be a third or more


@lru_cache(maxsize=4)
def _ring(text: str) -> Keyring:
    return Keyring.from_text(text)


def keyring() -> Keyring:
    """The ring of AUTOMATE_ENCRYPTION_KEYS. Raises BadKeys."""
    return _ring(settings.AUTOMATE_ENCRYPTION_KEYS)


def seal_credentials(connection: UserIntegration, values: Mapping[str, JSON]) -> str:
    return keyring().encrypt(jsontypes.dumps_bytes(dict(values)), aad=connection.aad("credentials"))


def unseal_credentials(connection: UserIntegration) -> dict[str, JSON]:
    """The secret fields; {} when there are none. Raises CannotOpen."""
    value = jsontypes.loads(_opened(connection, "credentials", connection.credentials) or "{}")
    return value if isinstance(value, dict) else {}


def seal_refresh_token(connection: UserIntegration, token: str) -> str:
    return keyring().encrypt(token.encode(), aad=connection.aad("refresh_token")) if token else ""


def unseal_refresh_token(connection: UserIntegration) -> str:
    """Empty when there is none. Raises CannotOpen."""
    return _opened(connection, "refresh_token", connection.refresh_token)


def _opened(connection: UserIntegration, field: str, sealed: str) -> str:
    if not sealed:
        return ""
    try:
        return keyring().decrypt(sealed, aad=connection.aad(field)).decode()
    except CannotDecrypt:
        raise CannotOpen(connection.name) from None


def seal_sign_in(state: OAuthState, values: Mapping[str, JSON]) -> str:
    """What a sign-in under way must keep to itself: the PKCE verifier and what was typed."""
    return keyring().encrypt(jsontypes.dumps_bytes(dict(values)), aad=_sign_in_place(state))


def unseal_sign_in(state: OAuthState) -> dict[str, JSON]:
    value = jsontypes.loads(keyring().decrypt(state.verifier, aad=_sign_in_place(state)))
    return value if isinstance(value, dict) else {}


def _sign_in_place(state: OAuthState) -> str:
    return f"{state.tenant_id}|integrations.OAuthState|{state.pk}|verifier"


def masked(value: JSON) -> str:
    """How a stored secret is shown: dots and its last four characters, if it is long enough to spare them."""
    text = value if isinstance(value, str) else ""
    if not text:
        return ""
    return f"{MASK} {text[-SHOWN_OF_SECRET:]}" if len(text) >= MIN_CHARS_TO_SHOW else MASK
