"""JSON values as YAML for people: block style, short leaves in one line, long texts as blocks."""

import json
import re
from collections.abc import Iterator
from typing import Final

from automate.lib.jsontypes import JSON
from workflows.engine.yaml_io import NOT_FINITE, meaning

MAX_LINE: Final = 80  # a leaf longer than this is written over several lines
_MAX_KEY: Final = 200  # YAML allows 1,024 characters before the colon; longer keys need a form of their own
_PLAIN: Final = re.compile(r"^[^\W](?:[\w ./$%+=()<>;?!@&|~^*-]|:(?=[\w/]))*$")
_OTHER_YAML: Final = re.compile(  # words that readers of YAML 1.1 would take for booleans, dates or numbers
    r"^(?:y|n|yes|no|on|off|[-+]?[0-9][0-9_:.,-]*|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)$", re.IGNORECASE
)


def dumps(value: JSON) -> str:
    """The text; `yaml_io.loads` reads the same value back."""
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: JSON, indent: int) -> Iterator[str]:
    pad = " " * indent
    if isinstance(value, dict) and value and not _is_short(value):
        for key, inner in value.items():
            yield from _entry(f"{pad}{_key(key, pad)}:", inner, indent + 2)
    elif isinstance(value, list) and value and not _is_short(value):
        for inner in value:
            yield from _item(pad, inner, indent + 2)
    elif isinstance(value, str) and _fits_block(value):
        yield f"{pad}{_block_sign(value)}"
        yield from _block_lines(value, " " * max(indent, 2))
    else:
        yield pad + _inline(value)


def _key(key: str, pad: str) -> str:
    return _text(key) if len(key) <= _MAX_KEY else f"? {_text(key)}\n{pad}"


def _entry(start: str, value: JSON, indent: int) -> Iterator[str]:
    if isinstance(value, str) and _fits_block(value):
        yield f"{start} {_block_sign(value)}"
        yield from _block_lines(value, " " * indent)
    elif isinstance(value, (dict, list)) and not _is_short(value):
        yield start
        yield from _lines(value, indent)
    else:
        yield f"{start} {_inline(value)}"


def _item(pad: str, value: JSON, indent: int) -> Iterator[str]:
    """An entry of a list: what it holds begins on the line of the dash."""
    if isinstance(value, str) and _fits_block(value):
        yield from _entry(f"{pad}-", value, indent)
        return
    inner = _lines(value, indent)
    yield f"{pad}- {next(inner)[indent:]}"
    yield from inner


def _is_short(value: JSON) -> bool:
    """Whether it reads well in one line: empty, or a few scalars."""
    parts = (
        list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    )
    if any(isinstance(part, (dict, list)) and part for part in parts):
        return False
    if any(isinstance(part, str) and _fits_block(part) for part in parts):
        return False
    size = sum(len(str(part)) + 2 for part in parts)
    return size + (sum(len(key) + 2 for key in value) if isinstance(value, dict) else 0) <= MAX_LINE


def _inline(value: JSON) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {_inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, str):
        return _text(value)
    return json.dumps(value)


def _text(text: str) -> str:
    is_word = isinstance(meaning(text), str) and not NOT_FINITE.match(text) and not _OTHER_YAML.match(text)
    if is_word and text.isprintable() and _PLAIN.match(text) and not text.endswith(" "):
        return text
    if text.isprintable() and ('"' in text or "\\" in text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char)
    return known or (f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")


def _fits_block(text: str) -> bool:
    """Several printable lines; the first one decides the indentation, so it may not begin with a blank."""
    if "\n" not in text or text[:1].isspace():
        return False
    return all(
        not line or (line.strip() and line.replace("\t", " ").isprintable()) for line in text.split("\n")
    )


def _block_sign(text: str) -> str:
    if not text.endswith("\n"):
        return "|-"
    return "|+" if text.endswith("\n\n") else "|"


def _block_lines(text: str, pad: str) -> Iterator[str]:
    for line in text.removesuffix("\n").split("\n"):
        yield pad + line if line else ""
