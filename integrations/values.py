"""What callers hand to an action, what they get back, and what they lend it. No database, no settings."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from automate.lib.http import EgressPolicy
from automate.lib.jsontypes import JSON


@dataclass(frozen=True)
class Connection:
    """Somebody's opened access to a service.

    `values` holds the credentials under their field names (`token`, `key`, `username`, `password`, `access_token` …)
    and what was saved about the account; manifests see it as `connection`. It never shows in a representation.
    """

    id: str
    integration: str
    auth_type: str
    values: Mapping[str, JSON] = field(default_factory=dict, repr=False)

    def text(self, key: str) -> str:
        """A value as text; empty when it is absent."""
        value = self.values.get(key)
        return "" if value is None else str(value)


@dataclass(frozen=True)
class ActionResult:
    """`request_log` is `{method, url, status, headers, duration_ms, bytes_sent, bytes_received, …}` without secrets."""

    output: JSON
    request_log: dict[str, JSON] | None = None


@dataclass(slots=True)
class Outgoing:
    """A request while it is put together. `secret_headers` (lower case) are masked whole wherever it is shown."""

    method: str
    url: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    secret_headers: set[str] = field(default_factory=set)


class FileStore(Protocol):
    """Bytes of file values `{"$file": id, name, mime, size, sha256}`."""

    def read(self, file: Mapping[str, JSON]) -> bytes:
        """Raises KeyError when there is no such file for this workspace."""
        ...

    def save(self, data: bytes, *, name: str, mime: str) -> dict[str, JSON]: ...


class Limiter(Protocol):
    def acquire(self, key: str, requests: int, per_s: float) -> float:
        """Take one of `requests` per `per_s` seconds; seconds to wait before sending, 0 for at once.

        When the answer is at most MAX_INLINE_WAIT_S the place is taken and the caller waits; above that it is not.
        """
        ...


MAX_INLINE_WAIT_S = 0.25  # longer waits give the worker back to others


@dataclass(frozen=True)
class Context:
    """What a protocol module is lent for one action."""

    policy: EgressPolicy
    timeout_s: float
    idempotency_key: str | None = None
    files: FileStore | None = None
    tls: ssl.SSLContext | None = None  # None: the system's authorities
