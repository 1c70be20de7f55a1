"""Files that come with a polled item: values first, rows when its run is started, in the same transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from automate.lib.jsontypes import JSON
from integrations.values import Attachment
from workflows.models import Blob
from workflows.runs.blobs import make_blob, shelve

FILE_MARK = "$file"


class Files:
    def __init__(self, tenant_id: uuid.UUID, attachments: Iterable[Attachment]) -> None:
        self._blobs = [
            make_blob(one.data, tenant_id=tenant_id, execution_id=None, name=one.name, mime=one.mime)
            for one in attachments
        ]

    @property
    def values(self) -> list[JSON]:
        return [
            {FILE_MARK: str(blob.pk), "name": blob.name, "mime": blob.mime, "size": blob.size_bytes, "sha256": blob.sha256}
            for blob in self._blobs
        ]  # fmt: skip

    def store(self, execution_id: uuid.UUID | None) -> None:
        """One SQL statement, none without files. Without an execution they belong to a sample."""
        for blob in self._blobs:
            blob.execution_id = execution_id
        if self._blobs:
            Blob.objects.bulk_create([shelve(blob) for blob in self._blobs])
