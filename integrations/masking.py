"""Keeps secrets out of logs and messages: services quote what they were sent."""

import base64
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "••••"
MIN_SECRET_CHARS = 4  # masking shorter texts would eat ordinary words
_TELLING = re.compile(
    r"authorization|cookie|token|secret|password|passwd|api[-_]?key|signature|credential", re.IGNORECASE
)


class Masker:
    """Replaces every occurrence of some secrets, also URL-, JSON-, HTML-, hex- and base64-encoded."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = {
            spelling
            for secret in secrets
            if len(secret) >= MIN_SECRET_CHARS
            for spelling in _spellings(secret)
        }
        longest_first = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text

    def headers(self, headers: dict[str, str], secret: Iterable[str] = ()) -> dict[str, str]:
        """`secret`: lower-case names masked whole, besides those whose name tells."""
        hidden = set(secret)
        return {
            name: MASK if name.lower() in hidden or _TELLING.search(name) else self.text(value)
            for name, value in headers.items()
        }


def _spellings(secret: str) -> Iterable[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret, quote=False)
    yield html.escape(secret)
    yield html.escape(secret).replace("&#x27;", "&#39;")
    yield raw.hex()
    yield from _base64_spellings(raw)


def _base64_spellings(raw: bytes) -> Iterable[str]:
    """Also as the inner part of something longer, which shifts the groups of three bytes."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        inner = encoded[(0, 2, 3)[shift] : len(encoded) - (1 if (len(raw) + shift) % 3 else 0)]
        if len(inner) >= 2 * MIN_SECRET_CHARS:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
