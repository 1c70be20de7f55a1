"""The ways to connect to a service."""

from dataclasses import field
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from integrations.manifest.parts import STRICT, AuthType, Call, Key, Method, Send, Template


@dataclass(config=STRICT, frozen=True, kw_only=True)
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


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Scopes:
    separator: str = " "
    default: list[str] = field(default_factory=list)
    user: list[str] = field(default_factory=list)


@dataclass(config=STRICT, frozen=True, kw_only=True)
class TokenAnswer:
    """Where in the token endpoint's answer things stand; dots lead into objects."""

    access_token: str = "access_token"  # noqa: S105  # the name of a field
    refresh_token: str = "refresh_token"  # noqa: S105
    expires_in: str = "expires_in"
    scope: str = "scope"
    error: str = "error"
    error_description: str = "error_description"


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Refresh:
    """`rotates`: each refresh brings a new refresh token. `default_expires_s`: where the answer names no life time."""

    rotates: bool = False
    default_expires_s: int | None = None


@dataclass(config=STRICT, frozen=True, kw_only=True)
class AfterConnect:
    """A request made once after connecting; `save` names what is kept as `connection.<key>` (sees `body`)."""

    method: Method = "GET"
    path: str = ""
    base_url: str | None = None
    send: Send = field(default_factory=Send)
    ok: Template = None
    save: dict[str, Template] = field(default_factory=dict)


@dataclass(config=STRICT, frozen=True, kw_only=True)
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
