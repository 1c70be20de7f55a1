"""Messages in the format of mail (MIME), for services that take one as a whole."""

import binascii
from base64 import b64decode
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from automate.lib.expressions.converters import Items, Object
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.operators import as_part_of_text
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run, text_bytes
from automate.lib.jsontypes import JSON

MAX_HEADER = 10_000  # characters
MAX_MESSAGE = 8 * 1024 * 1024  # bytes of the parts; Base64 makes a third more of them
_HEADERS = {
    "from": "From",
    "to": "To",
    "cc": "Cc",
    "bcc": "Bcc",
    "reply_to": "Reply-To",
    "subject": "Subject",
    "in_reply_to": "In-Reply-To",
    "references": "References",
}


@function(
    "Mail",
    '{{ mime_message({"from": "a@example.org", "to": ["b@example.org"], "subject": "Hi", "text": "Hello"}) | lines | first }}',
    "From: a@example.org",
)
def mime_message(run: Run, message: Object) -> str:
    """A mail as one text, of {from, to, cc, bcc, reply_to, subject, in_reply_to, references, text, html, attachments: [{name, mime, base64}]}.

    Gmail wants it as `mime_message(…) | base64url`.
    """
    unknown = set(message) - set(_HEADERS) - {"text", "html", "attachments"}
    if unknown:
        raise ExpressionTypeError(f"`mime_message` does not know the field “{sorted(unknown)[0][:40]}”.")
    mail = EmailMessage(policy=SMTP)
    for key, header in _HEADERS.items():
        value = _header(run, message.get(key))
        if value:
            _set_header(mail, header, value)
    mail["Date"] = format_datetime(run.now)
    mail["Message-ID"] = make_msgid(domain="automate.invalid")
    _add_bodies(run, mail, message)
    return mail.as_bytes().decode("ascii", "surrogateescape")


def _header(run: Run, value: JSON) -> str:
    parts = value if isinstance(value, list) else [value]
    text = ", ".join(as_part_of_text(part, run) for part in parts[:1000])
    if len(text) > MAX_HEADER:
        raise ExpressionTypeError(f"A header of the mail is longer than {MAX_HEADER:,} characters.")
    return text


def _set_header(mail: EmailMessage, header: str, value: str) -> None:
    if any(sign in value for sign in "\r\n\0"):
        raise ExpressionTypeError(f"The mail's {header} holds a line break, which headers cannot have.")
    try:
        mail[header] = value
    except (
        ValueError,
        IndexError,
        AttributeError,
        TypeError,
        RecursionError,
    ):  # the parser of addresses fails in many ways
        raise ExpressionTypeError(
            f"The mail's {header} cannot be read as one: check the addresses."
        ) from None


def _add_bodies(run: Run, mail: EmailMessage, message: Object) -> None:
    plain, rich = as_part_of_text(message.get("text"), run), as_part_of_text(message.get("html"), run)
    attachments = message.get("attachments")
    files: Items = attachments if isinstance(attachments, list) else []
    contents = [_file(item) for item in files]
    if text_bytes(plain) + text_bytes(rich) + sum(len(data) for _, _, data in contents) > MAX_MESSAGE:
        raise ExpressionTypeError(f"The mail is larger than {MAX_MESSAGE // 2**20} MB.")
    mail.set_content(plain, cte="base64" if not plain.isascii() else None)
    if rich:
        mail.add_alternative(rich, subtype="html", cte="base64")
    for name, mime, data in contents:
        main, _, sub = mime.partition("/")
        mail.add_attachment(data, maintype=main, subtype=sub, filename=name)


def _file(item: JSON) -> tuple[str, str, bytes]:
    if not isinstance(item, dict) or not isinstance(item.get("base64"), str):
        raise ExpressionTypeError("An attachment of `mime_message` is {name, mime, base64}.")
    name, mime = str(item.get("name") or "file"), str(item.get("mime") or "application/octet-stream")
    if (
        mime.count("/") != 1
        or not mime.replace("/", "").replace("-", "").replace("+", "").replace(".", "").isalnum()
    ):
        raise ExpressionTypeError("The `mime` of an attachment is a type like application/pdf.")
    if any(sign in name for sign in "\r\n\0"):
        raise ExpressionTypeError("The name of an attachment holds a line break.")
    try:
        return name, mime, b64decode(str(item["base64"]))
    except (binascii.Error, ValueError):
        raise ExpressionTypeError("The `base64` of an attachment is not Base64.") from None
