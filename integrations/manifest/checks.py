"""Everything that a manifest must have beyond its shape: what people read, samples, and references that lead somewhere."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from automate.lib import expressions
from automate.lib.jsontypes import JSON
from integrations.errors import Fault
from integrations.manifest.shape import Action, Call, Manifest, Send, Trigger, Way

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
    yield from _expressions(
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
        yield from _expressions(
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
    if way.host_pattern is not None and not _is_pattern(way.host_pattern):
        yield Fault(f"{place}.host_pattern", "It is not a regular expression.")


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


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


# --- actions


def _actions(manifest: Manifest) -> Iterator[Fault]:
    for action in manifest.actions:
        place = f"actions.{action.name}"
        yield from _words(place, action)
        yield from _schema(f"{place}.input", action.input, manifest)
        yield from _sample(place, action.sample, action.output_schema)
        yield from _expressions(place, [action.output, action.ok])
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


def _sample(place: str, sample: JSON, schema: Mapping[str, JSON] | None) -> Iterator[Fault]:
    if sample is None:
        yield Fault(f"{place}.sample", "A sample is missing; the data picker shows it before the first run.")
    elif schema is not None:
        from jsonschema import Draft202012Validator

        for error in Draft202012Validator(dict(schema)).iter_errors(sample):
            yield Fault(f"{place}.sample", f"It does not fit output_schema: {error.message}")


def _call(place: str, call: Call, schema: Mapping[str, JSON]) -> Iterator[Fault]:
    if call.path and not call.path.startswith("/") and call.base_url is None:
        yield Fault(f"{place}.path", "It must begin with a slash.")
    path = re.sub(r"\{\{\+", "{{", call.path)
    texts = [path, call.base_url, call.when, call.ok, *_parts(call.send)]
    yield from _expressions(place, texts)
    bodies = [
        key
        for key in ("json", "form", "multipart", "multipart_related", "raw", "graphql")
        if getattr(call.send, key) is not None
    ]
    if len(bodies) > 1:
        yield Fault(f"{place}.send", f"Give one body only: {' or '.join(bodies)}.")
    yield from _known_inputs(place, texts, schema)


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


def _known_inputs(place: str, texts: list[JSON], schema: Mapping[str, JSON]) -> Iterator[Fault]:
    properties = cast(Mapping[str, JSON], schema.get("properties") or {})
    for text in texts:
        try:
            found = expressions.references(text)
        except expressions.ExpressionError:
            continue  # _expressions has said so
        for path in sorted(path for path in found if path[0] == "input" and len(path) > 1):
            if path[1] not in properties:
                yield Fault(place, f"It uses input.{path[1]}, which the input schema does not know.")


def _expressions(place: str, texts: list[JSON]) -> Iterator[Fault]:
    for text in texts:
        for one in _texts(text):
            for fault in expressions.check(one):
                yield Fault(place, f"{fault.message} In “{one[:80]}”.")


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


# --- input schemas


def _schema(place: str, schema: Mapping[str, JSON], manifest: Manifest) -> Iterator[Fault]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        yield Fault(place, f"It is not JSON Schema: {error.message}")
        return
    if schema.get("type") != "object":
        yield Fault(place, "Its type must be object.")
    properties = cast(dict[str, Any], schema.get("properties") or {})
    for name in cast(list[str], schema.get("required") or []):
        if name not in properties:
            yield Fault(place, f"It requires {name}, which is not among its properties.")
    for name, part in properties.items():
        yield from _property(f"{place}.{name}", part, properties, manifest)


def _property(
    place: str, part: dict[str, Any], siblings: Mapping[str, Any], manifest: Manifest
) -> Iterator[Fault]:
    if not part.get("title") or not part.get("description"):
        yield Fault(place, "Give it a title and a description.")
    if "default" in part:
        from jsonschema import Draft202012Validator

        for error in Draft202012Validator(part).iter_errors(part["default"]):
            yield Fault(place, f"Its default does not fit: {error.message}")
    if "x-options" in part:
        yield from _options(place, part["x-options"], siblings, manifest)
    for name, inner in (part.get("properties") or {}).items():
        yield from _property(f"{place}.{name}", inner, part["properties"], manifest)


def _options(
    place: str, options: dict[str, Any], siblings: Mapping[str, Any], manifest: Manifest
) -> Iterator[Fault]:
    """Drop-downs are filled by an action of the same manifest; `input` says what it is given, from other fields."""
    action = manifest.action(str(options.get("action")))
    if action is None:
        yield Fault(place, f"x-options names the action {options.get('action')}, which does not exist.")
        return
    if not options.get("value") or not options.get("label"):
        yield Fault(place, "x-options must say where value and label stand.")
    unknown = options.keys() - {"action", "input", "value", "label"}
    if unknown:
        yield Fault(place, f"x-options does not know {', '.join(sorted(unknown))}.")
    given = options.get("input") or {}
    known = cast(dict[str, Any], action.input.get("properties") or {})
    for name in given:
        if name not in known:
            yield Fault(place, f"x-options gives {name}, which the action {action.name} does not take.")
    for name in cast(list[str], action.input.get("required") or []):
        if name not in given:
            yield Fault(place, f"x-options does not give {name}, which the action {action.name} requires.")
    for path in expressions.references(given):
        if path[0] == "input" and len(path) > 1 and path[1] not in siblings:
            yield Fault(place, f"x-options depends on {path[1]}, which is not a field beside it.")


# --- triggers


def _triggers(manifest: Manifest) -> Iterator[Fault]:
    for trigger in manifest.triggers:
        place = f"triggers.{trigger.name}"
        yield from _words(place, trigger)
        yield from _schema(f"{place}.input", trigger.input, manifest)
        yield from _sample(place, trigger.sample, trigger.output_schema)
        yield from _expressions(
            place, [trigger.route, trigger.events, trigger.when, trigger.dedup, trigger.items, trigger.output]
        )
        if trigger.dedup is None:
            yield Fault(f"{place}.dedup", "Say how the same event is recognised when it comes twice.")
        yield from _polling(place, trigger) if trigger.type == "polling" else _webhook(place, trigger)


def _polling(place: str, trigger: Trigger) -> Iterator[Fault]:
    if trigger.request is None or trigger.items is None:
        yield Fault(place, "A polling trigger needs request and items.")
    for name in ("request", "detail"):
        call = getattr(trigger, name)
        if call is not None:
            yield from _call(f"{place}.{name}", call, trigger.input)


def _webhook(place: str, trigger: Trigger) -> Iterator[Fault]:
    if trigger.verify is None:
        yield Fault(f"{place}.verify", "Say how a call proves where it comes from.")
    if trigger.scope == "app" and trigger.route is None:
        yield Fault(f"{place}.route", "All users share one URL, so say which connection an event is for.")
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
