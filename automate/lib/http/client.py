"""The one door out: checks every address and every hop, keeps connections, holds the deadline."""

import http.client
import os
import ssl
import threading
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias
from urllib.parse import urljoin

from automate.lib.clock import monotonic
from automate.lib.http.body import read_body
from automate.lib.http.connection import Connection, connect
from automate.lib.http.errors import BadAnswer, ConnectionLost, HttpError, TimedOut, TooManyRedirects
from automate.lib.http.message import Origin, Request, Response, Target, check_method, header_lines, parse_url
from automate.lib.http.policy import EgressPolicy

MAX_REDIRECTS = 10
MAX_IDLE_S = 30.0  # below the time after which common servers and routers forget a quiet connection
# A request that must not be sent twice takes only a connection used this recently: the shortest keep-alive
# in wide use is 5 s (Node), and losing the race against it would leave the outcome unknown.
MAX_IDLE_ONCE_S = 4.0
MAX_ORIGINS = 256  # origins whose connections are kept; the pool is emptied when more are used

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
# The only headers another origin gets to see after a redirect: none of them can carry a credential.
_HARMLESS = frozenset(
    ("accept", "accept-language", "content-type", "user-agent", "idempotency-key", "cache-control", "range")
)
_OF_THE_BODY = frozenset(("content-type", "content-encoding", "content-language"))


_Parts: TypeAlias = tuple[int, dict[str, str], bytes]  # status, headers, body


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request of the chain that redirects make."""

    request: Request  # as the caller gave it
    method: str
    headers: Mapping[str, str]
    body: bytes | None
    target: Target
    deadline: float


class HttpClient:
    """Safe to share between threads. No cookies, no proxies from the environment, no .netrc.

    `pool_size`: idle connections kept for each origin. `tls`: for installations with a certificate authority of their own.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        pool_size: int = 32,
        user_agent: str = "automate/0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.policy = policy
        self._pool_size = pool_size
        self._user_agent = user_agent
        self.tls = tls  # None: the system's authorities
        self._lock = threading.Lock()
        self._swept_at = monotonic()
        self._idle: dict[Origin, deque[Connection]] = {}
        self._owner = os.getpid()
        weakref.finalize(self, _close_all, self._idle)

    def send(self, request: Request) -> Response:
        """Any status is an answer, not an error. Raises HttpError, whose `sent` says what may have happened."""
        started = monotonic()
        method, target = check_method(request.method), parse_url(request.url)
        hop = _Hop(request, method, request.headers, request.body, target, started + request.timeout_s)
        reached = False
        for redirects in range(MAX_REDIRECTS + 1):
            try:
                status, headers, body = self._send_once(hop)
                reached = True
                location = headers.get("location") if request.follow_redirects else None
                if status not in _REDIRECTS or not location:
                    elapsed_ms = (monotonic() - started) * 1000
                    return Response(status, headers, body, hop.target.url, elapsed_ms, redirects)
                hop = _next_hop(hop, status, location)
            except HttpError as error:
                if reached:  # whatever went wrong with a later hop, the first host did get it
                    error.sent = True
                raise
        raise TooManyRedirects(f"“{hop.target.origin.host}” redirected more than {MAX_REDIRECTS} times.")

    def close(self) -> None:
        """Close the idle connections; the client may be used again."""
        with self._lock:
            _close_all(self._idle)

    def _send_once(self, hop: _Hop) -> _Parts:
        lines = self._lines(hop.headers)
        again = hop.request.allow_retry
        kept = self._take_idle(hop.target.origin, MAX_IDLE_S if again else MAX_IDLE_ONCE_S)
        if kept is not None:
            try:
                return self._exchange(kept, hop, lines)
            except ConnectionLost as error:
                if not again or error.sent:
                    raise
        return self._exchange(self._connect(hop), hop, lines)

    def _connect(self, hop: _Hop) -> Connection:
        origin = hop.target.origin
        left = hop.deadline - monotonic()
        addresses = self.policy.check_host(origin.host, origin.port, timeout_s=left)
        tls = (self.tls or default_tls()) if origin.scheme == "https" else None
        return connect(origin, addresses, deadline=hop.deadline, tls=tls)

    def _exchange(self, connection: Connection, hop: _Hop, lines: list[bytes]) -> _Parts:
        answered = reusable = False
        try:
            answer = connection.exchange(hop.method, hop.target.path, lines, hop.body, hop.deadline)
            answered = True
            body = read_body(answer, hop.request.max_bytes)
            reusable = not answer.will_close and answer.isclosed()
            return answer.status, _joined(answer.headers), body
        except (OSError, http.client.HTTPException) as error:
            raise _named(error, hop, answered) from None
        finally:
            if reusable:
                self._give_back(connection)
            else:
                connection.close()

    def _lines(self, headers: Mapping[str, str]) -> list[bytes]:
        lines = header_lines(headers)
        given = {name.lower() for name in headers}
        if "user-agent" not in given:
            lines.append(f"User-Agent: {self._user_agent}".encode())
        if "accept-encoding" not in given:
            lines.append(b"Accept-Encoding: gzip, deflate")
        return lines

    def _take_idle(self, origin: Origin, max_idle_s: float) -> Connection | None:
        self._forget_after_fork()
        while True:
            with self._lock:
                kept = self._idle.get(origin)
                if not kept:
                    return None
                connection = kept.pop()
            if monotonic() - connection.idle_since <= max_idle_s and connection.looks_alive():
                return connection
            connection.close()

    def _give_back(self, connection: Connection) -> None:
        connection.idle_since = monotonic()
        with self._lock:
            kept = self._idle.setdefault(connection.origin, deque())
            kept.append(connection)
            surplus = kept.popleft() if len(kept) > self._pool_size else None
            stale = self._stale(connection.idle_since)
        for old in (*stale, *filter(None, [surplus])):
            old.close()

    def _stale(self, moment: float) -> list[Connection]:
        """Takes connections nobody came back for out of the pool, looking every MAX_IDLE_S; the lock is held."""
        if moment - self._swept_at < MAX_IDLE_S and len(self._idle) <= MAX_ORIGINS:
            return []
        self._swept_at = moment
        stale: list[Connection] = []
        for origin, kept in list(self._idle.items()):
            while kept and (moment - kept[0].idle_since > MAX_IDLE_S or len(self._idle) > MAX_ORIGINS):
                stale.append(kept.popleft())
            if not kept:
                del self._idle[origin]
        return stale

    def _forget_after_fork(self) -> None:
        """A child process must not write into its parent's connections."""
        if self._owner != os.getpid():
            self._owner, self._lock = os.getpid(), threading.Lock()
            _close_all(self._idle)


