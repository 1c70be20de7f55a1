"""Sends mail through a person's own server (RFC 5321, 8314)."""

import base64
import hashlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.errors import HeaderParseError, MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import SMTPUTF8 as SMTP_WIDE_POLICY
from email.utils import format_datetime, getaddresses
from typing import Any, cast

from automate.lib import clock
from automate.lib.http import HttpError, default_tls, dial
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON
from integrations.errors import ActionError, InputError
from integrations.values import ActionResult, Connection, Context

PORTS = {"tls": 465, "starttls": 587, "none": 25}
MAX_RECIPIENTS = 100  # common servers refuse more in one message
MAX_MESSAGE_BYTES = 25 * 1024 * 1024
_LINE_BREAKS = re.compile(r"[\r\n\x00]")


def run(action: str, input: dict[str, JSON], connection: Connection, context: Context) -> ActionResult:
    """`send_email` → `{message_id, accepted, refused}`. Raises ActionError."""
    if action != "send_email":
        raise ActionError(f"SMTP has no action “{action}”.", code="unknown_action", sent=False)
    message, recipients = compose(input, connection, context)
    started = clock.monotonic()
    with _session(connection, context) as server:
        refused = _deliver(server, message, recipients)
    output: dict[str, JSON] = {
        "message_id": str(message["Message-ID"]),
        "accepted": [address for address in recipients if address not in refused],
        "refused": dict(refused),
    }
    log: dict[str, JSON] = {
        "method": "SMTP",
        "url": f"smtp://{_host(connection)}:{_port(connection)}",
        "status": 250,
        "headers": {
            name: str(message[name]) for name in ("From", "To", "Subject", "Message-ID") if message[name]
        },
        "duration_ms": round((clock.monotonic() - started) * 1000, 1),
        "bytes_sent": len(bytes(message)),
    }
    return ActionResult(output, log)


def test(connection: Connection, context: Context) -> str:
    """Sign in and out again; the sender's address is the label. Raises ActionError."""
    with _session(connection, context) as server:
        server.noop()
    return connection.text("from_address") or connection.text("username")


# --- the message


def compose(
    input: Mapping[str, JSON], connection: Connection, context: Context
) -> tuple[EmailMessage, list[str]]:
    """The message and the addresses of its envelope. Raises InputError naming the field."""
    sender = _addresses(
        input.get("from") or connection.text("from_address") or connection.text("username"), "from"
    )
    named = {field: _addresses(input.get(field), field) for field in ("to", "cc", "bcc", "reply_to")}
    recipients = list(dict.fromkeys(a.addr_spec for field in ("to", "cc", "bcc") for a in named[field]))
    if len(sender) != 1:
        raise InputError("From must be exactly one address.", field="from")
    if not recipients:
        raise InputError("To is required: give at least one address.", field="to")
    if len(recipients) > MAX_RECIPIENTS:
        raise InputError(f"A message may have at most {MAX_RECIPIENTS} recipients.", field="to")
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = sender[0]
    for field, header in (("to", "To"), ("cc", "Cc"), ("reply_to", "Reply-To")):
        if named[field]:
            message[header] = named[field]
    message["Subject"] = _line(input.get("subject"), "subject")
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = _message_id(context.idempotency_key, sender[0].domain)
    _add_content(message, input, context)
    return message, recipients


def _message_id(key: str | None, domain: str) -> str:
    """The same for a repeated attempt, so that mail servers and readers can tell it is the same message."""
    unique = hashlib.sha256(key.encode()).hexdigest()[:32] if key else uuid7().hex
    return f"<{unique}@{domain}>"


def _add_content(message: EmailMessage, input: Mapping[str, JSON], context: Context) -> None:
    text, html = input.get("text"), input.get("html")
    if not text and not html:
        raise InputError("The message is empty: give a text or HTML.", field="text")
    if text or not html:
        message.set_content(str(text))
    if html:
        add = message.add_alternative if text else message.set_content
        add(str(html), subtype="html")
    attachments = input.get("attachments")
    for file in attachments if isinstance(attachments, list) else []:
        _attach(message, file, context)
    if len(bytes(message)) > MAX_MESSAGE_BYTES:
        raise InputError(f"The message is larger than {MAX_MESSAGE_BYTES:,} bytes.", field="attachments")


