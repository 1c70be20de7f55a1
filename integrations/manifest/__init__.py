"""Manifests: a service described as data. Shape, loading and checking."""

from integrations.manifest.checks import check
from integrations.manifest.loading import (
    CATALOGUE,
    as_data,
    from_data,
    load,
    manifest_schema,
    shipped,
    shipped_slugs,
)
from integrations.manifest.parts import Call, Send
from integrations.manifest.shape import (
    Action,
    AskBy,
    Cursor,
    ErrorShape,
    Handshake,
    Http,
    Manifest,
    OutputFile,
    Paginate,
    RateLimit,
    Subscribe,
    Trigger,
    Verify,
)
from integrations.manifest.ways import AfterConnect, InputField, Way

__all__ = [
    "CATALOGUE",
    "Action",
    "AfterConnect",
    "AskBy",
    "Call",
    "Cursor",
    "ErrorShape",
    "Handshake",
    "Http",
    "InputField",
    "Manifest",
    "OutputFile",
    "Paginate",
    "RateLimit",
    "Send",
    "Subscribe",
    "Trigger",
    "Verify",
    "Way",
    "as_data",
    "check",
    "from_data",
    "load",
    "manifest_schema",
    "shipped",
    "shipped_slugs",
]
