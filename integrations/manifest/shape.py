"""The shape of a manifest: one service, how to connect to it, what it can do, what it tells us.

Texts marked `Template` may hold expressions; which names they see is said at each.
"""

from dataclasses import field
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field, JsonValue
from pydantic.dataclasses import dataclass

Template: TypeAlias = JsonValue  # any JSON; its texts may hold {{ expressions }}
Schema: TypeAlias = dict[str, JsonValue]  # JSON Schema, draft 2020-12

AuthType = Literal[
    "none",
    "api_key",
    "basic",
    "bearer",
    "oauth2",
    "oauth2_client_credentials",
    "aws_sigv4",
    "service_account",
    "dsn",
]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def _key(text: str) -> str:
    if not (
        text
        and text[0].isalpha()
        and text.isascii()
        and text.replace("_", "").isalnum()
        and text == text.lower()
    ):
        raise ValueError("must begin with a letter and hold only lower-case letters, digits and _")
    return text


def _slug(text: str) -> str:
    return _key(text.replace("-", "_")) and text


Key = Annotated[str, AfterValidator(_key)]
Slug = Annotated[str, AfterValidator(_slug)]

_strict = ConfigDict(extra="forbid", strict=True)


@dataclass(config=_strict, frozen=True, kw_only=True)
class InputField:
    """One thing a person fills in to connect."""

    key: Key
    label: str
    help: str = ""
    type: Literal["text", "secret", "url", "number", "select", "multiline"] = "text"
    required: bool = True
    default: str | int | None = None
    options: list[str] = field(default_factory=list)
    placeholder: str = ""
    pattern: str | None = None
    advanced: bool = False


@dataclass(config=_strict, frozen=True, kw_only=True)
class Send:
    """What goes with a request; absent inputs are dropped. Sees `input`, `connection` and earlier `requests`."""

    query: Template = None
    headers: Template = None
    json: Template = None
    form: Template = None
    multipart: Template = None
    multipart_related: Template = None
    raw: Template = None
    graphql: Template = None


@dataclass(config=_strict, frozen=True, kw_only=True)
class Call:
    """One request. `path` quotes what expressions put into it; `{{+ … }}` lets slashes through."""

    id: Key | None = None
    when: Template = None
    method: Method = "GET"
    path: str = ""
    base_url: str | None = None
    send: Send = field(default_factory=Send)
    ok: Template = None


@dataclass(config=_strict, frozen=True, kw_only=True)
class Scopes:
    separator: str = " "
    default: list[str] = field(default_factory=list)
    user: list[str] = field(default_factory=list)


@dataclass(config=_strict, frozen=True, kw_only=True)
class TokenAnswer:
    """Where in the token endpoint's answer things stand; dots lead into objects."""

    access_token: str = "access_token"  # noqa: S105  # the name of a field
    refresh_token: str = "refresh_token"  # noqa: S105
    expires_in: str = "expires_in"
    scope: str = "scope"
    error: str = "error"
    error_description: str = "error_description"


@dataclass(config=_strict, frozen=True, kw_only=True)
class Refresh:
    """`rotates`: each refresh brings a new refresh token. `default_expires_s`: where the answer names no life time."""

    rotates: bool = False
    default_expires_s: int | None = None


@dataclass(config=_strict, frozen=True, kw_only=True)
class AfterConnect:
    """A request made once after connecting; `save` names what is kept as `connection.<key>` (sees `body`)."""

    method: Method = "GET"
    path: str = ""
    base_url: str | None = None
    send: Send = field(default_factory=Send)
    ok: Template = None
    save: dict[str, Template] = field(default_factory=dict)


@dataclass(config=_strict, frozen=True, kw_only=True)
class Way:
    """One way to connect. Which keys mean something depends on `type`; `check` refuses the others."""

    type: AuthType
    label: str = ""
    help: str = ""
    fields: list[InputField] = field(default_factory=list)
    # api_key; `prefix` also for bearer
    place: Literal["header", "query"] = Field(default="header", alias="in")
    name: str = ""
    prefix: str | None = None
    # oauth2, oauth2_client_credentials
    authorize_url: str = ""
    token_url: str = ""
    revoke_url: str = ""
    scopes: Scopes = field(default_factory=Scopes)
    client_auth: Literal["post", "basic", "none", "private_key_jwt"] = "post"
    token_body: Literal["form", "json"] = "form"  # noqa: S105
    token_headers: dict[str, str] = field(default_factory=dict)
    token_params: dict[str, str] = field(default_factory=dict)
    pkce: Literal["S256", "none"] = "S256"
    pkce_reason: str = ""
    authorize_params: dict[str, str] = field(default_factory=dict)
    response: TokenAnswer = field(default_factory=TokenAnswer)
    refresh: Refresh = field(default_factory=Refresh)
    save_from_token: list[str] = field(default_factory=list)
    # all ways
    after_connect: AfterConnect | None = None
    host_pattern: str | None = None
    account_label: Template = None
    test: Call | None = None


