"""Lists, newest first: `{items, next}`. `next` is the cursor of the following page, null at the end."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from django.db.models import Model, QuerySet
from ninja import Query

from automate.api.errors import ApiError

M = TypeVar("M", bound=Model)
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many, at most 1000.")]
Cursor = Annotated[str | None, Query(description="The `next` of the page before.", max_length=100)]


def page(
    rows: QuerySet[M], limit: int, cursor: str | None, shape: Callable[[Sequence[M]], list[dict[str, Any]]]
) -> dict[str, Any]:
    """One page of rows whose ids grow with time. `shape` gets the page's rows at once. Raises ApiError (422)."""
    if cursor:
        rows = rows.filter(pk__lt=_decode(cursor))
    found = list(rows.order_by("-pk")[: limit + 1])
    items, more = found[:limit], len(found) > limit
    return {"items": shape(items), "next": _encode(items[-1].pk) if more else None}


def _encode(last: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")


def _decode(cursor: str) -> uuid.UUID:
    try:
        return uuid.UUID(bytes=base64.urlsafe_b64decode(cursor.encode() + b"=="))
    except (ValueError, binascii.Error):
        raise ApiError(
            422, "invalid", "The cursor is not one of ours: take it from `next`.", "cursor"
        ) from None
