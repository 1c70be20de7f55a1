"""The bytes of a request as a value: strict, by the label the sender put on them.

JSON gives its value, a form an object, text a text, nothing null; everything else is one file. What the label
promises and the bytes do not hold is refused with a sentence. A name given twice makes a list.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.datastructures import MultiValueDict

from automate.lib.jsontypes import JSON, BadJSON, check, loads
from workflows.ingress.refusals import Refused, unreadable

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
MAX_FIELDS: Final = 1_000
FILE_MARK: Final = "$file"
_TEXT_TYPES: Final = frozenset(
    {
        "application/xml",
        "application/yaml",
        "application/x-yaml",
        "application/graphql",
        "application/x-ndjson",
    }
)
_WORD: Final = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
_CHARSETS: Final = re.compile(
    r"utf-8|utf-16(-le|-be)?|ascii|iso8859-\d{1,2}|cp125\d|koi8-[ru]|shift_jis|euc_jp|euc_kr|big5|gb2312|gbk|gb18030"
)
_BOUNDARY: Final = re.compile(r"[ -~]{0,200}[!-~]")


@dataclass(frozen=True)
class Upload:
    """A file as it came: nothing of it is stored yet."""

    name: str
    mime: str
    data: bytes


@dataclass(frozen=True)
class Body:
    """`value` is JSON, or an `Upload` when the whole body is a file. `files`: the file parts of a form by name."""

    value: JSON | Upload
    files: dict[str, list[Upload]] = field(default_factory=dict)


def read_body(raw: bytes, content_type: str, params: Mapping[str, str], encoding: str = "") -> Body:
    """Read a body by its label: media type (lower-case), its parameters, and the Content-Encoding header.

    Raises Refused (400) for a compressed body, a label that does not fit, and whatever JSON or text we do not store.
    """
    if encoding.strip().lower() not in ("", "identity"):
        raise unreadable(
            f"The body is compressed ({encoding[:20]!r}), which is not supported. Send it as it is."
        )
    if not raw:
        return Body(None)
    if not content_type:
        return Body(_guess(raw))
    if _is_json(content_type):
        return Body(_json(raw, content_type, params))
    if content_type == FORM:
        return Body(_form(raw, params))
    if content_type == MULTIPART:
        return _multipart(raw, params)
    if content_type.startswith("text/") or content_type in _TEXT_TYPES or content_type.endswith("+xml"):
        return Body(_clean(_text(raw, params)))
    return Body(Upload(name="", mime=content_type[:120], data=raw))


def listed(pairs: Iterable[tuple[str, JSON]]) -> dict[str, JSON]:
    """Names and values as an object; a name given twice makes a list of its values, in order."""
    found: dict[str, list[JSON]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def read_query(query: str) -> dict[str, JSON]:
    """The query string as an object. Raises Refused (400)."""
    if not query:
        return {}
    pairs: list[tuple[str, JSON]] = [*_pairs(query, "utf-8", "query string")]
    return _storable(listed(pairs), "query string")


def _is_json(content_type: str) -> bool:
    return content_type in ("application/json", "text/json") or content_type.endswith("+json")


def _json(raw: bytes, content_type: str, params: Mapping[str, str]) -> JSON:
    charset = _charset(params)
    try:
        value = loads(raw if charset == "utf-8" else _text(raw, params))
    except BadJSON as error:
        raise unreadable(
            f"The body is labelled {content_type[:60]}, but cannot be read as JSON: {error}"
        ) from None
    if FILE_MARK.encode() in raw or b"\\u" in raw:
        refuse_file_marks(value)
    return value


def refuse_file_marks(value: JSON) -> None:
    """Data from outside may not name a stored file: only uploads make file values. Raises Refused (400)."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if FILE_MARK in item:
                raise unreadable(
                    'The key "$file" is reserved for files we store. Send files as multipart/form-data.'
                )
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _guess(raw: bytes) -> JSON | Upload:
    """A body without a label: JSON if it is an object or a list, text if it is readable, else a file."""
    if raw.lstrip()[:1] in (b"{", b"["):
        return _json(raw, "nothing (sent without a Content-Type)", {})
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Upload(name="", mime="application/octet-stream", data=raw)
    return Upload(name="", mime="application/octet-stream", data=raw) if "\0" in text else text


