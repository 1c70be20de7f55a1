"""Asks for page after page, in the five ways services number them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, urlencode, urljoin

from automate.lib import jsontypes
from automate.lib.http import parse_url
from automate.lib.jsontypes import JSON
from integrations.actions.answers import Answer
from integrations.actions.bodies import FORM, with_query
from integrations.actions.mapping import Names, Node, compiled, is_true, value_of
from integrations.errors import ActionError
from integrations.manifest import Paginate
from integrations.values import Outgoing

MAX_PAGED_BYTES = 16 * 1024 * 1024  # of all pages together: the largest output that is kept
_NEXT_LINK = re.compile(r"<([^>]*)>\s*((?:;[^,<]*)*)")


@dataclass(frozen=True, slots=True)
class Pages:
    items: list[JSON]
    count: int
    last: Answer


@dataclass(frozen=True, slots=True)
class _Progress:
    """Pages and items so far, and the items of the newest page."""

    pages: int
    items: int
    found: int


@dataclass(frozen=True, slots=True)
class Paging:
    """A manifest's `paginate`, prepared."""

    spec: Paginate
    items: Node
    next: Node | None
    max_pages: int


def prepare_paging(spec: Paginate, *, items: str | None = None, max_pages: int | None = None) -> Paging:
    """`items`, `max_pages`: in place of the manifest's own."""
    found = _place(items or spec.items) or _whole_body
    return Paging(spec, found, _place(spec.next), max_pages or spec.max_pages)


def _place(text: str | None) -> Node | None:
    """An expression, or a dotted path into the body."""
    if not text:
        return None
    if "{{" in text:
        return compiled(text)
    keys = text.removeprefix("body.").split(".")

    def look_up(names: Names) -> JSON:
        value = names["body"]
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    return look_up


def _whole_body(names: Names) -> JSON:
    return names["body"]


@dataclass(frozen=True, slots=True)
class Page:
    items: list[JSON]
    answer: Answer
    has_next: bool


def all_pages(paging: Paging, first: Outgoing, ask: Callable[[Outgoing], Answer], names: Names) -> Pages:
    """`ask` sends one request and raises ActionError for a refusal. Stops at `max_pages`, or when a page repeats."""
    items, size, count = list[JSON](), 0, 0
    for page in each_page(paging, first, ask, names):
        count, size = count + 1, size + len(page.answer.content)
        if size > MAX_PAGED_BYTES:
            raise _too_large()
        items += page.items
    return Pages(items, count, page.answer)


def each_page(
    paging: Paging, first: Outgoing, ask: Callable[[Outgoing], Answer], names: Names
) -> Iterator[Page]:
    """As all_pages, one at a time: nothing is asked for that nobody wants."""
    spec, count, total = paging.spec, 0, 0
    out = _first(spec, first)
    seen = {_mark(out)}
    while True:
        answer = ask(out)
        found = _items(paging, answer, names)
        count, total = count + 1, total + len(found)
        following = _next(paging, first, answer, names, _Progress(count, total, len(found)))
        has_next = following is not None and _mark(following) not in seen
        yield Page(found, answer, has_next)
        if following is None or not has_next:
            return
        seen.add(_mark(following))
        out = following


def _too_large() -> ActionError:
    message = f"The pages hold more than {MAX_PAGED_BYTES:,} bytes. Ask for less at once."
    return ActionError(message, code="answer_too_large", sent=True)


def _first(spec: Paginate, out: Outgoing) -> Outgoing:
    if spec.type not in ("page", "offset") or not spec.param or spec.start is None:
        return out
    return _with_parameter(spec, out, spec.start)


def _mark(out: Outgoing) -> tuple[str, bytes | None]:
    return with_query(out.url, out.query), out.body


def _items(paging: Paging, answer: Answer, names: Names) -> list[JSON]:
    found = value_of(paging.items, _seen(names, answer))
    if found is None:
        return []
    if not isinstance(found, list):
        where = f"“{paging.spec.items}”" if paging.spec.items else "The answer"
        raise ActionError(
            f"{where} is not a list, so there are no pages to read.", code="not_a_list", sent=True
        )
    return found


def _seen(names: Names, answer: Answer) -> Names:
    return {**names, "status": answer.status, "headers": dict(answer.headers), "body": answer.body}


def _next(
    paging: Paging, first: Outgoing, answer: Answer, names: Names, so_far: _Progress
) -> Outgoing | None:
    """The request for the next page, or None after the last one."""
    spec = paging.spec
    if so_far.pages >= paging.max_pages:
        return None
    told = None if paging.next is None else value_of(paging.next, _seen(names, answer))
    if spec.type == "link_header":
        return _at(first, answer, _link(answer.headers.get("link", "")))
    if spec.type == "next_url":
        return _at(first, answer, told if isinstance(told, str) else "")
    if spec.type == "cursor":
        return _with_parameter(spec, first, told) if is_true(told) else None
    if not so_far.found or (paging.next is not None and not is_true(told)):
        return None
    start = spec.start or 0
    return _with_parameter(
        spec, first, start + so_far.items if spec.type == "offset" else _page(spec, so_far.pages)
    )


def _page(spec: Paginate, count: int) -> int:
    return (1 if spec.start is None else spec.start) + count


def _at(first: Outgoing, answer: Answer, address: str) -> Outgoing | None:
    """Only on the same server: the credentials of the first request go along."""
    if not address:
        return None
    url = urljoin(answer.url, address)
    if parse_url(url).origin != parse_url(first.url).origin:
        raise ActionError(
            "The next page lies on another server, which is not followed.", code="foreign_page", sent=True
        )
    return replace(first, url=url, query=[], headers=dict(first.headers))


def _link(header: str) -> str:
    """The address marked rel="next" in a Link header (RFC 8288)."""
    for address, parameters in _NEXT_LINK.findall(header):
        if re.search(r';\s*rel\s*=\s*"?([^";]*\s)?next(\s[^";]*)?("|;|$)', parameters, re.IGNORECASE):
            return str(address)
    return ""


def _with_parameter(spec: Paginate, out: Outgoing, value: JSON) -> Outgoing:
    if spec.place == "query":
        others = [(name, text) for name, text in out.query if name != spec.param]
        return replace(out, url=_without(out.url, spec.param), query=[*others, (spec.param, str(value))])
    if spec.place == "json":
        body = jsontypes.loads(out.body) if out.body else {}
        if not isinstance(body, dict):
            raise ActionError(
                "Pages cannot be asked for: the body is not an object.", code="mapping", sent=False
            )
        return replace(out, body=jsontypes.dumps_bytes({**body, spec.param: value}))
    return _with_form_parameter(spec, out, str(value))


def _with_form_parameter(spec: Paginate, out: Outgoing, value: str) -> Outgoing:
    pairs = [(name, text) for name, text in parse_qsl((out.body or b"").decode(), keep_blank_values=True)]
    pairs = [pair for pair in pairs if pair[0] != spec.param] + [(spec.param, value)]
    return replace(
        out, body=urlencode(pairs, quote_via=quote).encode(), headers={"Content-Type": FORM, **out.headers}
    )


def _without(url: str, name: str) -> str:
    """An address without one parameter of its query."""
    head, mark, query = url.partition("?")
    kept = [part for part in query.split("&") if part.partition("=")[0] != name]
    return f"{head}?{'&'.join(kept)}" if mark and any(kept) else head
