"""Which feed a web page names."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

KINDS = ("application/rss+xml", "application/atom+xml", "application/feed+json")
MAX_CHARS = 300_000  # the head of a page stands at its beginning


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_feed = (
            "alternate" in given.get("rel", "").lower().split() and given.get("type", "").lower() in KINDS
        )
        if tag == "link" and is_feed and not self.found:
            self.found = given.get("href", "").strip()


def feed_address(page: bytes, url: str) -> str | None:
    """The first feed of the page, as a whole address."""
    links = _Links()
    links.feed(page.decode("utf-8", "replace")[:MAX_CHARS])
    return urljoin(url, links.found) if links.found else None
