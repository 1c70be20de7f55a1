"""Everything that a manifest must have beyond its shape: what people read, samples, and references that lead somewhere."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from automate.lib.jsontypes import JSON
from integrations.errors import Fault
from integrations.manifest.parts import Call, Send
from integrations.manifest.schemas import check_inputs, check_sample, check_schema, check_texts
from integrations.manifest.shape import Action, Manifest, Trigger
from integrations.manifest.validation import unusable
from integrations.manifest.ways import Way

OAUTH = ("oauth2", "oauth2_client_credentials")
# The fields each way cannot do without, when its manifest names its own.
_NEEDED_FIELDS = {
    "api_key": {"key"},
    "basic": {"username", "password"},
    "bearer": {"token"},
    "dsn": {"dsn"},
}
_OAUTH_KEYS = ("authorize_url", "token_url", "revoke_url", "pkce_reason", "authorize_params", "token_headers")


def check(manifest: Manifest) -> list[Fault]:
    """All faults, each with its place. An empty list means the manifest may be shipped."""
    return [*_service(manifest), *_connections(manifest), *_actions(manifest), *_triggers(manifest)]


def _service(manifest: Manifest) -> Iterator[Fault]:
    for key in ("name", "category", "description"):
        if not getattr(manifest, key).strip():
            yield Fault(key, "People need it to find the service. Write a few words.")
    yield from _web_address("docs_url", manifest.docs_url)
    yield from _once("actions", [action.name for action in manifest.actions])
    yield from _once("triggers", [trigger.name for trigger in manifest.triggers])
    yield from _once("connections", [way.type for way in manifest.connections])
    if manifest.protocol == "http" and not manifest.http.base_url:
        yield Fault("http.base_url", "It is missing, so no request would have an address.")
    http = manifest.http
    yield from check_texts(
        "http", [http.base_url, http.ok, http.error.message, http.error.code, http.retry_after]
    )


def _once(place: str, names: list[str]) -> Iterator[Fault]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Fault(f"{place}.{name}", "This name is given twice.")


def _web_address(place: str, url: str) -> Iterator[Fault]:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        yield Fault(place, "It must be an address that begins with https://.")


# --- connections


def _connections(manifest: Manifest) -> Iterator[Fault]:
    if not manifest.connections:
        yield Fault(
            "connections", "Name at least one way to connect; {type: none} if there is nothing to sign in to."
        )
    for way in manifest.connections:
        place = f"connections.{way.type}"
        yield from _way_words(way, place, manifest)
        if way.type in OAUTH:
            yield from _oauth(way, place)
        elif any(getattr(way, key) for key in _OAUTH_KEYS):
            yield Fault(place, "Keys of OAuth mean nothing for this type.")
        missing = _NEEDED_FIELDS.get(way.type, set()) - {field.key for field in way.fields}
        if way.fields and missing:
            yield Fault(f"{place}.fields", f"The field {', '.join(sorted(missing))} is missing.")
        yield from check_texts(
            place, [way.account_label, way.after_connect.save if way.after_connect else None]
        )


def _way_words(way: Way, place: str, manifest: Manifest) -> Iterator[Fault]:
    if not way.label or not way.help:
        yield Fault(place, "Give it a label and a help text.")
    if way.type != "none" and way.type not in OAUTH and not way.fields:
        yield Fault(f"{place}.fields", "Name the fields, so that each has a help text of its own.")
    if way.test is None and way.type != "none" and manifest.protocol == "http":
        yield Fault(f"{place}.test", "A request that tries the connection is missing.")
    if way.test is not None:
        yield from _call(f"{place}.test", way.test, {})
    for field in way.fields:
        if not field.label or not field.help:
            yield Fault(f"{place}.fields.{field.key}", "Give it a label and a help text.")
        if field.type == "select" and not field.options:
            yield Fault(f"{place}.fields.{field.key}", "A selection needs options.")
        if field.key in ("password", "token", "key", "dsn", "client_secret") and field.type != "secret":
            yield Fault(f"{place}.fields.{field.key}", "Its type must be secret.")
    for sentence in unusable({"pattern": way.host_pattern}):
        yield Fault(f"{place}.host_pattern", sentence)


def _oauth(way: Way, place: str) -> Iterator[Fault]:
    if way.type == "oauth2":
        yield from _web_address(f"{place}.authorize_url", way.authorize_url)
        if way.pkce == "none" and not way.pkce_reason:
            yield Fault(f"{place}.pkce_reason", "Say why this service is connected without PKCE.")
    yield from _web_address(f"{place}.token_url", way.token_url)
    if (
        way.save_from_token
        and "{{" not in str(way.host_pattern or "")
        and _saves_host(way)
        and not way.host_pattern
    ):
        yield Fault(
            f"{place}.host_pattern", "A host that comes with the token must be held against a pattern."
        )


def _saves_host(way: Way) -> bool:
    return any(re.search(r"url|host|domain", key) for key in way.save_from_token)


# --- actions


def _actions(manifest: Manifest) -> Iterator[Fault]:
    for action in manifest.actions:
        place = f"actions.{action.name}"
        yield from _words(place, action)
        yield from check_schema(f"{place}.input", action.input, manifest)
        yield from check_sample(place, action.sample, action.output_schema)
        yield from check_texts(place, [action.output, action.ok])
        yield from _requests(place, action, manifest)


def _requests(place: str, action: Action, manifest: Manifest) -> Iterator[Fault]:
    if manifest.protocol != "http":
        if action.method or action.path or action.requests:
            yield Fault(place, "The protocol sends the requests itself; remove method, path and requests.")
        return
    if action.requests and (action.method or action.path):
        yield Fault(place, "Give either method and path, or requests.")
    if not action.requests and not action.method:
        yield Fault(f"{place}.method", "It is missing.")
    yield from _once(f"{place}.requests", [call.id for call in action.requests if call.id])
    single = Call(method=action.method or "GET", path=action.path, base_url=action.base_url, send=action.send)
    for number, call in enumerate(action.requests or [single]):
        if len(action.requests) > 1 and not call.id:
            yield Fault(f"{place}.requests.{number}", "Each of several requests needs an id.")
        yield from _call(
            f"{place}.requests.{call.id or number}" if action.requests else place, call, action.input
        )


def _words(place: str, entry: Action | Trigger) -> Iterator[Fault]:
    if not entry.display_name or not entry.description:
        yield Fault(place, "Give it a display_name and a description.")


def _call(place: str, call: Call, schema: Mapping[str, JSON]) -> Iterator[Fault]:
    if call.path and not call.path.startswith("/") and call.base_url is None:
        yield Fault(f"{place}.path", "It must begin with a slash.")
    path = re.sub(r"\{\{\+", "{{", call.path)
    texts = [path, call.base_url, call.when, call.ok, *_parts(call.send)]
    yield from check_texts(place, texts)
    bodies = [
        key
        for key in ("json", "form", "multipart", "multipart_related", "raw", "graphql")
        if getattr(call.send, key) is not None
    ]
    if len(bodies) > 1:
        yield Fault(f"{place}.send", f"Give one body only: {' or '.join(bodies)}.")
    yield from check_inputs(place, texts, schema)


def _parts(send: Send) -> list[JSON]:
    return [
        send.query,
        send.headers,
        send.json,
        send.form,
        send.multipart,
        send.multipart_related,
        send.raw,
        send.graphql,
    ]


# --- triggers


def _triggers(manifest: Manifest) -> Iterator[Fault]:
    for trigger in manifest.triggers:
        place = f"triggers.{trigger.name}"
        yield from _words(place, trigger)
        yield from check_schema(f"{place}.input", trigger.input, manifest)
        yield from check_sample(place, trigger.sample, trigger.output_schema)
        yield from check_texts(place, [getattr(trigger, name) for name in _TRIGGER_TEXTS])
        if trigger.dedup is None:
            yield Fault(f"{place}.dedup", "Say how the same event is recognised when it comes twice.")
        if trigger.type == "polling":
            yield from _polling(place, trigger, manifest)
        else:
            yield from _webhook(place, trigger)


_TRIGGER_TEXTS = ("route", "account", "events", "when", "dedup", "items", "more", "output")
_LOOKS_ITSELF = ("imap",)  # protocols that know what is new without being told


def _polling(place: str, trigger: Trigger, manifest: Manifest) -> Iterator[Fault]:
    own = manifest.protocol in _LOOKS_ITSELF
    if not own and (trigger.items is None or (trigger.request is None) == (trigger.ask is None)):
        yield Fault(place, "A polling trigger needs items, and either request or ask.")
    if trigger.ask is not None:
        if manifest.action(trigger.ask.action) is None:
            yield Fault(f"{place}.ask", f"There is no action {trigger.ask.action}.")
        yield from check_texts(f"{place}.ask", [trigger.ask.input])
        yield from check_inputs(f"{place}.ask", [trigger.ask.input], trigger.input)
    for name in ("request", "detail"):
        call = getattr(trigger, name)
        if call is not None:
            yield from _call(f"{place}.{name}", call, trigger.input)


def _webhook(place: str, trigger: Trigger) -> Iterator[Fault]:
    if trigger.verify is None:
        yield Fault(f"{place}.verify", "Say how a call proves where it comes from.")
    if trigger.scope == "app" and (trigger.route is None or trigger.account is None):
        yield Fault(
            f"{place}.route",
            "All users share one URL, so say whose an event is, and `account` of a connection.",
        )
    if trigger.scope == "connection" and trigger.subscribe is None:
        yield Fault(f"{place}.subscribe", "Say how the service is told to call us.")
    if trigger.subscribe is not None and trigger.unsubscribe is None:
        yield Fault(f"{place}.unsubscribe", "What is subscribed must be unsubscribed.")
    for name, call in (
        ("subscribe", trigger.subscribe and trigger.subscribe.request),
        ("unsubscribe", trigger.unsubscribe),
    ):
        if call:
            yield from _call(f"{place}.{name}", call, trigger.input)
