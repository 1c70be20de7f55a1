"""Reads feeds: RSS 0.9 to 2.0, Atom and JSON Feed, or the feed that a page names."""

from automate.lib import clock
from automate.lib.http import HttpError, Request, Response
from automate.lib.jsontypes import JSON
from integrations.errors import ActionError, InputError
from integrations.protocols.rss.feeds import NotAFeed, read_feed
from integrations.protocols.rss.pages import feed_address
from integrations.values import ActionResult, Connection, Context

MAX_BYTES = 8 * 1024 * 1024
ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/html;q=0.5, */*;q=0.1"
RETRYABLE = frozenset((408, 425, 429, 500, 502, 503, 504))


def run(action: str, input: dict[str, JSON], connection: Connection, context: Context) -> ActionResult:
    """`read_feed` → `{title, url, items}`, the oldest item first. Raises ActionError."""
    if action != "read_feed":
        raise ActionError(f"RSS has no action “{action}”.", code="unknown_action", sent=False)
    deadline = clock.monotonic() + context.timeout_s
    response = _fetch(str(input["url"]).strip(), context, deadline)
    if _is_page(response):
        named = feed_address(response.body, response.url)
        if named is None:
            raise InputError(
                f"{response.url} is a page that names no feed. Give the address of the feed itself."
            )
        response = _fetch(named, context, deadline)
    try:
        feed = read_feed(response.body, response.url)
    except NotAFeed as error:
        raise ActionError(
            f"{response.url} cannot be read as a feed: {error}", code="not_a_feed", sent=True
        ) from None
    log: dict[str, JSON] = {
        "method": "GET", "url": response.url, "status": response.status, "headers": {},
        "duration_ms": round(response.elapsed_ms, 1), "bytes_received": len(response.body),
    }  # fmt: skip
    return ActionResult(feed, log)


def test(connection: Connection, context: Context) -> str:
    """Feeds need no signing in."""
    return ""


def _fetch(url: str, context: Context, deadline: float) -> Response:
    assert context.client is not None  # lent to every protocol
    request = Request(
        "GET", url, {"Accept": ACCEPT}, timeout_s=max(0.1, deadline - clock.monotonic()), max_bytes=MAX_BYTES,
        follow_redirects=True, allow_retry=True,
    )  # fmt: skip
    try:
        response = context.client.send(request)
    except HttpError as error:
        raise ActionError(
            error.message, code=error.code, retryable=error.retryable, sent=error.sent
        ) from None
    if response.status >= 400:
        raise ActionError(
            f"{response.url} answered {response.status}.",
            code=f"http_{response.status}",
            status=response.status,
            retryable=response.status in RETRYABLE,
            retry_after_s=_seconds(response.headers.get("retry-after", "")),
            sent=True,
        )
    return response


def _seconds(text: str) -> float | None:
    return min(float(text), 86_400.0) if text.isascii() and text.isdigit() else None


def _is_page(response: Response) -> bool:
    kind = response.headers.get("content-type", "").lower()
    head = response.body[:1000].lstrip().lower()
    return ("html" in kind and not head.startswith(b"<?xml")) or head.startswith(
        (b"<!doctype html", b"<html")
    )
