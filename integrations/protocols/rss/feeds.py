"""A feed's text as plain data: one shape for all formats, the oldest item first.

XML from outside goes through defusedxml: no entities, no documents from elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from automate.lib import jsontypes
from automate.lib.expressions import ExpressionError, Scope, evaluate
from automate.lib.jsontypes import JSON

MAX_ITEMS: Final = 5_000
MAX_TEXT_CHARS: Final = 200_000  # of one item's content


class NotAFeed(ValueError):
    """The text is no feed; the message is the end of a sentence."""


def read_feed(body: bytes, url: str) -> dict[str, JSON]:
    """`{title, url, items: [{id, title, url, author, published_at, updated_at, summary, content, text, categories,
    attachments}]}`. Moments are ISO 8601, null where the feed names none. Raises NotAFeed."""
    if body.lstrip()[:1] == b"{":
        return _json_feed(body, url)
    try:
        root = fromstring(body.lstrip(b"\xef\xbb\xbf \t\r\n"))
    except DefusedXmlException:
        raise NotAFeed("it declares entities, which are not read from outside.") from None
    except (ParseError, ValueError, LookupError) as error:
        raise NotAFeed(f"it is not well-formed XML ({error}).") from None
    name = _name(root)
    if name not in ("rss", "RDF", "feed"):
        raise NotAFeed(f"it begins with <{name}>, not with <rss>, <rdf:RDF> or <feed>.")
    head = root if name == "feed" else _child(root, "channel")
    if head is None:
        raise NotAFeed("it has no channel.")
    entries = list(_children(root, "item")) or list(_children(head, "item")) or list(_children(head, "entry"))
    items = [_item(entry, url) for entry in entries[:MAX_ITEMS]]
    return {"title": _text(head, "title"), "url": _link(head, url), "items": [*_oldest_first(items)]}


def _item(entry: Element, base: str) -> dict[str, JSON]:
    title, link = _plain(_text(entry, "title")), _link(entry, base)
    published = _moment(_text(entry, "pubDate", "published", "date", "issued"))
    updated = _moment(_text(entry, "updated", "modified"))
    content = _markup(entry, "encoded", "content")
    summary = _markup(entry, "description", "summary", "subtitle") or content
    return {
        "id": _text(entry, "guid", "id") or link or _hash(title, published, content or summary),
        "title": title,
        "url": link,
        "author": _author(entry),
        "published_at": published or updated,
        "updated_at": updated,
        "summary": summary,
        "content": content or summary,
        "text": _plain(content or summary),
        "categories": [*_categories(entry)],
        "attachments": [*_attachments(entry, base)],
    }


def _oldest_first(items: list[dict[str, JSON]]) -> list[dict[str, JSON]]:
    """Feeds list the newest first; where every item has its time, that decides."""
    found = items[::-1]
    if all(item["published_at"] for item in found):
        found.sort(key=lambda item: str(item["published_at"]))
    return found


# --- parts of an entry ----------------------------------------------------------------------------


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _children(parent: Element, name: str) -> Iterator[Element]:
    return (child for child in parent if _name(child) == name)


def _child(parent: Element, name: str) -> Element | None:
    return next(_children(parent, name), None)


def _text(parent: Element, *names: str) -> str:
    """The text of the first child with one of these names that has any."""
    for name in names:
        for child in _children(parent, name):
            text = "".join(child.itertext()).strip()
            if text:
                return _storable(text)
    return ""


def _markup(parent: Element, *names: str) -> str:
    """As written: Atom's XHTML comes as elements, whose text is taken."""
    return _text(parent, *names)[:MAX_TEXT_CHARS]


