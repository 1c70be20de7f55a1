"""Bytes too big for a row: files, and step outputs above the inline limit.

A `Blob` row says whose they are; the bytes lie in the row itself, or where `AUTOMATE_BLOBS` says (`shelves.py`).
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from automate.lib.ids import uuid7
from workflows.models import Blob
from workflows.runs.shelves import Missing, shelf_named

BATCH: Final = 50  # rows whose bytes are removed at a time: up to 16 MB each


def make_blob(
    data: bytes, *, tenant_id: uuid.UUID, execution_id: uuid.UUID | None, name: str, mime: str
) -> Blob:
    """A row that is not saved yet, with its bytes in it."""
    return Blob(
        id=uuid7(),
        tenant_id=tenant_id,
        execution_id=execution_id,
        name=name[:255],
        mime=mime[:120],
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        data=data,
    )


def shelve(blob: Blob) -> Blob:
    """Put the bytes of an unsaved row where they belong; no SQL. A row that is never saved leaves them behind."""
    shelf = shelf_named(settings.AUTOMATE_BLOBS)
    if shelf is not None:
        shelf.put(_key(blob), bytes(blob.data))
        blob.place, blob.data = shelf.name, b""
    return blob


def bytes_of(blob: Blob) -> bytes:
    """What was stored. Raises Missing when the bytes are not where they were put."""
    if not blob.place:
        return bytes(blob.data)
    shelf = shelf_named(settings.AUTOMATE_BLOBS)
    if shelf is None or shelf.name != blob.place:
        raise Missing(
            f"The stored file {blob.pk} lies in “{blob.place}”. Set AUTOMATE_BLOBS to it to read older data."
        )
    return shelf.get(_key(blob))


def drop_blobs(blobs: QuerySet[Blob]) -> int:
    """Remove rows and, once that is committed, the bytes that lie elsewhere; gives how many there were."""
    elsewhere = list(blobs.exclude(place="").only("id", "tenant_id", "place"))
    for start in range(0, len(elsewhere), BATCH):
        rows = elsewhere[start : start + BATCH]
        transaction.on_commit(lambda rows=rows: _forget(rows))  # type: ignore[misc]  # bound here on purpose
    count: int = blobs._raw_delete(blobs.db)
    return count


def _forget(blobs: list[Blob]) -> None:
    shelf = shelf_named(settings.AUTOMATE_BLOBS)
    if shelf is not None:
        shelf.delete([_key(blob) for blob in blobs if blob.place == shelf.name])


def _key(blob: Blob) -> str:
    """Under the workspace, spread over folders by the random end of the id."""
    name = blob.pk.hex
    return f"{blob.tenant_id}/{name[-2:]}/{name}"
