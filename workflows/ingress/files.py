"""Uploads as file values: `{"$file": id, name, mime, size, sha256}`, stored as blobs of the workspace."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.conf import settings

from automate.lib.jsontypes import JSON
from workflows.ingress.bodies import FILE_MARK, Body, Upload
from workflows.ingress.refusals import Refused
from workflows.models import Blob
from workflows.runs.blobs import make_blob, shelve


class Shelf:
    """The files of one request: values first, rows when the run is started, in the same transaction."""

    def __init__(self, tenant_id: uuid.UUID) -> None:
        self.tenant_id = tenant_id
        self.blobs: list[Blob] = []

    def value_of(self, body: Body) -> JSON:
        return self._put(body.value) if isinstance(body.value, Upload) else body.value

    def files_of(self, body: Body) -> dict[str, JSON]:
        """File values by field name; a name given twice makes a list."""
        return {name: self._one_or_list(map(self._put, uploads)) for name, uploads in body.files.items()}

    def store(self, execution_id: uuid.UUID | None) -> None:
        """Write the rows; one SQL statement, none without files."""
        for blob in self.blobs:
            blob.execution_id = execution_id
            shelve(blob)
        if self.blobs:
            Blob.objects.bulk_create(self.blobs)

    def _put(self, upload: Upload) -> JSON:
        if len(upload.data) > settings.MAX_BLOB_BYTES:
            raise Refused(
                413, "too_large", f"A file is larger than the {settings.MAX_BLOB_BYTES:,} bytes we store."
            )
        blob = make_blob(
            upload.data, tenant_id=self.tenant_id, execution_id=None, name=upload.name, mime=upload.mime
        )
        self.blobs.append(blob)
        return {
            FILE_MARK: str(blob.id), "name": blob.name, "mime": blob.mime,
            "size": blob.size_bytes, "sha256": blob.sha256,
        }  # fmt: skip

    @staticmethod
    def _one_or_list(values: Iterable[JSON]) -> JSON:
        found = list(values)
        return found[0] if len(found) == 1 else found