def _link(parent: Element, base: str) -> str:
    """RSS: the text of `link`; Atom: the one that leads to the page."""
    for child in _children(parent, "link"):
        href, rel = child.get("href"), child.get("rel", "alternate")
        if href and rel == "alternate":
            return urljoin(base, href.strip())
        if not href and child.text and child.text.strip():
            return urljoin(base, child.text.strip())
    guid = _child(parent, "guid")
    if (
        guid is not None
        and guid.get("isPermaLink", "true") == "true"
        and (guid.text or "").strip().startswith("http")
    ):
        return (guid.text or "").strip()
    return ""


def _author(entry: Element) -> str:
    author = _child(entry, "author")
    if author is not None:
        return _text(author, "name", "email") or "".join(author.itertext()).strip()
    return _text(entry, "creator")


def _categories(entry: Element) -> Iterator[str]:
    for child in _children(entry, "category"):
        word = child.get("label") or child.get("term") or (child.text or "")
        if word.strip():
            yield word.strip()


def _attachments(entry: Element, base: str) -> Iterator[JSON]:
    links = [child for child in _children(entry, "link") if child.get("rel") == "enclosure"]
    for child in [*_children(entry, "enclosure"), *links]:
        address, size = child.get("url") or child.get("href") or "", child.get("length", "")
        if address:
            yield {
                "url": urljoin(base, address), "mime": child.get("type", ""), "size": int(size) if size.isdigit() else None
            }  # fmt: skip


def _moment(text: str) -> str | None:
    """RFC 822 or ISO 8601, as ISO 8601 with an offset."""
    if not text:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (TypeError, ValueError, IndexError, OverflowError):
            continue
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat()
    return None


def _plain(markup: str) -> str:
    """Without tags."""
    if "<" not in markup and "&" not in markup:
        return markup
    try:
        return str(evaluate("{{ html_text(markup) }}", Scope({"markup": markup})))
    except ExpressionError:
        return markup


def _hash(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _storable(text: str) -> str:
    return text.replace("\x00", "")


# --- JSON Feed ------------------------------------------------------------------------------------


def _json_feed(body: bytes, url: str) -> dict[str, JSON]:
    """https://www.jsonfeed.org/version/1.1/"""
    try:
        data = jsontypes.loads(body)
    except jsontypes.BadJSON as error:
        raise NotAFeed(f"it begins like JSON, but is none: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("items"), list):
        raise NotAFeed("it is JSON without `items`, so no JSON Feed.")
    entries = [item for item in _listed(data, "items") if isinstance(item, dict)]
    items = [_json_item(item, url) for item in entries[:MAX_ITEMS]]
    return {
        "title": _str(data, "title"),
        "url": _str(data, "home_page_url"),
        "items": [*_oldest_first(items)],
    }


def _json_item(item: dict[str, JSON], base: str) -> dict[str, JSON]:
    content = _str(item, "content_html") or _str(item, "content_text")
    link, title = _str(item, "url"), _str(item, "title")
    published, updated = _moment(_str(item, "date_published")), _moment(_str(item, "date_modified"))
    authors = [_str(one, "name") for one in _listed(item, "authors") if isinstance(one, dict)]
    return {
        "id": _str(item, "id") or link or _hash(title, published, content),
        "title": title,
        "url": urljoin(base, link) if link else "",
        "author": ", ".join(filter(None, authors)),
        "published_at": published or updated,
        "updated_at": updated,
        "summary": _str(item, "summary") or content[:MAX_TEXT_CHARS],
        "content": content[:MAX_TEXT_CHARS],
        "text": _str(item, "content_text") or _plain(content[:MAX_TEXT_CHARS]),
        "categories": [tag for tag in _listed(item, "tags") if isinstance(tag, str)],
        "attachments": [
            {"url": _str(one, "url"), "mime": _str(one, "mime_type"), "size": one.get("size_in_bytes")}
            for one in _listed(item, "attachments")
            if isinstance(one, dict)
        ],
    }


def _str(data: dict[str, JSON], key: str) -> str:
    value = data.get(key)
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _listed(data: dict[str, JSON], key: str) -> Iterable[JSON]:
    value = data.get(key)
    return value if isinstance(value, list) else []
