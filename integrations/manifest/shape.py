"""The shape of a manifest: one service, how to connect to it, what it can do, what it tells us."""

from dataclasses import field
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue
from pydantic.dataclasses import dataclass

from integrations.manifest.parts import STRICT, Call, Key, Method, Schema, Send, Slug, Template
from integrations.manifest.ways import Way


@dataclass(config=STRICT, frozen=True, kw_only=True)
class ErrorShape:
    """How the service words its errors. `retry` and `reconnect` list codes or statuses. Sees `status, headers, body`."""

    message: Template = None
    code: Template = None
    retry: list[str | int] = field(default_factory=list)
    reconnect: list[str | int] = field(default_factory=list)


@dataclass(config=STRICT, frozen=True, kw_only=True)
class RateLimit:
    requests: int = Field(ge=1)
    per_s: float = Field(default=1.0, gt=0, strict=False)


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Http:
    """`base_url` sees `connection`. `retry_after`: `header`, or an expression giving seconds or a moment."""

    base_url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    ok: Template = None
    error: ErrorShape = field(default_factory=ErrorShape)
    retry_after: str = "header"
    rate_limit: RateLimit | None = None


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Paginate:
    """How further pages are asked for.

    `next`: next_url and cursor: where the next address or cursor stands; page and offset: whether there is more.
    `items`: where the list stands. Both are a path into the body (`meta.next`) or an expression (`{{ body.next }}`).
    `size`: the page's length, when it is not to be counted from the items.
    """

    type: Literal["link_header", "next_url", "cursor", "page", "offset"]
    param: str = ""
    place: Literal["query", "json", "form"] = Field(default="query", alias="in")
    next: str | None = None
    items: str | None = None
    start: int | None = None
    max_pages: int = Field(default=10, ge=1, le=1000)


@dataclass(config=STRICT, frozen=True, kw_only=True)
class OutputFile:
    """Makes a file value of an answer. `encoding`: how `data` is written."""

    data: Template = None
    encoding: Literal["bytes", "base64", "text"] = "bytes"
    name: Template = None
    mime: Template = None


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Spec:
    """The operation of the service's own description that this was checked against."""

    file: str
    operation: str


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Action:
    name: Key
    display_name: str
    description: str = ""
    effect: Literal["safe", "unsafe"] | None = None
    idempotency: str | None = None
    scopes: list[str] = field(default_factory=list)
    method: Method | None = None
    path: str = ""
    base_url: str | None = None
    input: Schema = field(default_factory=lambda: {"type": "object", "properties": {}})
    send: Send = field(default_factory=Send)
    ok: Template = None
    output: Template = None
    output_schema: Schema | None = None
    output_file: OutputFile | None = None
    paginate: Paginate | None = None
    requests: list[Call] = field(default_factory=list)
    sample: JsonValue = None
    spec: Spec | None = None
    docs_url: str = ""
    deprecated: str = ""


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Handshake:
    """How a service asks, before its first event, whether the URL is ours. `field`: where the question stands.

    `answer`: what hmac_challenge gives back; sees `challenge` and its signature as `hex` and `base64`.
    """

    kind: Literal["echo_json", "echo_query", "echo_header", "hmac_challenge"]
    field: str
    answer: Template = None


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Verify:
    """How an incoming call proves where it comes from. `secret`: the name of the secret, in the client or the hook."""

    scheme: Literal[
        "slack_v0", "github", "stripe", "shopify", "standard", "twilio", "hmac", "header", "query_token"
    ]
    secret: str
    header: str | None = None
    algorithm: Literal["sha256", "sha512", "sha1"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    timestamp_header: str | None = None
    tolerance_s: int = 300


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Subscribe:
    """Tells the service to call us. `request` sees `input, connection, hook.url, hook.secret`; `store` sees the answer."""

    request: Call
    store: dict[str, Template] = field(default_factory=dict)


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Cursor:
    """`field`: the item's ordering field, a path (may name inputs: `{{ input.column }}`).

    `param`: the query parameter it goes into, as `format` writes it; empty where the request names `cursor` itself.
    `overlap`: how far behind the newest item is asked again, since items may show up late: seconds for times (default
    120), else units of the field (default 0).
    """

    field: str
    param: str = ""
    format: Literal["iso", "epoch", "epoch_ms", "text", "number", "jql", "auto"] = "iso"
    order: Literal["asc", "desc"] = "asc"
    overlap: float | None = Field(default=None, ge=0, strict=False)


@dataclass(config=STRICT, frozen=True, kw_only=True)
class AskBy:
    """Asks for items with one of the service's own actions; `input` sees what `request` would."""

    action: Key
    input: Template = field(default_factory=dict)


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Trigger:
    name: Key
    display_name: str
    type: Literal["webhook", "polling", "event"]
    description: str = ""
    scopes: list[str] = field(default_factory=list)
    input: Schema = field(default_factory=lambda: {"type": "object", "properties": {}})
    # webhook, event
    scope: Literal["app", "connection"] = "connection"
    route: Template = None  # whose event it is (sees `body, headers, query`)
    account: Template = None  # the same, as a connection knows it (sees `connection`)
    handshake: Handshake | None = None
    verify: Verify | None = None
    subscribe: Subscribe | None = None
    unsubscribe: Call | None = None
    renew: Subscribe | None = None  # without it, renewing is to subscribe anew and to end the old one
    renew_before_s: int | None = None
    events: Template = None
    when: Template = None
    # polling; requests see `input, connection, cursor, first` (the mode of a first poll, else null)
    request: Call | None = None
    ask: AskBy | None = None  # in place of `request`
    paginate: Paginate | None = None
    items: Template = None
    more: Template = None  # whether there is more to be had at once
    detail: Call | None = None
    cursor: Cursor | None = None
    # all
    dedup: Template = None
    output: Template = None
    output_schema: Schema | None = None
    sample: JsonValue = None
    spec: Spec | None = None
    deprecated: str = ""


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Manifest:
    """One service. `protocol`: `http` for the executor, or the module of integrations.protocols that does the work."""

    slug: Slug
    name: str
    category: str
    docs_url: str
    suite: str = ""
    description: str = ""
    version: int = 1
    protocol: Literal["http", "http_request", "smtp", "sql", "imap", "rss"] = "http"
    connections: list[Way] = field(default_factory=list)
    http: Http = field(default_factory=Http)
    actions: list[Action] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)

    @classmethod
    def load(cls, source: "Path | str") -> "Manifest":
        """Read YAML 1.2 from a file, or from a text of several lines. Raises ManifestError."""
        from integrations.manifest.loading import load

        return load(source)

    def action(self, name: str) -> Action | None:
        return next((action for action in self.actions if action.name == name), None)

    def trigger(self, name: str) -> Trigger | None:
        return next((trigger for trigger in self.triggers if trigger.name == name), None)

    def way(self, auth_type: str) -> Way | None:
        """The way to connect of that type, in either spelling (`oauth2`, `OAUTH2`)."""
        return next((way for way in self.connections if way.type == auth_type.lower()), None)
