"""Talks to one mail server: dials checked addresses only, ends at the deadline, words what goes wrong."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import SMTPUTF8 as SMTP_WIDE_POLICY
from typing import Any

from automate.lib.http import HttpError, default_tls, dial
from integrations.errors import ActionError, InputError
from integrations.values import Connection, Context

PORTS = {"tls": 465, "starttls": 587, "none": 25}


class _Pinned:
    """Lets smtplib dial only addresses that were checked, while certificates are held against the host's name."""

    addresses: list[str]
    opened: socket.socket | None = None
    in_data = False  # the message itself was under way
    timed_out = False

    def dial(self, port: int, timeout_s: float) -> socket.socket:
        failure: OSError = OSError("no address")
        for address in self.addresses:
            try:
                self.opened = dial(address, port, timeout_s=timeout_s)
                return self.opened
            except OSError as error:
                failure = error
        raise failure

    def send(self, s: Any) -> None:
        """smtplib sends commands as text and only the message itself as bytes."""
        self.in_data = self.in_data or isinstance(s, bytes)
        super().send(s)  # type: ignore[misc]  # smtplib's, beside us


class _Plain(_Pinned, smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self.dial(port, timeout)


class _Tls(_Pinned, smtplib.SMTP_SSL):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        self.opened = self.context.wrap_socket(self.dial(port, timeout), server_hostname=host)
        return self.opened


@contextmanager
def session(connection: Connection, context: Context) -> Iterator[smtplib.SMTP]:
    """A signed-in conversation that ends at the deadline whatever the server does."""
    host, port = host_of(connection), port_of(connection)
    addresses = _checked(host, port, context)
    security = connection.text("security") or "starttls"
    server = _client(host, security, addresses, context)
    watchdog = threading.Timer(context.timeout_s, _hang_up, [server])
    watchdog.daemon = True
    watchdog.start()
    try:
        with _named(host, server):
            server.connect(host, port)
            if security == "starttls":
                server.starttls(context=context.tls or default_tls())
            server.ehlo_or_helo_if_needed()
            if connection.text("username"):
                _sign_in(server, connection)
            yield server
    finally:
        watchdog.cancel()
        _say_goodbye(server)


def _client(host: str, security: str, addresses: list[str], context: Context) -> "_Plain | _Tls":
    name = "automate.invalid"  # what we call ourselves; servers that care look at the address
    if security == "tls":
        server: _Plain | _Tls = _Tls(
            timeout=context.timeout_s, local_hostname=name, context=context.tls or default_tls()
        )
    else:
        server = _Plain(timeout=context.timeout_s, local_hostname=name)
    server.addresses = addresses
    server._host = host  # type: ignore[union-attr]  # what STARTTLS holds the certificate against; connect() leaves it empty
    return server


def _checked(host: str, port: int, context: Context) -> list[str]:
    try:
        return context.policy.check_host(host, port, timeout_s=context.timeout_s)
    except HttpError as error:
        raise ActionError(error.message, code=error.code, retryable=error.retryable, sent=False) from None


def _hang_up(server: Any) -> None:
    server.timed_out = True
    if server.opened is not None:
        with suppress(OSError):
            server.opened.shutdown(socket.SHUT_RDWR)


def _say_goodbye(server: smtplib.SMTP) -> None:
    try:
        if server.sock is not None:
            server.sock.settimeout(1)
            server.quit()
    except (OSError, smtplib.SMTPException):
        pass
    finally:
        server.close()


def _sign_in(server: smtplib.SMTP, connection: Connection) -> None:
    if not server.has_extn("auth"):
        raise ActionError("The mail server offers no sign-in on this connection.", code="no_auth", sent=False)
    server.login(connection.text("username"), connection.text("password"))


def deliver(server: smtplib.SMTP, message: EmailMessage, recipients: list[str]) -> dict[str, str]:
    """Refused recipients and why, when at least one was accepted."""
    wide = not all(address.isascii() for address in recipients)
    sender = str(message["From"].addresses[0].addr_spec)
    options = ["SMTPUTF8"] if wide or not sender.isascii() else []
    if options and not server.has_extn("smtputf8"):
        raise InputError("The mail server does not take addresses with letters beyond ASCII.", field="to")
    policy = SMTP_WIDE_POLICY if options else SMTP_POLICY
    refused = server.sendmail(sender, recipients, message.as_bytes(policy=policy), mail_options=options)
    return {address: _words(answer[0], answer[1]) for address, answer in refused.items()}


@contextmanager
def _named(host: str, server: Any) -> Iterator[None]:
    """smtplib's errors in plain words. Before the message's text is under way, nothing can have been delivered."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        said = _words(error.smtp_code, error.smtp_error)
        raise ActionError(
            f"{host} did not accept the user name and password: {said}.",
            code="auth",
            reconnect=True,
            sent=False,
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        raise _refusal(f"{host} refused every recipient", code, words, sent=False) from None
    except smtplib.SMTPDataError as error:
        raise _refusal(f"{host} refused the message", error.smtp_code, error.smtp_error, sent=True) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(f"{host} refused", error.smtp_code, error.smtp_error, sent=False) from None
    except smtplib.SMTPNotSupportedError:
        raise ActionError(
            f"{host} does not offer the chosen security.", code="unsupported", sent=False
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise ActionError(
            f"The certificate of {host} is not valid: {error.verify_message}.", code="tls", sent=False
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise _lost(host, error, server) from None


def _refusal(what: str, code: int, said: bytes | str, *, sent: bool) -> ActionError:
    """4xx answers are passing, 5xx are final."""
    return ActionError(
        f"{what}: {_words(code, said)}.",
        code=f"smtp_{code}",
        status=code,
        retryable=400 <= code < 500,
        sent=sent,
    )


def _lost(host: str, error: Exception, server: Any) -> ActionError:
    if isinstance(error, ConnectionRefusedError):
        message = f"{host} refused the connection: nothing listens on that port."
    elif server.timed_out or isinstance(error, TimeoutError):
        message = f"{host} did not answer in time."
    else:
        message = f"{host} hung up before it had taken the message."
    return ActionError(
        message, code="connection_lost", retryable=True, sent=None if server.in_data else False
    )


def _words(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())[:200]}".rstrip(". ")


def host_of(connection: Connection) -> str:
    host = connection.text("host")
    if not host:
        raise ActionError(
            "The connection names no mail server. Connect again.", code="not_connected", sent=False
        )
    return host


def port_of(connection: Connection) -> int:
    text = connection.text("port")
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    return PORTS.get(connection.text("security") or "starttls", 587)
