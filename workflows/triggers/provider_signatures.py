"""How services prove that an event is theirs: each scheme as its service documents it, over the raw bytes of the body.

Compared in constant time, on bytes. Nothing of a body is read before this has passed. Several secrets may be valid at
a time, while one replaces another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from integrations.manifest import Verify
from workflows.triggers.signatures import Unproven

_HASHES: Final = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
MAX_LISTED: Final = 32  # signatures of one header that are looked at


@dataclass(frozen=True)
class Delivery:
    """One call. Header names are lower-case; `url` is the public address, from the configured base URL, with its query."""

    headers: Mapping[str, str]
    body: bytes
    url: str


def verify_delivery(spec: Verify, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
    """Raises Unproven unless the delivery was signed with one of the secrets. Empty secrets prove nothing."""
    usable = [secret for secret in secrets if secret]
    if not usable:
        raise Unproven("There is no secret here to check this call against. Publish the workflow again.")
    _SCHEMES[spec.scheme](spec, delivery, usable, now)


def _github(spec: Verify, delivery: Delivery, secrets: Sequence[str], _now: datetime) -> None:
    header = spec.header or "x-hub-signature-256"
    sent = _hex(_after(delivery, header, "sha256="))
    _match(sent, [_mac(secret, delivery.body) for secret in secrets])


def _stripe(spec: Verify, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
    parts = [part.partition("=") for part in _header(delivery, spec.header or "stripe-signature").split(",")]
    stamp = next((value.strip() for name, _, value in parts if name.strip() == "t"), "")
    sent = [value.strip() for name, _, value in parts if name.strip() == "v1"]
    _recent(stamp, now, spec.tolerance_s, both_ways=False)
    expected = [_mac(secret, f"{stamp}.".encode() + delivery.body) for secret in secrets]
    _match_any((_maybe_hex(text) for text in sent[:MAX_LISTED]), expected)


def _slack(spec: Verify, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
    stamp = _header(delivery, spec.timestamp_header or "x-slack-request-timestamp")
    sent = _hex(_after(delivery, spec.header or "x-slack-signature", "v0="))
    _recent(stamp, now, spec.tolerance_s)
    _match(sent, [_mac(secret, f"v0:{stamp}:".encode() + delivery.body) for secret in secrets])


def _shopify(spec: Verify, delivery: Delivery, secrets: Sequence[str], _now: datetime) -> None:
    sent = _b64(_header(delivery, spec.header or "x-shopify-hmac-sha256"))
    _match(sent, [_mac(secret, delivery.body) for secret in secrets])


def _standard(spec: Verify, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
    """https://www.standardwebhooks.com: `v1` with a shared secret, `v1a` with an ed25519 key."""
    id_, stamp = _header(delivery, "webhook-id"), _header(delivery, "webhook-timestamp")
    listed = _header(delivery, "webhook-signature").split()[:MAX_LISTED]
    _recent(stamp, now, spec.tolerance_s)
    signed = f"{id_}.{stamp}.".encode() + delivery.body
    shared = [_standard_key(secret) for secret in secrets if not secret.startswith("whpk_")]
    expected = [hmac.new(key, signed, hashlib.sha256).digest() for key in shared]
    for version, _, text in (one.partition(",") for one in listed):
        sent = _maybe_b64(text)
        if sent is None:
            continue
        if version == "v1" and any(hmac.compare_digest(sent, one) for one in expected):
            return
        if version == "v1a" and any(_is_by(secret, sent, signed) for secret in secrets):
            return
    raise Unproven("None of the signatures in webhook-signature matches the body.")


def _standard_key(secret: str) -> bytes:
    found = _maybe_b64(secret.removeprefix("whsec_"))
    if found is None:
        raise Unproven("The stored secret is not base64, as Standard Webhooks asks for.")
    return found


def _is_by(public: str, sent: bytes, signed: bytes) -> bool:
    key = _maybe_b64(public.removeprefix("whpk_")) if public.startswith("whpk_") else None
    try:
        if key is not None:
            Ed25519PublicKey.from_public_bytes(key).verify(sent, signed)
            return True
    except (InvalidSignature, ValueError):
        pass
    return False


