"""Talks to one mail server: dials checked addresses only, ends at the deadline, words what goes wrong."""

from __future__ import annotations

import base64
import imaplib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from automate.lib.http import HttpError, default_tls, dial
from integrations.errors import ActionError, InputError
from integrations.values import Connection, Context

PORTS: Final = {"tls": 993, "starttls": 143, "none": 143}
MAX_LITERAL: Final = 32 * 1024 * 1024  # what a server may send in one piece
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ASTRAL: Final = re.compile(r"[^\x20-\x7e]+")


class Server(imaplib.IMAP4):
    """imaplib, dialling only addresses that were checked, while certificates are held against the host's name."""

    def __init__(
        self, host: str, port: int, addresses: list[str], tls: ssl.SSLContext | None, timeout_s: float
    ) -> None:
        self._addresses, self._tls = addresses, tls
        self.opened: socket.socket | None = None
        self.timed_out = False
        super().__init__(host, port, timeout_s)
        self._encoding = "utf-8"

    def _create_socket(self, timeout: float | None) -> socket.socket:
        failure: OSError = OSError("no address")
        for address in self._addresses:
            try:
                plain = dial(address, self.port, timeout_s=timeout or 30.0)
            except OSError as error:
                failure = error
                continue
            self.opened = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain
            return self.opened
        raise failure

    def read(self, size: int) -> bytes:
        if size > MAX_LITERAL:
            raise self.abort(f"it wanted to send {size:,} bytes in one piece")
        return super().read(size)


@contextmanager
def session(connection: Connection, context: Context) -> Iterator[Server]:
    """A signed-in conversation that ends at the deadline whatever the server does. Raises ActionError."""
    host, port = _host(connection), _port(connection)
    security = connection.text("security") or "tls"
    addresses = _checked(host, port, context)
    holder: list[Server] = []
    watchdog = threading.Timer(context.timeout_s, _hang_up, [holder])
    watchdog.daemon = True
    watchdog.start()
    try:
        with _named(host, holder):
            tls = (context.tls or default_tls()) if security == "tls" else None
            server = Server(host, port, addresses, tls, context.timeout_s)
            holder.append(server)
            if security == "starttls":
                server.starttls(context.tls or default_tls())
            _sign_in(server, connection, host)
            yield server
    finally:
        watchdog.cancel()
        for server in holder:
            _say_goodbye(server)


def ask(server: Server, command: str, *args: str) -> list[Any]:
    """The untagged answers to `UID command args`. Raises ActionError when the server says NO or BAD."""
    kind, data = server.uid(command, *args)
    if kind != "OK":
        raise _refused(server.host, data)
    return [part for part in data if part is not None]


def look_into(server: Server, folder: str) -> tuple[int, int]:
    """Open a folder for reading alone; its UIDVALIDITY and UIDNEXT (0 where the server tells none)."""
    kind, _ = server.select(quoted(folder), readonly=True)
    if kind != "OK":
        raise InputError(
            f"There is no folder “{folder}” in this mailbox. Choose another one.", field="folder"
        )
    return _number(server, "UIDVALIDITY"), _number(server, "UIDNEXT")


def folders(server: Server) -> list[str]:
    kind, data = server.list()
    if kind != "OK":
        raise _refused(server.host, data)
    return [name for line in data if line is not None and (name := _folder_name(line)) is not None]


def quoted(folder: str) -> str:
    """A folder's name as IMAP writes it: modified UTF-7 (RFC 3501, 5.1.3) in quotes."""
    if _CONTROL.search(folder):
        raise InputError("The name of a folder holds no line breaks.", field="folder")
    encoded = _ASTRAL.sub(_utf7, folder.replace("&", "&-"))
    return '"' + encoded.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _utf7(found: re.Match[str]) -> str:
    text = base64.b64encode(found[0].encode("utf-16-be")).decode().rstrip("=")
    return f"&{text.replace('/', ',')}-"


