"""A small subset of Markdown to HTML. All text is escaped first; the caller sanitises what comes out."""

import html
import re
from collections.abc import Iterator

import re2

_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_BULLET = re.compile(r" {0,3}[-*+][ \t]+(\S.*)")
_NUMBERED = re.compile(r" {0,3}\d{1,9}[.)][ \t]+(\S.*)")
_RULE = re.compile(r" {0,3}(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}")
_INLINE = (
    (re2.compile(r"!\[([^\[\]]*)\]\((https?://[^\s()]+)\)"), r'<img src="\2" alt="\1">'),
    (re2.compile(r"\[([^\[\]]+)\]\((https?://[^\s()]+|mailto:[^\s()]+)\)"), r'<a href="\2">\1</a>'),
    (re2.compile(r"\*\*([^\s*](?:[^*]*[^\s*])?)\*\*"), r"<strong>\1</strong>"),
    (re2.compile(r"__([^\s_](?:[^_]*[^\s_])?)__"), r"<strong>\1</strong>"),
    (re2.compile(r"\*([^\s*](?:[^*]*[^\s*])?)\*"), r"<em>\1</em>"),
    (re2.compile(r"\b_([^\s_](?:[^_]*[^\s_])?)_\b"), r"<em>\1</em>"),
    (re2.compile(r"~~([^~]+)~~"), r"<s>\1</s>"),
)


def render(text: str) -> str:
    """HTML of the text, one block after the other."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_blocks(lines))


def _blocks(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif line.startswith("```"):
            end = next((n for n in range(at + 1, len(lines)) if lines[n].startswith("```")), len(lines))
            yield f"<pre><code>{html.escape(chr(10).join(lines[at + 1 : end]))}</code></pre>"
            at = end + 1
        else:
            end = _block_end(lines, at)
            yield _block(lines[at:end])
            at = end


def _kind(line: str) -> str:
    if not line.strip():
        return "blank"
    if _RULE.fullmatch(line):
        return "rule"
    for name, sign in (("heading", _HEADING), ("bullet", _BULLET), ("numbered", _NUMBERED)):
        if sign.match(line):
            return name
    return "quote" if line.startswith(">") else "fence" if line.startswith("```") else "text"


def _block_end(lines: list[str], start: int) -> int:
    kind = _kind(lines[start])
    if kind in ("heading", "rule"):
        return start + 1
    end = start + 1
    while end < len(lines) and _kind(lines[end]) in (
        kind,
        "text" if kind in ("bullet", "numbered") else kind,
    ):
        end += 1
    return end


def _block(lines: list[str]) -> str:
    kind = _kind(lines[0])
    if kind == "rule":
        return "<hr>"
    if kind == "heading":
        found = _HEADING.match(lines[0])
        level, title = (len(found[1]), found[2]) if found else (1, lines[0])
        return f"<h{level}>{_inline(title.rstrip('# '))}</h{level}>"
    if kind == "quote":
        inner = " ".join(line.lstrip("> ") for line in lines)
        return f"<blockquote><p>{_inline(inner)}</p></blockquote>"
    if kind in ("bullet", "numbered"):
        return _list(lines, _BULLET if kind == "bullet" else _NUMBERED, "ul" if kind == "bullet" else "ol")
    return f"<p>{'<br>'.join(_inline(line.strip()) for line in lines)}</p>"


def _list(lines: list[str], sign: "re.Pattern[str]", tag: str) -> str:
    items: list[str] = []
    for line in lines:
        found = sign.match(line)
        if found:
            items.append(found[1])
        else:
            items[-1] += " " + line.strip()
    return f"<{tag}>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + f"</{tag}>"


def _inline(text: str) -> str:
    """Code spans stay as they are; the rest gets its emphasis and links."""
    pieces = html.escape(text).split("`")
    if len(pieces) % 2 == 0:  # the last ` has no partner
        pieces[-2:] = ["`".join(pieces[-2:])]
    return "".join(f"<code>{piece}</code>" if at % 2 else _emphasis(piece) for at, piece in enumerate(pieces))


def _emphasis(text: str) -> str:
    for sign, replacement in _INLINE:
        text = sign.sub(replacement, text)
    return text