def _twilio(spec: Verify, delivery: Delivery, secrets: Sequence[str], _now: datetime) -> None:
    """https://www.twilio.com/docs/usage/webhooks/webhooks-security: over the URL and the sorted fields of a form."""
    sent = _b64(_header(delivery, spec.header or "x-twilio-signature"))
    tail = ""
    said = [value for name, value in parse_qsl(urlsplit(delivery.url).query) if name == "bodySHA256"]
    if said:
        if not hmac.compare_digest(said[0].lower(), hashlib.sha256(delivery.body).hexdigest()):
            raise Unproven("bodySHA256 in the address does not match the body.")
    else:
        tail = _sorted_fields(delivery)
    signed = [(url + tail).encode("utf-8", "surrogateescape") for url in _with_and_without_port(delivery.url)]
    _match(sent, [_mac(secret, text, "sha1") for secret in secrets for text in signed])


def _sorted_fields(delivery: Delivery) -> str:
    if "x-www-form-urlencoded" not in delivery.headers.get("content-type", ""):
        return ""
    text = delivery.body.decode("utf-8", "surrogateescape")
    pairs = sorted(set(parse_qsl(text, keep_blank_values=True)))
    return "".join(name + value for name, value in pairs)


def _with_and_without_port(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    yield urlunsplit(parts._replace(netloc=f"{host}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 443)}"))
    yield urlunsplit(parts._replace(netloc=host))


def _hmac(spec: Verify, delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
    sent_text = _after(delivery, (spec.header or "x-signature").lower(), spec.prefix)
    sent = _hex(sent_text) if spec.encoding == "hex" else _b64(sent_text)
    signed = delivery.body
    if spec.timestamp_header:
        stamp = _header(delivery, spec.timestamp_header.lower())
        _recent(stamp, now, spec.tolerance_s)
        signed = f"{stamp}.".encode() + signed
    _match(sent, [_mac(secret, signed, spec.algorithm) for secret in secrets])


def _same_header(spec: Verify, delivery: Delivery, secrets: Sequence[str], _now: datetime) -> None:
    sent = _after(delivery, (spec.header or "authorization").lower(), spec.prefix)
    _match(_bytes(sent), [secret.encode() for secret in secrets])


def _query_token(spec: Verify, delivery: Delivery, secrets: Sequence[str], _now: datetime) -> None:
    name = spec.header or "token"
    given = [value for key, value in parse_qsl(urlsplit(delivery.url).query) if key == name]
    _match(_bytes(given[0] if given else ""), [secret.encode() for secret in secrets])


# --- parts ----------------------------------------------------------------------------------------


def _header(delivery: Delivery, name: str) -> str:
    text = delivery.headers.get(name, "").strip()
    if not text:
        raise Unproven(f"The header {name} is missing.")
    return text


def _after(delivery: Delivery, name: str, prefix: str) -> str:
    text = _header(delivery, name)
    if not text.startswith(prefix):
        raise Unproven(f"The header {name} does not begin with {prefix!r}.")
    return text[len(prefix) :]


def _mac(secret: str, signed: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), signed, _HASHES[algorithm]).digest()


def _match(sent: bytes, expected: Sequence[bytes]) -> None:
    _match_any([sent], expected)


def _match_any(sent: Sequence[bytes | None] | Iterator[bytes | None], expected: Sequence[bytes]) -> None:
    for one in sent:
        if one is not None and any([hmac.compare_digest(one, other) for other in expected]):  # noqa: C419 - no early end
            return
    raise Unproven("The signature does not match the call.")


def _recent(text: str, now: datetime, tolerance_s: int, *, both_ways: bool = True) -> None:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Unproven("The time of sending is not a number of seconds since 1970.")
    age_s = now.timestamp() - int(text)
    if age_s > tolerance_s or (both_ways and age_s < -tolerance_s):
        raise Unproven(
            f"The call is more than {tolerance_s} seconds away from now, so it may be a repeated one."
        )


def _hex(text: str) -> bytes:
    found = _maybe_hex(text)
    if found is None:
        raise Unproven("The signature is not hexadecimal.")
    return found


def _maybe_hex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) if text.isascii() else None
    except ValueError:
        return None


def _b64(text: str) -> bytes:
    found = _maybe_b64(text)
    if found is None:
        raise Unproven("The signature is not base64.")
    return found


def _maybe_b64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None


def _bytes(text: str) -> bytes:
    """A header as it came: WSGI hands bytes over as latin-1 text."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


_SCHEMES: Final[dict[str, Callable[[Verify, Delivery, Sequence[str], datetime], None]]] = {
    "github": _github,
    "stripe": _stripe,
    "slack_v0": _slack,
    "shopify": _shopify,
    "standard": _standard,
    "twilio": _twilio,
    "hmac": _hmac,
    "header": _same_header,
    "query_token": _query_token,
}