def _close_all(idle: dict[Origin, deque[Connection]]) -> None:
    while idle:
        for connection in idle.popitem()[1]:
            connection.close()


@cache
def default_tls() -> ssl.SSLContext:
    """Trusts the system's authorities and those that come with certifi: bare machines have none of their own."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _next_hop(hop: _Hop, status: int, location: str) -> _Hop:
    """Another origin gets none of the headers that could carry a credential."""
    target = parse_url(urljoin(hop.target.url, location))
    method, headers, body = hop.method, hop.headers, hop.body
    if status == 303 or (status in (301, 302) and method == "POST"):
        method, body = ("HEAD" if method == "HEAD" else "GET"), None
        headers = {name: value for name, value in headers.items() if name.lower() not in _OF_THE_BODY}
    if target.origin != hop.target.origin:
        headers = {name: value for name, value in headers.items() if name.lower() in _HARMLESS}
    return _Hop(hop.request, method, headers, body, target, hop.deadline)


def _joined(headers: http.client.HTTPMessage) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined


def _named(error: OSError | http.client.HTTPException, hop: _Hop, answered: bool) -> HttpError:
    host = hop.target.origin.authority
    sent = True if answered else None
    if isinstance(error, TimeoutError):
        return TimedOut(f"“{host}” did not answer within {round(hop.request.timeout_s, 2):g} s.", sent=sent)
    if isinstance(error, http.client.IncompleteRead):
        return ConnectionLost(f"“{host}” hung up in the middle of its answer.", sent=True)
    if isinstance(error, OSError):
        return ConnectionLost(f"“{host}” hung up before it answered.", sent=sent)
    return BadAnswer(f"“{host}” did not answer in HTTP that can be read.")
