"""What people type to connect, held against what the manifest asks for."""

from __future__ import annotations

from urllib.parse import urlsplit

import re2

from automate.lib.jsontypes import JSON, text_fault
from integrations.connections.errors import ConnectionRefused
from integrations.manifest import InputField

MAX_CHARS = 20_000  # a service account's key file has about 2,400


def clean(entry: InputField, value: JSON) -> JSON:
    """The value as its field keeps it. Raises ConnectionRefused with a sentence and the field."""
    if isinstance(value, str) and entry.type != "secret":
        value = value.strip()
    if value in (None, ""):
        value = entry.default
    if value in (None, ""):
        if entry.required:
            raise ConnectionRefused(f"{entry.label} is required.", field=entry.key)
        return None
    fault = _FAULTS.get(entry.type, _text_fault)(entry, value) or _pattern_fault(entry, value)
    if fault:
        raise ConnectionRefused(fault, field=entry.key)
    return int(str(value)) if entry.type == "number" else value


def _text_fault(entry: InputField, value: JSON) -> str:
    if not isinstance(value, str):
        return f"{entry.label} must be text."
    if len(value) > MAX_CHARS:
        return f"{entry.label} is longer than {MAX_CHARS:,} characters."
    fault = text_fault(value)
    return f"{entry.label}: {fault}" if fault else ""


def _url_fault(entry: InputField, value: JSON) -> str:
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
    except ValueError:
        return f"{entry.label} is not a web address."
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{entry.label} must be a web address that begins with https://."
    return _text_fault(entry, value)


def _number_fault(entry: InputField, value: JSON) -> str:
    is_whole = isinstance(value, int | str) and not isinstance(value, bool)
    return (
        ""
        if is_whole and re2.fullmatch(r"-?[0-9]{1,15}", str(value))
        else f"{entry.label} must be a whole number."
    )


def _select_fault(entry: InputField, value: JSON) -> str:
    return "" if value in entry.options else f"{entry.label} must be one of {', '.join(entry.options)}."


def _pattern_fault(entry: InputField, value: JSON) -> str:
    if entry.pattern and not re2.fullmatch(entry.pattern, str(value)):
        example = f", for example {entry.placeholder}" if entry.placeholder else ""
        return f"{entry.label} does not have the expected form{example}."
    return ""


_FAULTS = {"url": _url_fault, "number": _number_fault, "select": _select_fault}
