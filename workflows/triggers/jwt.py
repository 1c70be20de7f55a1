"""JSON Web Tokens, only as far as a webhook needs them: is the signature right, and is the token valid now?

The algorithm comes from our settings, never from the token (RFC 8725, section 3.1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from automate.lib.jsontypes import BadJSON, loads

MAX_CHARS: Final = 16_384
MIN_RSA_BITS: Final = 2048
_HASHES: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512
}  # fmt: skip
_HMAC: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
_CURVE_BYTES: Final = {"256": ("secp256r1", 32), "384": ("secp384r1", 48), "512": ("secp521r1", 66)}
ALGORITHMS: Final = (*(f"{kind}{bits}" for kind in ("HS", "RS", "PS", "ES") for bits in _HASHES), "EdDSA")


class BadJWT(ValueError):
    """The token proves nothing; the message is a sentence."""


def check_jwt(token: str, key: str, algorithm: str, now: float, leeway_s: float) -> dict[str, Any]:
    """The claims of a valid token. `key` is a shared secret or a public key in PEM; `now` in seconds since 1970.

    Raises BadJWT for a wrong signature, another algorithm, a token that has expired or is not valid yet.
    """
    if algorithm not in ALGORITHMS:
        raise BadJWT(f"The algorithm {algorithm!r} is not known here. Use one of {', '.join(ALGORITHMS)}.")
    signed, header, claims, signature = _parts(token)
    if header.get("alg") != algorithm or "crit" in header:
        raise BadJWT(f"The token is not signed with {algorithm}.")
    if not _is_right(algorithm, key, signed, signature):
        raise BadJWT("The token's signature is wrong.")
    _check_times(claims, now, leeway_s)
    return claims


def _parts(token: str) -> tuple[bytes, dict[str, Any], dict[str, Any], bytes]:
    pieces = token.split(".")
    if len(token) > MAX_CHARS or len(pieces) != 3 or not token.isascii():
        raise BadJWT("This is not a signed JSON Web Token.")
    try:
        header, claims = (loads(_unpadded(piece)) for piece in pieces[:2])
        signature = _unpadded(pieces[2])
    except (BadJSON, binascii.Error, ValueError):
        raise BadJWT("This is not a signed JSON Web Token.") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadJWT("This is not a signed JSON Web Token.")
    return f"{pieces[0]}.{pieces[1]}".encode(), header, claims, signature


def _unpadded(piece: str) -> bytes:
    standard = piece.replace("-", "+").replace("_", "/")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def _check_times(claims: dict[str, Any], now: float, leeway_s: float) -> None:
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise BadJWT(f"The token's {name} is not a number.")
    if claims.get("exp") is not None and now >= claims["exp"] + leeway_s:
        raise BadJWT("The token has expired.")
    if any(claims.get(name) is not None and now < claims[name] - leeway_s for name in ("nbf", "iat")):
        raise BadJWT("The token is not valid yet.")


def _is_right(algorithm: str, key: str, signed: bytes, signature: bytes) -> bool:
    kind, bits = algorithm[:2], algorithm[2:]
    if kind == "HS":
        return hmac.compare_digest(hmac.new(key.encode(), signed, _HMAC[bits]).digest(), signature)
    try:
        public = serialization.load_pem_public_key(key.encode())
    except ValueError:
        raise BadJWT("The connection of this webhook holds no public key in PEM form.") from None
    try:
        _verify_with(public, kind, bits, signed, signature)
    except (InvalidSignature, ValueError):
        return False
    return True


def _verify_with(public: Any, kind: str, bits: str, signed: bytes, signature: bytes) -> None:
    """Raises InvalidSignature, or ValueError when the key is not one for the algorithm."""
    if kind in ("RS", "PS") and isinstance(public, rsa.RSAPublicKey) and public.key_size >= MIN_RSA_BITS:
        algorithm = _HASHES[bits]()
        pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        public.verify(signature, signed, padding.PKCS1v15() if kind == "RS" else pss, algorithm)
    elif kind == "ES" and isinstance(public, ec.EllipticCurvePublicKey):
        curve, size = _CURVE_BYTES[bits]
        if public.curve.name != curve or len(signature) != 2 * size:
            raise ValueError("another curve")
        r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(_HASHES[bits]()))
    elif kind == "Ed" and isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signature, signed)
    else:
        raise ValueError("a key of another kind")
