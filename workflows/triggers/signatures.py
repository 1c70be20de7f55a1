"""Who is calling a webhook: the generic proofs `basic`, `header`, `hmac` and `jwt`.

Everything is checked over the raw bytes of the body, before anybody reads it, and compared in constant time.
A secret that is missing on our side refuses the call: nothing is let in by an omission.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from automate.lib.jsontypes import JSON
from workflows.triggers.jwt import BadJWT, check_jwt

DEFAULT_HEADERS: Final = {
    "header": "x-api-key",
    "hmac": "x-signature",
    "jwt": "authorization",
    "basic": "authorization",
}
DEFAULT_ALGORITHMS: Final = {"hmac": "sha256", "jwt": "HS256"}
HMAC_ALGORITHMS: Final = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
DEFAULT_TOLERANCE_S: Final = 300
_SECRET_FIELDS: Final = ("secret", "signing_secret", "key", "token", "password")
_KEY_FIELDS: Final = ("public_key", *_SECRET_FIELDS)


class Unproven(Exception):
    """The call does not prove who sent it: answer 401. `message` tells the sender what is missing, never a secret."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


@dataclass(frozen=True)
class Call:
    """What of a request a proof may depend on. Header names are lower-case; `body` is as it came."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class AuthRule:
    """The `auth` of a webhook trigger; `connection` is the slot that holds the secret."""

    type: str
    connection: str
    header: str
    algorithm: str
    encoding: str
    prefix: str
    timestamp_header: str
    tolerance_s: int

    @classmethod
    def read(cls, auth: Any) -> AuthRule | None:
        """The rule written in a trigger's config; None when callers need not prove anything.

        What is neither a rule nor `none` becomes a rule that nobody can satisfy.
        """
        if auth in (None, "none"):
            return None
        if not isinstance(auth, Mapping):
            auth = {"type": auth}
        kind, tolerance_s = str(auth.get("type", "")), auth.get("tolerance_s")
        return cls(
            type=kind,
            connection=str(auth.get("connection") or ""),
            header=str(auth.get("header") or DEFAULT_HEADERS.get(kind, "authorization")).lower(),
            algorithm=str(auth.get("algorithm") or DEFAULT_ALGORITHMS.get(kind, "")),
            encoding=str(auth.get("encoding") or "hex"),
            prefix=str(auth.get("prefix") or ""),
            timestamp_header=str(auth.get("timestamp_header") or "").lower(),
            tolerance_s=tolerance_s if isinstance(tolerance_s, int) else DEFAULT_TOLERANCE_S,
        )


def verify(rule: AuthRule, call: Call, credentials: Mapping[str, JSON], now: datetime) -> None:
    """Raises Unproven unless the call carries the proof the rule asks for. `credentials`: of the rule's connection."""
    check = _CHECKS.get(rule.type)
    if check is None:
        raise Unproven(f"This webhook asks for a proof we do not know ({rule.type!r}). Correct its settings.")
    check(rule, call, credentials, now)


def _basic(rule: AuthRule, call: Call, credentials: Mapping[str, JSON], _now: datetime) -> None:
    expected = f"{_secret(credentials, ('username',))}:{_secret(credentials, ('password',))}".encode()
    scheme, _, sent = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise Unproven("Send a user name and password with HTTP Basic authentication.")
    try:
        given = base64.b64decode(sent.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise Unproven("The Authorization header is not readable: Basic is followed by base64.") from None
    if not hmac.compare_digest(given, expected):
        raise Unproven("The user name or the password is wrong.")


def _header(rule: AuthRule, call: Call, credentials: Mapping[str, JSON], _now: datetime) -> None:
    sent = call.headers.get(rule.header, "")
    if not sent:
        raise Unproven(f"The header {rule.header} is missing.")
    prefix = rule.prefix or ("Bearer " if rule.header == "authorization" else "")
    expected = prefix + _secret(credentials, _SECRET_FIELDS)
    if not hmac.compare_digest(_as_bytes(sent), expected.encode()):
        raise Unproven(f"The header {rule.header} does not hold the expected value.")


def _hmac(rule: AuthRule, call: Call, credentials: Mapping[str, JSON], now: datetime) -> None:
    algorithm = HMAC_ALGORITHMS.get(rule.algorithm.lower().replace("-", ""))
    if algorithm is None:
        raise Unproven(
            f"This webhook names the algorithm {rule.algorithm!r}; choose sha256 or sha512 in its settings."
        )
    secret = _secret(credentials, _SECRET_FIELDS).encode()
    sent = call.headers.get(rule.header, "").strip()
    if not sent:
        raise Unproven(f"The header {rule.header} with the signature is missing.")
    if not sent.startswith(rule.prefix):
        raise Unproven(f"The signature in {rule.header} does not begin with {rule.prefix!r}.")
    signed = _timestamp(rule, call, now) + call.body
    expected = hmac.new(secret, signed, algorithm).digest()
    if not hmac.compare_digest(_decoded(sent[len(rule.prefix) :], rule), expected):
        raise Unproven("The signature does not match the body.")


def _timestamp(rule: AuthRule, call: Call, now: datetime) -> bytes:
    """What goes before the body under the signature: `<seconds>.`; nothing when the rule names no timestamp."""
    if not rule.timestamp_header:
        return b""
    text = call.headers.get(rule.timestamp_header, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Unproven(
            f"The header {rule.timestamp_header} must hold the time of sending in seconds since 1970."
        )
    if abs(now.timestamp() - int(text)) > rule.tolerance_s:
        raise Unproven(
            f"The call was sent more than {rule.tolerance_s} seconds ago, or from a clock that is off."
        )
    return f"{text}.".encode()


def _decoded(text: str, rule: AuthRule) -> bytes:
    decode: Callable[[str], bytes] = bytes.fromhex if rule.encoding == "hex" else _from_base64
    try:
        return decode(text.strip())
    except (ValueError, binascii.Error):
        raise Unproven(f"The signature in {rule.header} is not {rule.encoding}.") from None


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _jwt(rule: AuthRule, call: Call, credentials: Mapping[str, JSON], now: datetime) -> None:
    sent = call.headers.get(rule.header, "").strip()
    scheme, _, rest = sent.partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else sent
    if not token:
        raise Unproven(f"The header {rule.header} with the token is missing.")
    try:
        check_jwt(token, _secret(credentials, _KEY_FIELDS), rule.algorithm, now.timestamp(), rule.tolerance_s)
    except BadJWT as error:
        raise Unproven(str(error)) from None


def _secret(credentials: Mapping[str, JSON], names: tuple[str, ...]) -> str:
    for name in names:
        value = credentials.get(name)
        if isinstance(value, str) and value:
            return value
    raise Unproven("The connection of this webhook holds no secret to check against. Reconnect it.")


def _as_bytes(header: str) -> bytes:
    """A header as it came: WSGI hands bytes over as latin-1 text."""
    try:
        return header.encode("latin-1")
    except UnicodeEncodeError:
        return header.encode()


_CHECKS: Final = {"basic": _basic, "header": _header, "hmac": _hmac, "jwt": _jwt}
