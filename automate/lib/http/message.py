"""Requests and answers, and the strict reading of addresses and headers before anything is sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from automate.lib.http.errors import InvalidRequest
from automate.lib.http.policy import normal_host

DEFAULT_TIMEOUT_S = 30.0
DEFAULT_MAX_BYTES = 16 * 1024 * 1024  # the largest step output that is kept, as a blob
MAX_URL_CHARS = 16 * 1024
PORTS = {"http": 80, "https": 443}

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSAFE_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_KEEP_IN_URL = "%/:=&?~#+!$,;'@()*[]"
# Set by the client alone: a second opinion on them is how requests get smuggled.
_OWN_HEADERS = frozenset(
    (
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "te",
        "trailer",
        "expect",
    )
)
_REFUSED_METHODS = frozenset(("CONNECT", "TRACE"))


@dataclass(frozen=True, slots=True)
class Request:
    """`timeout_s` bounds the whole exchange, redirects included; `max_bytes` counts decompressed bytes.

    `allow_retry`: the request may be sent a second time at once when a kept connection turns out to be dead.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    max_bytes: int = DEFAULT_MAX_BYTES
    follow_redirects: bool = False
    allow_retry: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """`headers` in lower case, repeated ones joined by a comma; `url` is the one that answered."""

    status: int
    headers: dict[str, str]
    body: bytes
    url: str
    elapsed_ms: float
    redirects: int = 0


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host, with brackets and port where needed, as the Host header and URLs write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


class Target(NamedTuple):
    origin: Origin
    path: str  # path and query, ASCII, never empty

    @property
    def url(self) -> str:
        return f"{self.origin.scheme}://{self.origin.authority}{self.path}"


def parse_url(url: str) -> Target:
    """Raises InvalidRequest or EgressBlocked with a sentence; the part after # is dropped."""
    if len(url) > MAX_URL_CHARS:
        raise InvalidRequest(f"The address is longer than {MAX_URL_CHARS:,} characters.")
    url = url.strip(" ")
    if _CONTROL.search(url):
        raise InvalidRequest("The address contains a line break or another control character.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidRequest(f"“{url[:80]}” is not a valid address.") from None
    origin = _origin(parts.scheme.lower(), parts.netloc, parts.hostname, port, url)
    path = _ascii(parts.path or "/") + (f"?{_ascii(parts.query)}" if parts.query else "")
    return Target(origin, path if path.startswith("/") else f"/{path}")


def _origin(scheme: str, netloc: str, host: str | None, port: int | None, url: str) -> Origin:
    if scheme not in PORTS:
        raise InvalidRequest(f"“{url[:80]}” is not a web address: it must begin with http:// or https://.")
    if not host:
        raise InvalidRequest(f"“{url[:80]}” names no host.")
    if "@" in netloc:
        raise InvalidRequest(
            "Do not write user name and password into the address; give them as authentication."
        )
    return _checked_origin(scheme, host, PORTS[scheme] if port is None else port)


@lru_cache(maxsize=1024)
def _checked_origin(scheme: str, host: str, port: int) -> Origin:
    if not port:
        raise InvalidRequest("Port 0 cannot be called.")
    return Origin(scheme, normal_host(f"[{host}]" if ":" in host else host), port)


def _ascii(text: str) -> str:
    return text if text.isascii() and not _needs_quoting(text) else quote(text, safe=_KEEP_IN_URL)


_needs_quoting = re.compile(r"[ \"<>\\^`{|}]").search


def check_method(method: str) -> str:
    upper = method.upper()
    if not _TOKEN.fullmatch(upper) or upper in _REFUSED_METHODS:
        raise InvalidRequest(f"“{method[:20]}” is not a method that can be sent.")
    return upper


def header_lines(headers: Mapping[str, str]) -> list[bytes]:
    """Each header as `Name: value`. Raises InvalidRequest for names and values that could smuggle in others."""
    return [_header_line(name, value) for name, value in headers.items()]


def _header_line(name: str, value: str) -> bytes:
    _check_name(name)
    text = value.strip(" \t")
    if _UNSAFE_IN_VALUE.search(text):
        raise InvalidRequest(f"The header “{name}” contains a line break or another control character.")
    try:
        return f"{name}: {text}".encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"The header “{name}” contains a character that cannot be sent.") from None


@lru_cache(maxsize=512)
def _check_name(name: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise InvalidRequest(f"“{name[:40]!r}” is not a valid header name.")
    if name.lower() in _OWN_HEADERS or name.lower().startswith("proxy-"):
        raise InvalidRequest(f"Remove the header “{name}”: it is set for you.")
