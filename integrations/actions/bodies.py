"""What goes into a request: query pairs, headers, and the body in each of its forms."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from automate.lib import jsontypes
from automate.lib.jsontypes import JSON
from integrations.errors import InputError
from integrations.values import FileStore, Outgoing

FORM = "application/x-www-form-urlencoded"


def scalar_text(value: JSON) -> str:
    """A value as queries, forms and headers write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return jsontypes.dumps(value)
    return str(value)


def query_pairs(values: JSON) -> list[tuple[str, str]]:
    """Nulls are left out, lists repeat the name, objects are written as JSON."""
    if not isinstance(values, dict):
        return []
    return [
        (key, scalar_text(item))
        for key, value in values.items()
        if value is not None
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]


def form_pairs(values: JSON, prefix: str = "") -> list[tuple[str, str]]:
    """As query_pairs, but objects become `name[key]`, and objects in lists `name[0][key]`."""
    if isinstance(values, dict):
        named = [(f"{prefix}[{key}]" if prefix else key, value) for key, value in values.items()]
    elif isinstance(values, list):
        nested = any(isinstance(item, (dict, list)) for item in values)
        named = [(f"{prefix}[{index}]" if nested else prefix, item) for index, item in enumerate(values)]
    else:
        return [] if values is None else [(prefix, scalar_text(values))]
    return [pair for name, value in named for pair in form_pairs(value, name)]


def header_texts(values: JSON) -> dict[str, str]:
    if not isinstance(values, dict):
        return {}
    return {name: scalar_text(value) for name, value in values.items() if value is not None}


def with_query(url: str, pairs: list[tuple[str, str]]) -> str:
    if not pairs:
        return url
    url, hash_, fragment = url.partition("#")
    joint = "&" if urlsplit(url).query else "" if url.endswith("?") else "?"
    return f"{url}{joint}{urlencode(pairs, quote_via=quote)}{hash_}{fragment}"


def add_body(out: Outgoing, kind: str, value: Any, files: FileStore | None) -> None:
    """`kind`: json, form, multipart, multipart_related, raw, text or graphql. A Content-Type given by hand wins."""
    mime, out.body = _BODIES[kind](value, files)
    if mime and not any(name.lower() == "content-type" for name in out.headers):
        out.headers["Content-Type"] = mime


def _json(value: JSON, files: FileStore | None) -> tuple[str, bytes]:
    return "application/json", jsontypes.dumps_bytes(value)


def _form(value: JSON, files: FileStore | None) -> tuple[str, bytes]:
    return FORM, urlencode(form_pairs(value), quote_via=quote).encode()


def _raw(value: JSON, files: FileStore | None) -> tuple[str, bytes]:
    if is_file(value):
        data, _, mime = file_bytes(value, files)
        return mime, data
    if isinstance(value, str):
        return "text/plain; charset=utf-8", value.encode()
    return _json(value, files)


def _graphql(value: JSON, files: FileStore | None) -> tuple[str, bytes]:
    if not isinstance(value, dict):
        raise InputError("A GraphQL request is an object with query and variables.")
    return _json({key: part for key, part in value.items() if part is not None}, files)


def _multipart(value: JSON, files: FileStore | None) -> tuple[str, bytes]:
    if not isinstance(value, dict):
        raise InputError("A multipart body is an object of field names and values.")
    fields = [
        (name, item)
        for name, given in value.items()
        if given is not None
        for item in (given if isinstance(given, list) else [given])
    ]
    parts = [_form_part(name, item, files) for name, item in fields]
    return _assembled("form-data", parts)


def _form_part(name: str, value: JSON, files: FileStore | None) -> bytes:
    head = f'Content-Disposition: form-data; name="{_in_quotes(name)}"'
    if not is_file(value):
        return f"{head}\r\n\r\n{scalar_text(value)}".encode()
    data, file_name, mime = file_bytes(value, files)
    head += f'; filename="{_in_quotes(file_name)}"\r\nContent-Type: {_one_line(mime)}\r\n\r\n'
    return head.encode() + data


def _multipart_related(value: JSON, files: FileStore | None) -> tuple[str, bytes]:
    """A list of parts: `{json: …}`, or a file value."""
    if not isinstance(value, list):
        raise InputError("A multipart/related body is a list of parts.")
    parts = []
    for part in value:
        is_json = isinstance(part, dict) and "json" in part and not is_file(part)
        mime, data = _json(part["json"], files) if is_json else _raw(part, files)  # type: ignore[call-overload,index]  # seen to be an object
        parts.append(f"Content-Type: {_one_line(mime)}\r\n\r\n".encode() + data)
    return _assembled("related", parts)


def _assembled(kind: str, parts: list[bytes]) -> tuple[str, bytes]:
    """The boundary comes from the content, so that a repeated request is the same request."""
    boundary = "automate-" + hashlib.sha256(b"".join(parts)).hexdigest()[:32]
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)
    return f"multipart/{kind}; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


_BODIES: dict[str, Callable[[JSON, FileStore | None], tuple[str, bytes]]] = {
    "json": _json,
    "form": _form,
    "multipart": _multipart,
    "multipart_related": _multipart_related,
    "raw": _raw,
    "text": _raw,
    "graphql": _graphql,
}
BODY_KINDS = tuple(_BODIES)


def is_file(value: JSON) -> bool:
    """A stored file `{"$file": …}`, or bytes given on the spot: `{name, mime, base64}` or `{name, mime, text}`."""
    if not isinstance(value, dict):
        return False
    return "$file" in value or ("name" in value and ("base64" in value or "text" in value))


def file_bytes(value: JSON, files: FileStore | None) -> tuple[bytes, str, str]:
    """Bytes, name and mime type of a file value. Raises InputError."""
    if not isinstance(value, dict):
        raise InputError("A file was expected here.")
    name = str(value.get("name") or "file")
    mime = str(value.get("mime") or "application/octet-stream")
    if "$file" not in value:
        return _given_bytes(value), name, mime
    if files is None:
        raise InputError("Files cannot be read here.")
    try:
        return files.read(value), name, mime
    except KeyError:
        raise InputError(f"The file “{name}” does not exist (any more).") from None


def _given_bytes(value: dict[str, JSON]) -> bytes:
    if "text" in value:
        return str(value["text"]).encode()
    try:
        return base64.b64decode(str(value["base64"]), validate=True)
    except ValueError:
        raise InputError(f"The content of the file “{value.get('name')}” is not base64.") from None


def _in_quotes(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _one_line(text: str) -> str:
    if "\r" in text or "\n" in text:
        raise InputError("A file's type may not contain a line break.")
    return text
