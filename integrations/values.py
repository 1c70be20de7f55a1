"""What callers hand to an action, what they get back, and what they lend it. No database, no settings."""

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from automate.lib.http import EgressPolicy, HttpClient
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
    def acquire(self, key: str, requests: int, per_s: float, up_to_s: float = ...) -> float:
        """Take one of `requests` per `per_s` seconds; seconds to wait before sending, 0 for at once.

        When the answer is at most `up_to_s` (MAX_INLINE_WAIT_S) the place is taken for then; above that it is not.
        """
        ...

    def pause(self, key: str, seconds: float) -> None:
        """The service asked to be left alone for so long: nobody is to send under this key until then."""
        ...

    def paused_s(self, key: str) -> float:
        """How long that still holds, 0 when it does not."""
        ...


MAX_INLINE_WAIT_S = 0.25  # longer waits give the worker back to others
MAX_AHEAD_S = (
    600.0  # how far ahead a run that waits may take its place: without one, all that wait come back at once
)


@dataclass(frozen=True)
class Context:
    """What a protocol module is lent for one action."""

    policy: EgressPolicy
    timeout_s: float
    idempotency_key: str | None = None
    files: FileStore | None = None
    tls: ssl.SSLContext | None = None  # None: the system's authorities
    client: HttpClient | None = None  # for protocols that come over HTTP


# --- polls ----------------------------------------------------------------------------------------

Mark: TypeAlias = float | str | None  # where an item stands in its list; times in seconds since 1970


@dataclass(frozen=True, slots=True)
class Attachment:
    """Bytes that come with an item of a poll."""

    name: str
    mime: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Item:
    """`key` tells it from every other item of its list; `value` is what a run gets as the trigger's body."""

    key: str
    value: JSON
    mark: Mark = None
    files: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Batch:
    """New items, the oldest first. `state_after(n)`: what to remember (plain JSON) once the first n have been taken.

    `has_more`: ask again at once. `has_gap`: there were more new items than could be read; the oldest are left out.
    """

    items: Sequence[Item]
    has_more: bool
    state_after: Callable[[int], dict[str, Any]]
    has_gap: bool = False
