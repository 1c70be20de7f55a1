"""What the authorization server of the tests remembers: one client, the codes and the grants it gave."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oauth2.rfc6749.models import AuthorizationCodeMixin

USER = {"id": "u-1", "name": "Ada Okafor", "email": "ada@northwind.example"}
CODE_LIFETIME_S = 60.0


@dataclass
class Client(ClientMixin):
    """The one registered client: confidential, one exact redirect address."""

    redirect_uri: str
    client_id: str = "automate-test"
    client_secret: str = field(default_factory=lambda: f"client-secret-{secrets.token_hex(16)}")
    auth_methods: tuple[str, ...] = ("client_secret_post", "client_secret_basic")
    scopes: frozenset[str] = frozenset({"profile", "notes:read", "notes:write"})

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return self.redirect_uri

    def get_allowed_scope(self, scope):
        return " ".join(word for word in (scope or "").split() if word in self.scopes)

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret):
        return secrets.compare_digest(self.client_secret, client_secret)

    def check_endpoint_auth_method(self, method, endpoint):
        return method in self.auth_methods

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type in {"authorization_code", "refresh_token", "client_credentials"}


@dataclass
class Code(AuthorizationCodeMixin):
    value: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str
    expires_at: float = field(default_factory=lambda: time.monotonic() + CODE_LIFETIME_S)
    used_for: str | None = None

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope


@dataclass
class Token(TokenMixin):
    """One answer of the token endpoint. `family` is shared by all tokens that came from one consent."""

    access_token: str
    refresh_token: str
    scope: str
    family: str
    expires_at: float
    replaced: bool = False
    revoked: bool = False

    def check_client(self, client):
        return True

    def get_scope(self):
        return self.scope

    def is_expired(self):
        return time.monotonic() > self.expires_at

    def is_revoked(self):
        return self.revoked


@dataclass
class Memory:
    """Everything given out, and how often each grant was asked for. Guard changes with `lock`."""

    client: Client
    expires_in: int = 3600
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    notes: list[dict[str, object]] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def by_access(self, text: str) -> Token | None:
        return next((token for token in self.tokens if token.access_token == text), None)

    def by_refresh(self, text: str) -> Token | None:
        return next((token for token in self.tokens if text and token.refresh_token == text), None)

    def revoke_family(self, family: str) -> None:
        for token in self.tokens:
            token.revoked = token.revoked or token.family == family

    def revoke_everything(self) -> None:
        """As when the person withdraws the permission in the service's own settings."""
        for token in self.tokens:
            token.revoked = True

    def expire_access(self) -> None:
        """Every access token given so far stops working; refresh tokens still do."""
        for token in self.tokens:
            token.expires_at = 0.0

    def secrets(self) -> list[str]:
        """Every text that must never be seen in clear on our side."""
        texts = [self.client.client_secret, *self.codes, *self.states]
        for token in self.tokens:
            texts += [token.access_token, token.refresh_token]
        return texts
