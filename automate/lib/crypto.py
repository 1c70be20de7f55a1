"""Encryption at rest: AES-256-GCM under a ring of keys, one derived key for each tenant.

A token is `v1.<key id>.<base64url of 12-byte nonce + ciphertext + tag>`. Its *place*, the text
`tenant|model|pk|field`, is authenticated with it: a token moved to another row or field does not open.
"""

import base64
import binascii
import itertools
import re
import secrets
import threading
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = "v1"
KEY_BYTES = 32
NONCE_BYTES = 12
MIN_DISTINCT_BYTES = 16  # 32 random bytes practically never hold fewer distinct ones
DERIVED_KEYS_KEPT = 4096  # tenants whose key is kept ready in one process; 0.02 ms to derive again
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class CryptoError(Exception):
    """Root of this module's errors; messages never hold keys, tokens or plain text."""


class BadKeys(CryptoError, ValueError):
    """The text of keys cannot be used."""


class CannotDecrypt(CryptoError):
    """The token is damaged, belongs to another place, or its key is not in the ring."""


def new_key() -> str:
    """A fresh entry `id:base64key` for AUTOMATE_ENCRYPTION_KEYS; put it first to make it the writer."""
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return f"k{secrets.token_hex(4)}:{key}"


@dataclass(frozen=True, repr=False)
class Keyring:
    """Keys by id; the first one writes, all of them read. Safe to share between threads."""

    keys: dict[str, bytes]
    writer: str
    _derived: dict[tuple[str, str], AESGCM] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a comma list of `id:base64key`. Raises BadKeys, which names the entry at fault."""
        keys: dict[str, bytes] = {}
        for number, entry in enumerate(_entries(text), start=1):
            key_id, key = _read_entry(entry, number)
            if key_id in keys:
                raise BadKeys(
                    f"The encryption key id “{key_id}” is given twice. Give each key an id of its own."
                )
            if key in keys.values():
                raise BadKeys(f"The encryption key “{key_id}” repeats another one. Remove one of the two.")
            keys[key_id] = key
        return cls(keys=keys, writer=next(iter(keys)))

    def __repr__(self) -> str:
        return f"Keyring(ids={list(self.keys)}, writer={self.writer!r})"

    def encrypt(self, plain: bytes, *, aad: str, tenant: str | None = None) -> str:
        """`aad` is `tenant|model|pk|field`; `tenant` picks the derived key, by default the first part of `aad`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher(self.writer, tenant or _tenant_of(aad)).encrypt(nonce, plain, aad.encode())
        packed = base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")
        return f"{VERSION}.{self.writer}.{packed}"

    def decrypt(self, token: str, *, aad: str, tenant: str | None = None) -> bytes:
        """Raises CannotDecrypt for a damaged or moved token and for a key that is not in the ring."""
        key_id, packed = _split_token(token)
        if key_id not in self.keys:
            raise CannotDecrypt(
                f"The encryption key “{key_id}” is not in AUTOMATE_ENCRYPTION_KEYS. Add it again to read older data."
            )
        cipher = self._cipher(key_id, tenant or _tenant_of(aad))
        try:
            return cipher.decrypt(packed[:NONCE_BYTES], packed[NONCE_BYTES:], aad.encode())
        except InvalidTag:
            raise CannotDecrypt("This encrypted value was damaged or belongs to another place.") from None

    def needs_rotation(self, token: str) -> bool:
        """True when the token was not written by the present writer key. Raises CannotDecrypt if it is no token."""
        return _split_token(token)[0] != self.writer

    def _cipher(self, key_id: str, tenant: str) -> AESGCM:
        cipher = self._derived.get((key_id, tenant))
        if cipher is None:
            info = f"automate/{VERSION}/tenant/{tenant}".encode()
            key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self.keys[key_id])
            cipher = AESGCM(key)
            with self._lock:
                if len(self._derived) >= DERIVED_KEYS_KEPT:
                    self._derived.clear()
                self._derived[key_id, tenant] = cipher
        return cipher


def _entries(text: str) -> list[str]:
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise BadKeys("AUTOMATE_ENCRYPTION_KEYS is empty. Give at least one entry of the form id:base64key.")
    return entries


def _read_entry(entry: str, number: int) -> tuple[str, bytes]:
    key_id, colon, encoded = entry.partition(":")
    if not colon or not _KEY_ID.fullmatch(key_id):
        raise BadKeys(
            f"Entry {number} of AUTOMATE_ENCRYPTION_KEYS must read id:base64key, "
            "with an id of at most 32 letters, digits, - or _."
        )
    try:
        key = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise BadKeys(f"The encryption key “{key_id}” is not base64.") from None
    if len(key) != KEY_BYTES:
        raise BadKeys(
            f"The encryption key “{key_id}” has {len(key)} bytes; it must have {KEY_BYTES} random ones."
        )
    if _is_weak(key):
        raise BadKeys(f"The encryption key “{key_id}” is not random enough. Make a new one.")
    return key_id, key


def _is_weak(key: bytes) -> bool:
    """Zeros, repetitions, counters and typed text; random bytes practically never look like these."""
    steps = {(b - a) % 256 for a, b in itertools.pairwise(key)}
    printable = all(32 <= byte < 127 for byte in key)
    return len(set(key)) < MIN_DISTINCT_BYTES or len(steps) < 8 or printable


def _tenant_of(aad: str) -> str:
    parts = aad.split("|")
    if len(parts) != 4 or not all(parts):
        raise CryptoError("The place of an encrypted value must read tenant|model|pk|field, no part empty.")
    return parts[0]


def _split_token(token: str) -> tuple[str, bytes]:
    version, _, rest = token.partition(".")
    key_id, _, encoded = rest.partition(".")
    if version != VERSION or not _KEY_ID.fullmatch(key_id):
        raise CannotDecrypt("This is not an encrypted value of a known version.")
    try:
        packed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise CannotDecrypt("This encrypted value was damaged.") from None
    if len(packed) < NONCE_BYTES + 16:
        raise CannotDecrypt("This encrypted value was cut off.")
    return key_id, packed
