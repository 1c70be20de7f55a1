"""One kept connection to one checked address; every wait on it is bounded by the request's deadline."""

import contextlib
import http.client
import io
import select
import socket
import ssl
from collections.abc import Sequence

from automate.lib.clock import monotonic
from automate.lib.http.errors import ConnectFailed, HttpError, TlsFailed
from automate.lib.http.message import Origin

CONNECT_S = 10.0  # per address; a host that is there answers within one round trip
SMALL_BODY = 64 * 1024  # up to this size head and body go out in one packet


class DeadlinePassed(TimeoutError):
    pass


class TimedSocket:
    """What `http.client.HTTPResponse` needs of a socket, with one deadline over all its waits."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.deadline = 0.0

    def arm(self) -> None:
        left = self.deadline - monotonic()
        if left <= 0:
            raise DeadlinePassed
        self.sock.settimeout(left)

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self.arm()
            view = view[self.sock.send(view) :]

    def makefile(self, *_mode: object) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self), 16 * 1024)


class _TimedReader(io.RawIOBase):
    def __init__(self, timed: TimedSocket) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # what BufferedReader gives it
        self._timed.arm()
        return self._timed.sock.recv_into(buffer)


class _Answer(http.client.HTTPResponse):
    """Skips interim answers such as 103 Early Hints, which the standard library takes for the final one."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # not in the stubs
            if not 102 <= status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


class Connection:
    """An open connection of an origin. Not for two threads at once."""

    def __init__(self, sock: socket.socket, origin: Origin) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self.uses = 0
        self._timed = TimedSocket(sock)
        self._host_line = f"Host: {origin.authority}".encode()

    def exchange(
        self, method: str, path: str, lines: Sequence[bytes], body: bytes | None, deadline: float
    ) -> _Answer:
        """Send the request and read the answer's head. Raises OSError, http.client.HTTPException, DeadlinePassed."""
        self._timed.deadline = deadline
        self.uses += 1
        head = [f"{method} {path} HTTP/1.1".encode("ascii"), self._host_line, *lines]
        if body is not None or method in ("POST", "PUT", "PATCH"):
            head.append(b"Content-Length: %d" % len(body or b""))
        self._send(b"\r\n".join(head) + b"\r\n\r\n", body or b"")
        answer = _Answer(self._timed, method=method)  # type: ignore[arg-type]  # it only calls makefile
        answer.begin()
        return answer

    def _send(self, head: bytes, body: bytes) -> None:
        if len(body) <= SMALL_BODY:
            self._timed.sendall(head + body)
        else:
            self._timed.sendall(head)
            with contextlib.suppress(BrokenPipeError):  # refused half-way, and the answer may say why
                self._timed.sendall(body)

    def looks_alive(self) -> bool:
        """False when the other side has hung up or said something unasked."""
        poll = select.poll()
        poll.register(self._timed.sock, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self._timed.sock.close()


def connect(
    origin: Origin, addresses: Sequence[str], *, deadline: float, tls: ssl.SSLContext | None = None
) -> Connection:
    """Open a connection to the first address that answers. Raises ConnectFailed or TlsFailed."""
    failure: HttpError = ConnectFailed(f"“{origin.host}” has no address to connect to.")
    for address in addresses:
        try:
            sock = dial(address, origin.port, timeout_s=min(CONNECT_S, deadline - monotonic()))
            return Connection(sock if tls is None else _secure(sock, origin, tls, deadline), origin)
        except OSError as error:
            failure = ConnectFailed(f"No connection to {origin.authority}: {_reason(error)}.")
    raise failure


def dial(address: str, port: int, *, timeout_s: float) -> socket.socket:
    """A TCP connection to an address that was checked before; `address` is never looked up. Raises OSError."""
    if timeout_s <= 0:
        raise DeadlinePassed
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _secure(sock: socket.socket, origin: Origin, tls: ssl.SSLContext, deadline: float) -> ssl.SSLSocket:
    """The certificate is held against the host's name although an address was dialled."""
    try:
        sock.settimeout(max(0.001, deadline - monotonic()))
        return tls.wrap_socket(sock, server_hostname=origin.host)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise TlsFailed(f"The certificate of “{origin.host}” is not valid: {error.verify_message}.") from None
    except ssl.SSLError as error:
        sock.close()
        reason = (error.reason or "it hung up").replace("_", " ").lower()
        raise TlsFailed(f"No secure connection to “{origin.host}”: {reason}.") from None
    except OSError:
        sock.close()
        raise


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "it refused, so nothing listens on that port"
    if isinstance(error, ConnectionResetError):
        return "it hung up"
    return (error.strerror or "it cannot be reached").lower()
