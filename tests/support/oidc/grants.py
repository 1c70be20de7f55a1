"""Authlib's grants, made as strict as RFC 9700 asks: PKCE S256 always, codes once, refresh tokens rotate."""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections import defaultdict

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from werkzeug.wrappers import Request, Response

from tests.support.oidc.memory import USER, Code, Memory, Token

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback has no TLS
logging.getLogger("authlib").setLevel(logging.WARNING)  # at DEBUG it writes tokens
AUTH_METHODS = ["client_secret_post", "client_secret_basic"]


class Payload(OAuth2Payload):
    def __init__(self, request: Request) -> None:
        self.request = request

    @property
    def data(self):
        return self.request.values

    @property
    def datalist(self):
        lists = defaultdict(list)
        for key in self.data:
            lists[key].extend(self.data.getlist(key))
        return lists


class WerkzeugRequest(OAuth2Request):
    def __init__(self, request: Request) -> None:
        super().__init__(method=request.method, uri=request.url, headers=request.headers)
        self.request = request
        self.payload = Payload(request)

    @property
    def args(self):
        return self.request.args

    @property
    def form(self):
        return self.request.form


class StrictPkce(CodeChallenge):
    """S256 only, and demanded of confidential clients too."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant, redirect_uri):
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with code_challenge_method=S256 is required.")
        super().validate_code_challenge(grant, redirect_uri)


class CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def save_authorization_code(self, code, request):
        data = request.payload.data
        self.server.memory.codes[code] = Code(
            code, data["redirect_uri"], request.scope, data["code_challenge"], data["code_challenge_method"]
        )

    def query_authorization_code(self, code, client):
        memory: Memory = self.server.memory
        found = memory.codes.get(code)
        if found is None or time.monotonic() > found.expires_at:
            return None
        if found.used_for:  # RFC 6749 4.1.2: a code used twice revokes what it gave
            memory.revoke_family(found.used_for)
            return None
        return found

    def delete_authorization_code(self, authorization_code):
        authorization_code.used_for = self.server.memory.tokens[-1].family

    def authenticate_user(self, authorization_code):
        return USER


class RotatingRefresh(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token):
        memory: Memory = self.server.memory
        found = memory.by_refresh(refresh_token)
        if found is None or found.revoked:
            return None
        if found.replaced:  # somebody uses an old one: theft, or a client that refreshes twice
            memory.calls["reuse"] += 1
            memory.revoke_family(found.family)
            return None
        return found

    def authenticate_user(self, refresh_token):
        return USER

    def revoke_old_credential(self, refresh_token):
        refresh_token.replaced = True


class OwnAccount(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string, token_type_hint):
        memory: Memory = self.server.memory
        return memory.by_refresh(token_string) or memory.by_access(token_string)

    def revoke_token(self, token, request):
        self.server.memory.revoke_family(token.family)


class Issuer(IssuerParameter):
    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def get_issuer(self):
        return self.issuer


class Server(AuthorizationServer):
    def __init__(self, memory: Memory, issuer: str) -> None:
        super().__init__(scopes_supported=sorted(memory.client.scopes))
        self.memory = memory
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                lambda **_: f"access-{secrets.token_hex(20)}",
                lambda **_: f"refresh-{secrets.token_hex(20)}",
                lambda client, grant_type: memory.expires_in,
            ),
        )
        self.register_grant(CodeGrant, [StrictPkce(required=True)])
        self.register_grant(RotatingRefresh)
        self.register_grant(OwnAccount)
        self.register_endpoint(Revocation)
        Issuer(issuer)(self)

    def query_client(self, client_id):
        return self.memory.client if client_id == self.memory.client.client_id else None

    def save_token(self, token, request):
        earlier = request.refresh_token
        family = earlier.family if earlier else secrets.token_hex(8)
        self.memory.tokens.append(
            Token(
                token["access_token"],
                token.get("refresh_token", ""),
                token.get("scope", ""),
                family,
                time.monotonic() + token["expires_in"],
            )
        )

    def create_oauth2_request(self, request):
        return WerkzeugRequest(request)

    def handle_response(self, status, body, headers):
        text = json.dumps(body) if isinstance(body, dict) else body
        return Response(text, status=status, headers=headers)

    def send_signal(self, name, *args, **kwargs):
        return None
