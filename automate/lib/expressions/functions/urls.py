"""Addresses of the web and their query parameters."""

from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlencode, urlsplit, urlunsplit

from automate.lib.expressions.converters import Object
from automate.lib.expressions.errors import BudgetExceeded, ExpressionTypeError
from automate.lib.expressions.operators import as_part_of_text
from automate.lib.expressions.registry import function
from automate.lib.expressions.scope import Run, text_bytes
from automate.lib.expressions.values import to_text
from automate.lib.jsontypes import JSON

MAX_URL = 100_000  # characters
MAX_ENCODED = 1_000_000  # characters; each one costs Python some work


@function(
    "URLs", '{{ "a b&c/d" | url_encode }}', "a%20b%26c%2Fd", aliases=("urlencode", "encode_uri_component")
)
def url_encode(text: str, safe: str = "") -> str:
    """The text written so that it can stand in an address; `safe` characters are left alone."""
    return quote(_bearable(text), safe="".join(sign for sign in safe if sign.isascii()))


def _bearable(text: str) -> str:
    if len(text) > MAX_ENCODED:
        raise BudgetExceeded(_too_long())
    return text


def _too_long() -> str:
    return f"Text of more than {MAX_ENCODED:,} characters is not encoded for addresses here."


@function("URLs", '{{ "a%20b+c" | url_decode }}', "a b c", aliases=("urldecode",))
def url_decode(text: str) -> str:
    """The text that was encoded for an address."""
    return unquote_plus(_bearable(text))


@function(
    "URLs",
    '{{ {"q": "a b", "tag": ["x", "y"], "none": null} | build_query }}',
    "q=a+b&tag=x&tag=y",
    aliases=("to_query",),
)
def build_query(run: Run, parameters: Object) -> str:
    """Query parameters of an object; a list gives its name several times, null is left out."""
    pairs = _pairs(run, parameters)
    if sum(len(key) + len(value) for key, value in pairs) > MAX_ENCODED:
        raise BudgetExceeded(_too_long())
    return urlencode(pairs, quote_via=quote_plus)


def _pairs(run: Run, parameters: Object) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for key, value in parameters.items():
        several = value if isinstance(value, list) else [value]
        run.spend(len(several) + 1)
        pairs += [(key, as_part_of_text(item, run)) for item in several if item is not None]
    return pairs


@function("URLs", '{{ "?a=1&b=2&b=3" | parse_query }}', {"a": "1", "b": ["2", "3"]}, aliases=("from_query",))
def parse_query(run: Run, text: str) -> Object:
    """An object of query parameters; a name given several times has a list."""
    run.room_for_items(2 * text.count("&") + 1)
    return _gathered(parse_qsl(_bearable(text).removeprefix("?"), keep_blank_values=True))


def _gathered(pairs: list[tuple[str, str]]) -> Object:
    several: dict[str, list[JSON]] = {}
    for key, value in pairs:
        several.setdefault(key, []).append(value)
    return {key: values[0] if len(values) == 1 else values for key, values in several.items()}


@function("URLs", '{{ parse_url("https://example.org:8443/a/b?x=1#top").host }}', "example.org")
def parse_url(run: Run, url: str) -> Object:
    """The parts of an address: scheme, host, port, path, query (an object) and fragment."""
    try:
        parts = urlsplit(url[:MAX_URL].strip())
        port = parts.port
    except ValueError:
        raise ExpressionTypeError("`parse_url` cannot read this as an address.") from None
    query = parse_query(run, parts.query)
    return {
        "scheme": parts.scheme,
        "host": parts.hostname or "",
        "port": port,
        "path": parts.path,
        "query": query,
        "fragment": parts.fragment,
    }


@function(
    "URLs",
    '{{ build_url("https://example.org/find?a=1", {"q": "x y"}) }}',
    "https://example.org/find?a=1&q=x+y",
    aliases=("add_query",),
)
def build_url(run: Run, url: str, parameters: Object) -> str:
    """The address with more query parameters; those of the same name are replaced."""
    try:
        parts = urlsplit(url[:MAX_URL].strip())
    except ValueError:
        raise ExpressionTypeError("`build_url` cannot read this as an address.") from None
    query = build_query(run, {**parse_query(run, parts.query), **parameters})
    return urlunsplit(parts._replace(query=query))


@function(
    "URLs", '{{ join_url("https://example.org/api/", "/users", 7) }}', "https://example.org/api/users/7"
)
def join_url(run: Run, base: str, *segments: JSON) -> str:
    """An address with more path segments, joined by exactly one / each; segments are encoded, except for / in them."""
    parts = [quote(_bearable(as_part_of_text(segment, run)).strip("/"), safe="/:@") for segment in segments]
    run.room_for_text(text_bytes(base) + sum(map(text_bytes, parts)) + len(parts))
    return "/".join([base.rstrip("/"), *filter(None, parts)])


@function("URLs", '{{ "https://www.example.org/a" | domain }}', "www.example.org")
def domain(text: str) -> str:
    """The host of an address, or what stands after the @ of a mail address; empty when there is none."""
    if "://" not in text:
        return text.rpartition("@")[2].strip().lower() if "@" in text else ""
    try:
        return to_text(urlsplit(text[:MAX_URL].strip()).hostname)
    except ValueError:
        return ""