def plain_name(encoded: str) -> str:
    """Back from modified UTF-7."""

    def decoded(found: re.Match[str]) -> str:
        if not found[1]:
            return "&"
        text = found[1].replace(",", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-16-be", "replace")

    return re.sub(r"&([A-Za-z0-9+,]*)-", decoded, encoded)


_LISTED: Final = re.compile(rb'\((?P<flags>[^)]*)\) (?:"(?:[^"\\]|\\.)*"|NIL) (?P<name>.+)', re.DOTALL)


def _folder_name(line: Any) -> str | None:
    """None for what cannot be opened."""
    raw = b"".join(line) if isinstance(line, tuple) else line
    found = _LISTED.match(raw)
    if found is None or b"\\noselect" in found["flags"].lower():
        return None
    name = line[1] if isinstance(line, tuple) else found["name"]
    text = name.decode("utf-8", "replace").strip()
    if text.startswith('"') and text.endswith('"'):
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    return plain_name(text)


def _number(server: Server, name: str) -> int:
    _, data = server.response(name)
    last = data[-1] if data else None
    return int(last) if isinstance(last, bytes) and last.isdigit() else 0


def _sign_in(server: Server, connection: Connection, host: str) -> None:
    user, password = connection.text("username"), connection.text("password")
    try:
        if "AUTH=PLAIN" in server.capabilities:
            server.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        elif _CONTROL.search(user + password):
            raise InputError("User name and password hold no line breaks.")
        else:
            server.login(_string(user), password)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error as error:
        raise ActionError(
            f"{host} did not accept the user name and password: {_said(error)}.",
            code="auth",
            reconnect=True,
            sent=False,
        ) from None


def _string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _checked(host: str, port: int, context: Context) -> list[str]:
    try:
        return context.policy.check_host(host, port, timeout_s=context.timeout_s)
    except HttpError as error:
        raise ActionError(error.message, code=error.code, retryable=error.retryable, sent=False) from None


def _hang_up(holder: list[Server]) -> None:
    for server in holder:
        server.timed_out = True
        if server.opened is not None:
            with suppress(OSError):
                server.opened.shutdown(socket.SHUT_RDWR)


def _say_goodbye(server: Server) -> None:
    with suppress(OSError, imaplib.IMAP4.error):
        server.sock.settimeout(1)
        server.logout()


@contextmanager
def _named(host: str, holder: list[Server]) -> Iterator[None]:
    """imaplib's errors in plain words. Everything here only reads, so trying again does no harm."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise ActionError(
            f"The certificate of {host} is not valid: {error.verify_message}.", code="tls", sent=False
        ) from None
    except imaplib.IMAP4.abort as error:
        raise _lost(host, holder, _said(error)) from None
    except imaplib.IMAP4.error as error:
        raise ActionError(f"{host} refused: {_said(error)}.", code="imap_error", sent=True) from None
    except ConnectionRefusedError:
        raise _lost(host, holder, "nothing listens on that port") from None
    except OSError as error:
        raise _lost(
            host, holder, "it did not answer in time" if isinstance(error, TimeoutError) else ""
        ) from None


def _lost(host: str, holder: list[Server], why: str) -> ActionError:
    if any(server.timed_out for server in holder):
        why = "it did not answer in time"
    said = f": {why}" if why else ""
    return ActionError(
        f"The connection to {host} was lost{said}.", code="connection_lost", retryable=True, sent=False
    )


def _refused(host: str, data: list[Any]) -> ActionError:
    said = b" ".join(part for part in data if isinstance(part, bytes)).decode("utf-8", "replace")
    return ActionError(f"{host} refused: {said[:200].rstrip('.')}.", code="imap_no", sent=True)


def _said(error: Exception) -> str:
    first = error.args[0] if error.args else ""
    text = first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
    return " ".join(text.split())[:200].rstrip(".")


def _host(connection: Connection) -> str:
    host = connection.text("host")
    if not host:
        raise ActionError(
            "The connection names no mail server. Connect again.", code="not_connected", sent=False
        )
    return host


def _port(connection: Connection) -> int:
    text = connection.text("port")
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    return PORTS.get(connection.text("security") or "tls", 993)
