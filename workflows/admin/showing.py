"""How rows are shown: JSON to read, links to follow, and nothing that opens a door."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html

from automate.templatetags.json_html import json_view

HIDDEN: Final = "••••"
ENCRYPTED: Final = "encrypted"
NOTHING: Final = "-"
MAX_MESSAGE: Final = 200  # characters of an error in a list
_TELLING = re.compile(
    r"authorization|cookie|token|secret|password|passwd|api[-_]?key|signature|credential", re.IGNORECASE
)
_SEALED = re.compile(r"v1\.[A-Za-z0-9_-]{1,32}\.[A-Za-z0-9_-]{30,}")  # automate.lib.crypto
_ADDRESS = re.compile(r"/(hooks|forms|approvals|callbacks)/[A-Za-z0-9_-]+")

Show = Callable[[Any, Any], str]


def hidden(value: Any) -> Any:
    """JSON without what its names tell to be secret, without sealed texts and without the end of hook addresses."""
    if isinstance(value, dict):
        return {key: _hidden_under(str(key), item) for key, item in value.items()}
    if isinstance(value, list):
        return [hidden(item) for item in value]
    if not isinstance(value, str):
        return value
    return _ADDRESS.sub(rf"/\1/{HIDDEN}", _SEALED.sub(ENCRYPTED, value))


def _hidden_under(key: str, item: Any) -> Any:
    if _TELLING.search(key) and isinstance(item, str | int | float) and item != "":
        return HIDDEN
    return hidden(item)


def pretty(value: Any) -> str:
    """JSON on lines of its own, escaped, secrets hidden."""
    return NOTHING if value is None else json_view(hidden(value))


def json_field(name: str, description: str = "") -> Show:
    """A column or line that shows a JSON field of the row."""

    @admin.display(description=description or name.replace("_", " "))
    def show(_admin: Any, row: Any) -> str:
        return pretty(getattr(row, name))

    return show


def message_of(error: Any) -> str:
    """The sentence of an error as rows keep it."""
    message = str(error.get("message", "")) if isinstance(error, dict) else ""
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"


def link(row: Model | None, text: str = "") -> str:
    """To the row's page in the admin."""
    if row is None:
        return NOTHING
    return link_to(type(row), row.pk, text or str(row))


def link_to(model: type[Model], pk: Any, text: str = "") -> str:
    """To the page of a row that need not be read for it (and may be gone)."""
    if pk is None:
        return NOTHING
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return format_html('<a href="{}">{}</a>', reverse(name, args=[pk]), text or str(pk))


def link_to_list(model: type[Model], text: str, **asked: Any) -> str:
    """To the list of a model, narrowed down."""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    return format_html('<a href="{}?{}">{}</a>', reverse(name), urlencode(asked), text)


def masked(token: str | None) -> str:
    """Enough of a token to tell it from another one."""
    return f"{HIDDEN}{token[-4:]}" if token else NOTHING
