"""Base64, hexadecimal, hashes, signatures and new ids."""

import base64 as b64
import binascii
import hashlib
import hmac as signing
import re
import secrets
import uuid as uuids
import zlib

from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run, text_bytes
from automate.lib.ids import uuid7

_ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b")
_BLANKS = re.compile(r"\s+")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
MAX_RANDOM_TEXT = 4096


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ExpressionTypeError(f"`{name}` gives bytes that are not text (UTF-8).") from None


@function("Encoding", '{{ "Hi!" | base64 }}', "SGkh", aliases=("b64encode", "base64_encode", "btoa"))
def base64(run: Run, text: str) -> str:
    """The text (as UTF-8) in Base64."""
    run.room_for_text(text_bytes(text) * 4 // 3)
    return b64.b64encode(text.encode()).decode()


@function("Encoding", '{{ "SGkh" | base64_decode }}', "Hi!", aliases=("b64decode", "atob"))
def base64_decode(text: str) -> str:
    """The text that was encoded in Base64, also the form for addresses and without the = at its end."""
    plain = _BLANKS.sub("", text).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _text(b64.b64decode(plain + "=" * (-len(plain) % 4), validate=True), "base64_decode")
    except (binascii.Error, ValueError):
        raise ExpressionTypeError("`base64_decode` needs text in Base64.") from None


@function("Encoding", '{{ "a?>" | base64url }}', "YT8-", aliases=("base64url_encode",))
def base64url(run: Run, text: str) -> str:
    """The text (as UTF-8) in the Base64 form for addresses, without = at its end."""
    run.room_for_text(text_bytes(text) * 4 // 3)
    return b64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@function("Encoding", '{{ "Hi" | hex }}', "4869", aliases=("hex_encode",))
def hex_(run: Run, text: str) -> str:
    """The bytes of the text (as UTF-8) in hexadecimal."""
    run.room_for_text(text_bytes(text) * 2)
    return text.encode().hex()


@function("Encoding", '{{ "4869" | hex_decode }}', "Hi", aliases=("unhex",))
def hex_decode(text: str) -> str:
    """The text whose bytes are given in hexadecimal."""
    try:
        return _text(bytes.fromhex(text), "hex_decode")
    except ValueError:
        raise ExpressionTypeError("`hex_decode` needs hexadecimal digits, two for each byte.") from None


def _algorithm(name: str) -> str:
    plain = name.lower().replace("-", "")
    known = plain if plain in _ALGORITHMS else plain.replace("sha3", "sha3_")
    if known not in _ALGORITHMS:
        raise ExpressionTypeError(f"There is no such hash here: use {', '.join(_ALGORITHMS)}.")
    return known


def _shown(digest: bytes, encoding: str) -> str:
    if encoding == "hex":
        return digest.hex()
    if encoding in ("base64", "base64url"):
        plain = b64.b64encode(digest).decode()
        return plain if encoding == "base64" else plain.replace("+", "-").replace("/", "_").rstrip("=")
    raise ExpressionTypeError("The encoding of a hash is hex, base64 or base64url.")


@function("Encoding", '{{ hash("abc", "sha256") | truncate(8, "") }}', "ba7816bf")
def hash_(text: str, algorithm: str = "sha256", encoding: str = "hex") -> str:
    """A hash of the text: md5, sha1, sha256, sha384, sha512, sha3_256, blake2b …, in hex, base64 or base64url."""
    return _shown(hashlib.new(_algorithm(algorithm), text.encode(), usedforsecurity=False).digest(), encoding)


@function("Encoding", '{{ md5("abc") }}', "900150983cd24fb0d6963f7d28e17f72")
def md5(text: str) -> str:
    """The MD5 hash in hexadecimal, for services that ask for it; it protects nothing."""
    return hash_(text, "md5")


@function("Encoding", '{{ sha1("abc") }}', "a9993e364706816aba3e25717850c26c9cd0d89d")
def sha1(text: str) -> str:
    """The SHA-1 hash in hexadecimal, for services that ask for it."""
    return hash_(text, "sha1")


@function(
    "Encoding", '{{ sha256("abc") }}', "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
)
def sha256(text: str) -> str:
    """The SHA-256 hash in hexadecimal."""
    return hash_(text, "sha256")


@function("Encoding", '{{ sha512("abc") | truncate(16, "") }}', "ddaf35a193617aba")
def sha512(text: str) -> str:
    """The SHA-512 hash in hexadecimal."""
    return hash_(text, "sha512")


@function("Encoding", '{{ crc32("abc") }}', 891568578)
def crc32(text: str) -> int:
    """The CRC-32 check number of the text."""
    return zlib.crc32(text.encode())


@function(
    "Encoding",
    '{{ hmac("what do ya want for nothing?", "Jefe") | truncate(16, "") }}',
    "5bdcc146bf60754e",
    aliases=("hmac_sign",),
)
def hmac(text: str, key: str, algorithm: str = "sha256", encoding: str = "hex") -> str:
    """The signature of the text with a key (HMAC), in hex, base64 or base64url."""
    return _shown(signing.new(key.encode(), text.encode(), _algorithm(algorithm)).digest(), encoding)


@function("Encoding", '{{ same_text("abc", "abc") }}', True, aliases=("constant_time_equals",))
def same_text(text: str, other: str) -> bool:
    """Whether two texts are the same, compared in a time that tells nothing about where they differ (for signatures)."""
    return signing.compare_digest(text.encode(), other.encode())


@function("Encoding", "{{ uuid() | length }}", 36, aliases=("uuid4", "guid"))
def uuid() -> str:
    """A new random id (UUID version 4)."""
    return str(uuids.uuid4())


@function("Encoding", "{{ uuid7() | length }}", 36, aliases=("sortable_id",))
def uuid7_() -> str:
    """A new id that sorts by the time it was made (UUID version 7)."""
    return str(uuid7())


@function("Encoding", "{{ random_text(12) | length }}", 12, aliases=("random_string",))
def random_text(length: int = 16, letters: str = _LETTERS) -> str:
    """Random letters and digits (or the given characters), fit for codes and passwords."""
    if not 0 <= length <= MAX_RANDOM_TEXT or not letters:
        raise ExpressionTypeError(
            f"`random_text` makes at most {MAX_RANDOM_TEXT:,} characters, from at least one letter."
        )
    return "".join(secrets.choice(letters) for _ in range(length))
