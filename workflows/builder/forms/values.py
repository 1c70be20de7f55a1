"""Text ↔ JSON value, for fields where people type either.

`as_text` shows a value so that `from_text` gives the same value back: digits that are text stand in quotes.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from automate.lib import jsontypes
from automate.lib.expressions import has_expression
from automate.lib.jsontypes import JSON, BadJSON

_LOOKS_JSON: Final = re.compile(r'\s*(?:-?\d|true\s*$|false\s*$|null\s*$|[\[{"])')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


class Absent:
    """A field left empty: its key does not appear in the document."""


ABSENT: Final = Absent()


class BadValue(ValueError):
    """What was typed is not what the field holds; the message is a sentence."""


def as_text(value: JSON) -> str:
    """Plain text as it is; anything else, and text that would be read as something else, as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return (
            value
            if from_text(value) == value and isinstance(from_text(value), str)
            else json.dumps(value, ensure_ascii=False)
        )
    return pretty(value)


def from_text(text: str) -> Any:
    """A number, true, false, null, list, object or quoted text if it reads as one; else the text itself; "" is ABSENT."""
    if not text.strip():
        return ABSENT
    if is_template(text) or not _LOOKS_JSON.match(text):
        return text
    try:
        return jsontypes.loads(text.strip())
    except BadJSON:
        return text


def is_template(text: str) -> bool:
    """Whether it is text around or made of expressions, and not JSON that holds some."""
    return has_expression(text) and not text.lstrip().startswith(('{"', "[", "{ ", "{\n", '"'))


def json_from_text(text: str) -> Any:
    """JSON, or one expression that gives it. Raises BadValue."""
    if not text.strip():
        return ABSENT
    try:
        return jsontypes.loads(text.strip())
    except BadJSON as error:
        if is_template(text):
            return text.strip()
        raise BadValue(f"This is not JSON: {error}") from None


def number_from_text(text: str, *, whole: bool) -> Any:
    """A number, or an expression that gives one. Raises BadValue."""
    text = text.strip()
    if not text:
        return ABSENT
    if has_expression(text):
        return text
    if not _NUMBER.fullmatch(text) or len(text) > 40:
        raise BadValue(f'"{text[:40]}" is not a {"whole " if whole else ""}number.')
    number = json.loads(text)
    if whole and isinstance(number, float):
        raise BadValue(f'"{text[:40]}" is not a whole number.')
    return number


def pretty(value: JSON) -> str:
    """JSON over several lines when it is long, on one line when it is short."""
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= 60 else json.dumps(value, ensure_ascii=False, indent=2)


def clean(text: str) -> str:
    """What a browser posts, with plain line ends. Raises BadValue for characters no text may hold."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        raise BadValue("There is a NUL character in this text. Remove it.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadValue("There is half a character in this text. Type it again.") from None
    return text
