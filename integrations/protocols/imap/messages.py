"""A mail's bytes as plain data, and its attachments. Mail from outside is often broken: nothing here raises for it."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final

from automate.lib.expressions import ExpressionError, Scope, evaluate
from automate.lib.jsontypes import JSON
from integrations.values import Attachment

MAX_TEXT_CHARS: Final = 500_000
MAX_HEADERS: Final = 100
MAX_HEADER_CHARS: Final = 2_000
MAX_ATTACHMENTS: Final = 100
MAX_ATTACHMENT_BYTES: Final = 16 * 1024 * 1024  # the largest file that is stored


def read_mail(raw: bytes, *, is_whole: bool = True) -> tuple[dict[str, JSON], tuple[Attachment, ...]]:
    """The fields of a mail, and the files in it. `is_whole`: false when only its head was fetched."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    text, html = _part(message, "plain"), _part(message, "html")
    found = list(_attachments(message)) if is_whole else []
    kept = [one for one in found if len(one.data) <= MAX_ATTACHMENT_BYTES][:MAX_ATTACHMENTS]
    value: dict[str, JSON] = {
        "subject": _header(message, "subject"),
        "from": next(iter(_people(message, "from")), None),
        "to": _people(message, "to"),
        "cc": _people(message, "cc"),
        "reply_to": _people(message, "reply-to"),
        "date": _date(message),
        "message_id": _header(message, "message-id"),
        "in_reply_to": _header(message, "in-reply-to"),
        "text": text or _from_html(html),
        "html": html,
        "headers": {**_headers(message)},
        "is_whole": is_whole and len(kept) == len(found),
    }
    return value, tuple(kept)


def _header(message: Message[Any, Any], name: str) -> str:
    try:
        return _clean(str(message.get(name) or ""))[:MAX_HEADER_CHARS]
    except Exception:  # noqa: BLE001 - the standard library raises all sorts of things for broken headers
        return ""


def _headers(message: Message[Any, Any]) -> dict[str, str]:
    """By lower-case name; of repeated ones the first."""
    names = dict.fromkeys(name.lower() for name in message.keys()[:MAX_HEADERS])
    return {_clean(name): _header(message, name) for name in names}


def _people(message: Message[Any, Any], name: str) -> list[JSON]:
    try:
        texts = [str(value) for value in message.get_all(name, [])]
        return [
            {"name": _clean(person), "address": _clean(address)}
            for person, address in getaddresses(texts)
            if address
        ]
    except Exception:  # noqa: BLE001 - as above
        return []


def _date(message: Message[Any, Any]) -> str | None:
    with suppress(TypeError, ValueError, IndexError, OverflowError):
        moment = parsedate_to_datetime(_header(message, "date"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
    return None


def _part(message: Message[Any, Any], kind: str) -> str:
    """The text of the body in one of its two forms; empty when it has none."""
    part = None
    with suppress(Exception):
        if isinstance(message, EmailMessage):
            part = message.get_body((kind,))
    if part is None:
        return ""
    return _clean(_decoded(part))[:MAX_TEXT_CHARS]


def _decoded(part: Message[Any, Any]) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return str(part.get_payload())
    try:
        return data.decode(part.get_content_charset() or "utf-8", "replace").replace("\r\n", "\n")
    except LookupError:
        return data.decode("utf-8", "replace").replace("\r\n", "\n")


def _attachments(message: Message[Any, Any]) -> Iterator[Attachment]:
    bodies = _bodies(message)
    for number, part in enumerate(_leaves(message), 1):
        if any(part is body for body in bodies):
            continue
        data = _bytes(part)
        if data:
            kind = part.get_content_type()
            yield Attachment(_file_name(part, number, kind), kind, data)


def _bodies(message: Message[Any, Any]) -> list[Any]:
    found = []
    for kind in ("plain", "html"):
        with suppress(Exception):
            if isinstance(message, EmailMessage):
                found.append(message.get_body((kind,)))
    return [part for part in found if part is not None]


def _leaves(message: Message[Any, Any]) -> Iterator[Message[Any, Any]]:
    """All parts with bytes of their own; a forwarded mail is one file."""
    if message.get_content_type() == "message/rfc822":
        yield message
    elif message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _leaves(part)
    else:
        yield message


def _bytes(part: Message[Any, Any]) -> bytes:
    with suppress(Exception):
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload()
            first = inner[0] if isinstance(inner, list) and inner else None
            return first.as_bytes() if isinstance(first, Message) else b""
        data = part.get_payload(decode=True)
        return data if isinstance(data, bytes) else b""
    return b""


def _file_name(part: Message[Any, Any], number: int, kind: str) -> str:
    name = ""
    with suppress(Exception):
        name = _clean(part.get_filename() or "").replace("/", "_").replace("\\", "_").strip()
    ending = {
        "message/rfc822": ".eml",
        "text/plain": ".txt",
        "text/html": ".html",
        "text/calendar": ".ics",
    }.get(kind, "")
    return name or f"part-{number}{ending}"


def _from_html(html: str) -> str:
    if not html:
        return ""
    try:
        return str(evaluate("{{ html_text(html) }}", Scope({"html": html})))
    except ExpressionError:
        return ""


def _clean(text: str) -> str:
    """What JSON and databases take: no NUL, no half characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def received_at(text: str) -> str | None:
    """IMAP's INTERNALDATE (`20-Nov-2026 09:00:00 +0000`) as ISO 8601."""
    try:
        return datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z").isoformat()
    except ValueError:
        return None
