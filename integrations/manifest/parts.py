"""What all sections of a manifest are made of: names, templates, requests.

Texts marked `Template` may hold expressions; which names they see is said at each.
"""

from dataclasses import field
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, ConfigDict, JsonValue
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

STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(config=STRICT, frozen=True, kw_only=True)
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


@dataclass(config=STRICT, frozen=True, kw_only=True)
class Call:
    """One request. `path` quotes what expressions put into it; `{{+ … }}` lets slashes through."""

    id: Key | None = None
    when: Template = None
    method: Method = "GET"
    path: str = ""
    base_url: str | None = None
    send: Send = field(default_factory=Send)
    ok: Template = None
