"""Composes a message: every address and header checked, so that nothing can add a header or a recipient."""

import base64
import hashlib
import re
from collections.abc import Mapping
from email.errors import HeaderParseError, MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, getaddresses

from automate.lib import clock
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON
from integrations.errors import InputError
from integrations.values import Connection, Context

MAX_RECIPIENTS = 100  # common servers refuse more in one message
MAX_MESSAGE_BYTES = 25 * 1024 * 1024
_LINE_BREAKS = re.compile(r"[\r\n\x00]")


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
