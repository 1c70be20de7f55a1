"""A JSON value as coloured, indented, escaped HTML, cut at a size a page can bear."""

import json
import re
from collections.abc import Iterator

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

LIMIT_BYTES = 100_000  # what a page shows of one value; the rest is a download
MAX_DEPTH = 64
# Controls, line separators and direction overrides could hide or reorder what is shown: they are written as escapes.
_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

Token = tuple[str, str]  # CSS class ("" for punctuation), text


def json_view(value: object, limit_bytes: int = LIMIT_BYTES) -> SafeString:
    """`<pre class="json">` with the value, or its first `limit_bytes` bytes and a line that says so."""
    pieces: list[SafeString | str] = []
    left = limit_bytes
    for cls, text in _tokens(value, 0):
        left -= len(text.encode("utf-8", "surrogatepass"))
        if left < 0:
            text = text[: max(0, len(text) + left)]
        pieces.append(format_html('<span class="{}">{}</span>', cls, text) if cls else text)
        if left < 0:
            note = f"… the first {limit_bytes // 1000} kB are shown."
            pieces.append(format_html('<span class="json-more">{}</span>', note))
            break
    body = format_html_join("", "{}", ((piece,) for piece in pieces))
    return format_html('<pre class="json" tabindex="0" role="group" aria-label="JSON">{}</pre>', body)


def _tokens(value: object, depth: int) -> Iterator[Token]:
    if isinstance(value, dict) and value and depth < MAX_DEPTH:
        yield from _items("{", "}", [(f"{_text(str(key))}", item) for key, item in value.items()], depth)
    elif isinstance(value, list | tuple) and value and depth < MAX_DEPTH:
        yield from _items("[", "]", [("", item) for item in value], depth)
    else:
        yield _scalar(value)


def _items(opening: str, closing: str, items: list[tuple[str, object]], depth: int) -> Iterator[Token]:
    indent = "  " * (depth + 1)
    yield "", opening
    for position, (key, item) in enumerate(items):
        yield "", f"{',' if position else ''}\n{indent}"
        if key:
            yield "k", key
            yield "", ": "
        yield from _tokens(item, depth + 1)
    yield "", f"\n{'  ' * depth}{closing}"


def _scalar(value: object) -> Token:
    if isinstance(value, str):
        return "s", _text(value)
    if value is None or isinstance(value, bool):
        return "z", json.dumps(value)
    if isinstance(value, int | float):
        return "v", json.dumps(value)
    if isinstance(value, dict | list | tuple):
        return "", "{}" if isinstance(value, dict) and not value else "[]" if not value else "…"
    return "s", _text(str(value))


def _text(value: str) -> str:
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