def _attach(message: EmailMessage, file: JSON, context: Context) -> None:
    if not isinstance(file, dict):
        raise InputError(
            "An attachment is a file, or an object with name and base64 or text.", field="attachments"
        )
    name = _line(file.get("name") or "file", "attachments")
    mime = str(file.get("mime") or "application/octet-stream")
    main, slash, sub = mime.partition(";")[0].strip().partition("/")
    if not (slash and re.fullmatch(r"[\w.+-]+", main) and re.fullmatch(r"[\w.+-]+", sub)):
        raise InputError(f"“{mime[:60]}” is not a type of file.", field="attachments")
    message.add_attachment(_attached_bytes(file, context), maintype=main, subtype=sub, filename=name)


def _attached_bytes(file: dict[str, JSON], context: Context) -> bytes:
    try:
        if "$file" in file:
            if context.files is None:
                raise KeyError
            return context.files.read(file)
        return (
            str(file["text"]).encode()
            if "text" in file
            else base64.b64decode(str(file["base64"]), validate=True)
        )
    except (KeyError, ValueError):
        raise InputError(
            f"The attachment “{file.get('name')}” cannot be read.", field="attachments"
        ) from None


def _line(value: JSON, field: str) -> str:
    text = "" if value is None else str(value)
    if _LINE_BREAKS.search(text):
        raise InputError(f"{field.capitalize()} may not contain a line break.", field=field)
    return text


def _addresses(value: JSON, field: str) -> list[Address]:
    """From a list or a comma list of `name <address>` or plain addresses."""
    texts = [_line(item, field) for item in (value if isinstance(value, list) else [value]) if item]
    found = [_address(name, spec, field) for name, spec in getaddresses(texts) if name or spec]
    if texts and (not found or any(spec == "" for _, spec in getaddresses(texts))):
        raise InputError(
            f"{field.capitalize()}: “{', '.join(texts)[:80]}” is not a list of addresses.", field=field
        )
    return found


def _address(name: str, spec: str, field: str) -> Address:
    local, at, domain = spec.rpartition("@")
    try:
        if not at or not local or not domain or any(ord(char) <= 32 for char in spec):
            raise ValueError
        return Address(display_name=name, username=local, domain=_ascii_domain(domain))
    except (ValueError, HeaderParseError, MessageError):
        raise InputError(
            f"{field.capitalize()}: “{spec[:80]}” is not an e-mail address.", field=field
        ) from None


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    import idna

    return idna.encode(domain, uts46=True).decode()


# --- the conversation


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

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.in_data = True
        return cast(tuple[int, bytes], super().data(msg))  # type: ignore[misc]  # smtplib's, beside us


class _Plain(_Pinned, smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self.dial(port, timeout)


class _Tls(_Pinned, smtplib.SMTP_SSL):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        self.opened = self.context.wrap_socket(self.dial(port, timeout), server_hostname=host)
        return self.opened


@contextmanager
def _session(connection: Connection, context: Context) -> Iterator[smtplib.SMTP]:
    """A signed-in conversation that ends at the deadline whatever the server does."""
    host, port = _host(connection), _port(connection)
    addresses = _checked(host, port, context)
    security = connection.text("security") or "starttls"
    server = _client(security, addresses, context)
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


def _client(security: str, addresses: list[str], context: Context) -> "_Plain | _Tls":
    name = "automate.invalid"  # what we call ourselves; servers that care look at the address
    if security == "tls":
        server: _Plain | _Tls = _Tls(
            timeout=context.timeout_s, local_hostname=name, context=context.tls or default_tls()
        )
    else:
        server = _Plain(timeout=context.timeout_s, local_hostname=name)
    server.addresses = addresses
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


def _deliver(server: smtplib.SMTP, message: EmailMessage, recipients: list[str]) -> dict[str, str]:
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
    return PORTS.get(connection.text("security") or "starttls", 587)