def _form(raw: bytes, params: Mapping[str, str]) -> JSON:
    if raw.lstrip()[:1] in (b"{", b"[") and _reads_as_json(raw):
        raise unreadable(
            f"The body is JSON, but labelled as a form ({FORM}). Send it with `Content-Type: application/json`."
        )
    pairs: list[tuple[str, JSON]] = [*_pairs(_text(raw, params), _charset(params), "form")]
    return _storable(listed(pairs), "form")


def _pairs(text: str, charset: str, what: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            text, keep_blank_values=True, encoding=charset, errors="strict", max_num_fields=MAX_FIELDS
        )
    except UnicodeDecodeError:
        raise unreadable(f"The {what} holds text that is not {charset.upper()}.") from None
    except ValueError:
        raise unreadable(f"The {what} has more than {MAX_FIELDS:,} fields.") from None


def _reads_as_json(raw: bytes) -> bool:
    try:
        loads(raw)
    except BadJSON:
        return False
    return True


def _charset(params: Mapping[str, str]) -> str:
    """The codec's own name. Python knows codecs that are no charsets, so there is a list."""
    name = params.get("charset", "utf-8")
    try:
        found = codecs.lookup(name).name if _WORD.fullmatch(name) else ""
    except LookupError:
        found = ""
    if not _CHARSETS.fullmatch(found):
        raise unreadable(f"The charset {name[:40]!r} is not known here. Send the text as UTF-8.")
    return found


def _text(raw: bytes, params: Mapping[str, str]) -> str:
    charset = _charset(params)
    try:
        return raw.decode("utf-8-sig" if charset == "utf-8" else charset)
    except UnicodeError:
        raise unreadable(f"The body is not valid {charset.upper()} text, as its Content-Type says.") from None


def _clean(text: str) -> JSON:
    try:
        return check(text)
    except BadJSON as error:
        raise unreadable(f"The body cannot be stored: {error}") from None


def _storable(value: dict[str, JSON], what: str) -> dict[str, JSON]:
    try:
        check(value)
    except BadJSON as error:
        raise unreadable(f"The {what} cannot be stored: {error}") from None
    if FILE_MARK in value:
        refuse_file_marks(value)
    return value


# --- multipart ------------------------------------------------------------------------------------


class _InMemory(MemoryFileUploadHandler):
    """The whole body was read and measured before: its files need no second place."""

    def handle_raw_input(self, *_args: object, **_kwargs: object) -> None:
        self.activated = True


def _multipart(raw: bytes, params: Mapping[str, str]) -> Body:
    fields, files = _parts(raw, params)
    if "\ufffd" in repr(fields) and "\ufffd".encode() not in raw:
        raise unreadable(f"A field of the form is not {_charset(params).upper()} text.")
    pairs: list[tuple[str, JSON]] = [(name, value) for name, values in fields.lists() for value in values]
    uploads = {
        name: [Upload(file.name or "", (file.content_type or "")[:120], file.read()) for file in found]
        for name, found in files.lists()
    }
    value = _storable(listed(pairs), "form")
    _storable({name: [upload.name for upload in found] for name, found in uploads.items()}, "form")
    return Body(value, uploads)


def _parts(
    raw: bytes, params: Mapping[str, str]
) -> tuple[MultiValueDict[str, str], MultiValueDict[str, UploadedFile[bytes]]]:
    if not _BOUNDARY.fullmatch(params.get("boundary", "")):
        raise unreadable("The Content-Type of the form names no boundary, so its parts cannot be told apart.")
    meta = {
        "CONTENT_TYPE": f'{MULTIPART}; boundary="{params["boundary"]}"',
        "CONTENT_LENGTH": str(len(raw)),
    }
    try:
        return MultiPartParser(meta, io.BytesIO(raw), [_InMemory()], _charset(params)).parse()
    except (MultiPartParserError, TooManyFieldsSent, TooManyFilesSent, ValueError, LookupError) as error:
        raise unreadable(f"The form cannot be read: {str(error)[:200].rstrip('.')}.") from None
    except RequestDataTooBig:
        raise Refused(
            413, "too_large", "The text fields of the form are larger than we take. Send files as files."
        ) from None
