"""OAuth 2 with a person's consent: the pure parts (RFC 6749, 7636, 9207, 9700). Storage and HTTP lie outside."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from automate.lib import clock, jsontypes
from automate.lib.jsontypes import JSON
from integrations.errors import ActionError, IntegrationError
from integrations.manifest import Way
from integrations.values import Connection, Outgoing

ASSERTION_LIFETIME_S = 300  # of a private_key_jwt; RFC 7523 asks for short
STATE_BYTES = 32


class OAuthError(IntegrationError):
    """The service refused. `code` is its word (`invalid_grant` …); `reconnect`: only a person can mend it."""

    def __init__(self, message: str, *, code: str = "", reconnect: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.reconnect = reconnect


@dataclass(frozen=True)
class Client:
    """Our registration at the service; `private_key` is PEM, for private_key_jwt alone."""

    client_id: str
    client_secret: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    key_id: str = ""


@dataclass(frozen=True)
class Tokens:
    """`saved`: the values of the answer that the manifest wants kept (`save_from_token`)."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    scopes: list[str] | None = None
    saved: dict[str, JSON] = field(default_factory=dict)


def apply(out: Outgoing, way: Way, connection: Connection) -> None:
    token = connection.text("access_token")
    if not token:
        raise ActionError(
            "The connection holds no access token. Connect again.",
            code="not_connected",
            reconnect=True,
            sent=False,
        )
    out.headers["Authorization"] = ("Bearer " if way.prefix is None else way.prefix) + token
    out.secret_headers.add("authorization")


def new_state() -> str:
    return secrets.token_urlsafe(STATE_BYTES)


def new_verifier() -> str:
    """A PKCE code verifier: 43 characters."""
    return secrets.token_urlsafe(32)


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode().rstrip("=")


def same(left: str, right: str) -> bool:
    """Compare states and the like without telling by time how much of them agrees."""
    return hmac.compare_digest(left.encode(), right.encode())


def authorize_url(
    way: Way,
    *,
    client_id: str,
    redirect_uri: str,
    state: str,
    verifier: str | None,
    scopes: Sequence[str] | None = None,
    url: str | None = None,
) -> str:
    """Where to send the person. `url` replaces the manifest's; `scopes` default to the manifest's."""
    parameters = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": state,
    }
    wanted = way.scopes.default if scopes is None else scopes
    if wanted:
        parameters["scope"] = way.scopes.separator.join(wanted)
    if way.scopes.user:
        parameters["user_scope"] = way.scopes.separator.join(way.scopes.user)
    if way.pkce == "S256":
        if not verifier:
            raise ValueError("A way to connect with PKCE needs a verifier.")
        parameters |= {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
    parameters |= way.authorize_params
    parts = urlsplit(url or way.authorize_url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), *parameters.items()]
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote), fragment=""))


def code_grant(way: Way, *, code: str, redirect_uri: str, verifier: str | None) -> dict[str, str]:
    """The parameters that change a code for tokens."""
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if way.pkce == "S256" and verifier:
        grant["code_verifier"] = verifier
    return {**grant, **way.token_params}


