"""Files of a run: values `{"$file": id, name, mime, size, sha256}`, bytes in `Blob` rows of the workspace."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from automate.lib.jsontypes import JSON
from integrations.errors import ActionError
from workflows.models import Blob
from workflows.runs.blobs import bytes_of, make_blob, shelve
from workflows.runs.facts import Facts

FILE_MARK = "$file"


@dataclass(slots=True)
class RunFiles:
    """The files that one run may read (its workspace's) and makes (its own)."""

    tenant_id: uuid.UUID
    execution_id: uuid.UUID | None
    facts: Facts

    def read(self, file: Mapping[str, JSON]) -> bytes:
        """Raises KeyError when there is no such file in this workspace."""
        key = str(file.get(FILE_MARK, ""))

        def fetch() -> bytes | None:
            try:
                found = Blob.objects.for_tenant(self.tenant_id).filter(pk=uuid.UUID(key)).first()
            except ValueError:
                return None
            return None if found is None else bytes_of(found)

        data = self.facts.ask(fetch)
        if data is None:
            raise KeyError(key)
        return data

    def save(self, data: bytes, *, name: str, mime: str) -> dict[str, JSON]:
        """Keep bytes as a file value. Raises ActionError above the size limit."""
        if len(data) > settings.MAX_BLOB_BYTES:
            raise ActionError(
                f"The file {name} has {len(data):,} bytes, more than the {settings.MAX_BLOB_BYTES:,} that are kept.",
                code="too_large",
                sent=True,
            )
        blob = shelve(
            make_blob(data, tenant_id=self.tenant_id, execution_id=self.execution_id, name=name, mime=mime)
        )
        self.facts.ask(lambda: blob.save(force_insert=True))
        return {
            FILE_MARK: str(blob.id), "name": blob.name, "mime": blob.mime, "size": blob.size_bytes, "sha256": blob.sha256,
        }  # fmt: skip