@dataclass(config=_strict, frozen=True, kw_only=True)
class ErrorShape:
    """How the service words its errors. `retry` and `reconnect` list codes or statuses. Sees `status, headers, body`."""

    message: Template = None
    code: Template = None
    retry: list[str | int] = field(default_factory=list)
    reconnect: list[str | int] = field(default_factory=list)


@dataclass(config=_strict, frozen=True, kw_only=True)
class RateLimit:
    requests: int = Field(ge=1)
    per_s: float = Field(default=1.0, gt=0, strict=False)


@dataclass(config=_strict, frozen=True, kw_only=True)
class Http:
    """`base_url` sees `connection`. `retry_after`: `header`, or an expression giving seconds or a moment."""

    base_url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    ok: Template = None
    error: ErrorShape = field(default_factory=ErrorShape)
    retry_after: str = "header"
    rate_limit: RateLimit | None = None


@dataclass(config=_strict, frozen=True, kw_only=True)
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


@dataclass(config=_strict, frozen=True, kw_only=True)
class OutputFile:
    """Makes a file value of an answer. `encoding`: how `data` is written."""

    data: Template = None
    encoding: Literal["bytes", "base64", "text"] = "bytes"
    name: Template = None
    mime: Template = None


@dataclass(config=_strict, frozen=True, kw_only=True)
class Spec:
    """The operation of the service's own description that this was checked against."""

    file: str
    operation: str


@dataclass(config=_strict, frozen=True, kw_only=True)
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


@dataclass(config=_strict, frozen=True, kw_only=True)
class Handshake:
    """How a service asks, before its first event, whether the URL is ours. `field`: where the question stands."""

    kind: Literal["echo_json", "echo_query", "echo_header", "hmac_challenge"]
    field: str


@dataclass(config=_strict, frozen=True, kw_only=True)
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


@dataclass(config=_strict, frozen=True, kw_only=True)
class Subscribe:
    """Tells the service to call us. `request` sees `input, connection, hook.url, hook.secret`; `store` sees the answer."""

    request: Call
    store: dict[str, Template] = field(default_factory=dict)


@dataclass(config=_strict, frozen=True, kw_only=True)
class Cursor:
    """`field`: the item's ordering field; `param`: where it goes in the request, as `format` writes it."""

    field: str
    param: str
    format: Literal["iso", "epoch", "epoch_ms", "text", "number", "jql"] = "iso"
    order: Literal["asc", "desc"] = "asc"


@dataclass(config=_strict, frozen=True, kw_only=True)
class Trigger:
    name: Key
    display_name: str
    type: Literal["webhook", "polling", "event"]
    description: str = ""
    scopes: list[str] = field(default_factory=list)
    input: Schema = field(default_factory=lambda: {"type": "object", "properties": {}})
    # webhook, event
    scope: Literal["app", "connection"] = "connection"
    route: Template = None
    handshake: Handshake | None = None
    verify: Verify | None = None
    subscribe: Subscribe | None = None
    unsubscribe: Call | None = None
    renew_before_s: int | None = None
    events: Template = None
    when: Template = None
    # polling
    request: Call | None = None
    paginate: Paginate | None = None
    items: Template = None
    detail: Call | None = None
    cursor: Cursor | None = None
    # all
    dedup: Template = None
    output: Template = None
    output_schema: Schema | None = None
    sample: JsonValue = None
    spec: Spec | None = None
    deprecated: str = ""


@dataclass(config=_strict, frozen=True, kw_only=True)
class Manifest:
    """One service. `protocol`: `http` for the executor, or the module of integrations.protocols that does the work."""

    slug: Slug
    name: str
    category: str
    docs_url: str
    suite: str = ""
    description: str = ""
    version: int = 1
    protocol: Literal["http", "http_request", "smtp", "sql"] = "http"
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