def refresh_grant(way: Way, *, refresh_token: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": refresh_token, **way.token_params}


def token_request(way: Way, client: Client, grant: Mapping[str, str], *, url: str | None = None) -> Outgoing:
    """The request to the token endpoint, with our client authentication. It must not follow redirects."""
    parameters = dict(grant)
    target = url or way.token_url
    out = Outgoing("POST", target, headers={"Accept": "application/json", **way.token_headers})
    _authenticate(out, parameters, way, client, target)
    if way.token_body == "json":  # noqa: S105  # the name of a format
        out.headers["Content-Type"] = "application/json"
        out.body = jsontypes.dumps_bytes(dict(parameters))
    else:
        out.headers["Content-Type"] = "application/x-www-form-urlencoded"
        out.body = urlencode(parameters).encode()
    return out


def _authenticate(out: Outgoing, parameters: dict[str, str], way: Way, client: Client, target: str) -> None:
    if way.client_auth == "basic":
        # RFC 6749, 2.3.1: both parts are form-encoded before they are joined.
        pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
        out.headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        out.secret_headers.add("authorization")
        return
    parameters["client_id"] = client.client_id
    if way.client_auth == "post":
        parameters["client_secret"] = client.client_secret
    elif way.client_auth == "private_key_jwt":
        parameters["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        parameters["client_assertion"] = assertion(client, audience=target)


def assertion(client: Client, *, audience: str) -> str:
    """A signed JWT that proves we are the client (RFC 7523); RS256 or ES256 as the key is. Raises OAuthError."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    try:
        key = serialization.load_pem_private_key(client.private_key.encode(), password=None)
    except (ValueError, TypeError):
        raise OAuthError("The private key of this OAuth client cannot be read. Give it as PEM.") from None
    issued = int(clock.now().timestamp())
    claims: dict[str, JSON] = {
        "iss": client.client_id, "sub": client.client_id, "aud": audience, "jti": secrets.token_urlsafe(16),
        "iat": issued, "exp": issued + ASSERTION_LIFETIME_S,
    }  # fmt: skip
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    header: dict[str, JSON] = {"alg": "RS256" if is_rsa else "ES256", "typ": "JWT", "kid": client.key_id}
    signed = f"{_part(header)}.{_part(claims)}"
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    elif isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp256r1":
        r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    else:
        raise OAuthError("The private key of this OAuth client must be RSA or P-256.")
    return f"{signed}.{_unpadded(signature)}"


def _part(claims: dict[str, JSON]) -> str:
    return _unpadded(jsontypes.dumps_bytes({key: value for key, value in claims.items() if value != ""}))


def _unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read_tokens(way: Way, *, status: int, headers: Mapping[str, str], body: bytes) -> Tokens:
    """Read the token endpoint's answer, JSON or form. Raises OAuthError; `reconnect` when the grant is void."""
    answer = _read_answer(headers.get("content-type", ""), body)
    error = _at(answer, way.response.error)
    access_token = _at(answer, way.response.access_token)
    if status >= 400 or not isinstance(access_token, str) or not access_token:
        raise _refusal(way, status, error, _at(answer, way.response.error_description))
    refresh_token = _at(answer, way.response.refresh_token)
    return Tokens(
        access_token=access_token,
        refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else None,
        expires_at=_expiry(_at(answer, way.response.expires_in), way.refresh.default_expires_s),
        scopes=_scopes(_at(answer, way.response.scope), way.scopes.separator),
        saved={key: value for key in way.save_from_token if (value := _at(answer, key)) is not None},
    )


def check_callback(way: Way, parameters: Mapping[str, str], *, issuer: str | None = None) -> str:
    """The code from the redirect's parameters. Raises OAuthError for a refusal or a foreign issuer (RFC 9207)."""
    if parameters.get("error"):
        raise _refusal(way, 200, parameters["error"], parameters.get("error_description"))
    if issuer is not None and parameters.get("iss", issuer) != issuer:
        raise OAuthError(
            "The answer came from another service than the one that was asked. Start again.", code="iss"
        )
    if not parameters.get("code"):
        raise OAuthError("The service sent no code back. Start again.", code="no_code")
    return parameters["code"]


def _read_answer(content_type: str, body: bytes) -> JSON:
    try:
        return jsontypes.loads(body)
    except jsontypes.BadJSON:
        if "json" in content_type:
            return {}
    try:
        return dict(parse_qsl(body.decode()))  # GitHub answers in this form unless asked for JSON
    except (UnicodeDecodeError, ValueError):
        return {}


def _at(answer: JSON, path: str) -> JSON:
    for key in path.split("."):
        answer = answer.get(key) if isinstance(answer, dict) else None
    return answer


def _refusal(way: Way, status: int, error: JSON, description: JSON) -> OAuthError:
    code = error if isinstance(error, str) else ""
    if code == "access_denied":
        return OAuthError("The sign-in was declined at the service.", code=code)
    words = description if isinstance(description, str) and description else code or f"status {status}"
    void = code in (
        "invalid_grant",
        "bad_refresh_token",
        "invalid_refresh_token",
        "token_revoked",
        "unauthorized_client",
    )
    host = urlsplit(way.token_url).hostname or "The service"
    return OAuthError(f"{host} refused the sign-in: {words[:300]}.", code=code, reconnect=void)


def _expiry(expires_in: JSON, default_s: int | None) -> datetime | None:
    seconds: float | None
    try:
        seconds = float(expires_in) if isinstance(expires_in, str | int | float) else default_s
    except ValueError:
        seconds = default_s
    if seconds is None or not 0 < seconds < 10 * 365 * 86_400:
        return None
    return clock.now() + timedelta(seconds=seconds)


def _scopes(text: JSON, separator: str) -> list[str] | None:
    if not isinstance(text, str):
        return None
    return [scope for scope in text.replace(separator, " ").replace(",", " ").split() if scope]
