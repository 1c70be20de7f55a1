"""How what a step took and gave is stored: inline in its row, or above a size as a blob that the row refers to.

A reference is `{"$blob": id, "bytes": n}`, with `count` and `failed` of a loop's output. It counts only for a blob
of the same run, so a service that answers with something of this shape gets nothing by it.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from automate.lib import jsontypes
from automate.lib.jsontypes import JSON, BadJSON
from integrations.connections.vault import keyring
from workflows.engine.outcome import Record, StepError
from workflows.models import Blob
from workflows.runs.blobs import bytes_of, make_blob, shelve
from workflows.runs.facts import Facts
from workflows.runs.secret_values import seal, unseal
from workflows.runs.shapes import Lease
from workflows.runs.store.base import as_text

MARK: Final = "$blob"
MIME: Final = "application/json"
# Data is held to 64 levels where it comes in; around it lie an answer's envelope and the results of loops.
STORED_DEPTH: Final = jsontypes.MAX_DEPTH + 4
KEPT_BYTES: Final = 16 * 1024 * 1024  # of JSON, that a process keeps of outputs it fetched


@dataclass(slots=True)
class Stored:
    """A record as its row: the row's id, and the JSON texts of its input and output."""

    id: uuid.UUID
    input: str | None
    output: str | None


def store(record: Record, lease: Lease, facts: Facts, pk: uuid.UUID) -> StepError | None:
    """Work out how the record is written, putting aside what is too big for its row (one SQL query each, none else).

    The error says why its output cannot be kept; nothing has changed then. Such an input is left out with a note.
    """
    try:
        output = _stored(record, "output", lease, facts, pk)
    except _Unfit as unfit:
        return StepError(str(unfit), unfit.code, record.key)
    try:
        given = _stored(record, "input", lease, facts, pk)
    except _Unfit as unfit:
        given = jsontypes.dumps({"not_kept": str(unfit)})
    record.stored = Stored(pk, given, output)
    return None


def store_run_output(output: JSON, lease: Lease, facts: Facts) -> str | None:
    """What a run gave, as its row has it. Ends that are too big together are named, not shown."""
    if output is None:
        return None
    text = as_text(output)
    size = _size(text)
    if size <= settings.MAX_OUTPUT_BYTES:
        return text
    if size > settings.MAX_BLOB_BYTES:
        return jsontypes.dumps({"hidden": f"This output has {size:,} bytes. See the steps."})
    try:
        return _refer(output, text.encode(), "run", lease, facts, is_secret=False)
    except OSError as error:
        return jsontypes.dumps({"hidden": f"This output could not be put aside: {error} See the steps."})


def resolve(value: JSON, tenant_id: uuid.UUID, execution_id: uuid.UUID, *, is_sealed: bool = False) -> JSON:
    """The value a reference stands for (one SQL query, none for values that were fetched lately); others as they are.

    Raises Missing when a file that was put aside is gone.
    """
    if not is_reference(value):
        return value
    assert isinstance(value, dict)
    key = f"{execution_id}/{value[MARK]}"
    found = _fetched.get(key)
    if found is None:
        found = _read(str(value[MARK]), tenant_id, execution_id, is_sealed)
        if found is None:
            return value
        _fetched.put(key, *found)
    return found[0]


def stored_output(row: Any) -> JSON:
    """The output of a StepExecution, opened and fetched: for the engine, never for a page."""
    if not row.is_encrypted:
        return resolve(row.output, row.tenant_id, row.execution_id)
    if is_reference(row.output):
        return resolve(row.output, row.tenant_id, row.execution_id, is_sealed=True)
    return None if row.output is None else unseal(row.output, row.tenant_id, row.pk, "output")


def fetched_later(record: Record, lease: Lease, facts: Facts) -> Record:
    """Have a record read from the journal fetch what was put aside of it, when somebody asks."""
    if is_reference(record.output):
        _fetch_later(record, record.output, lease, facts)
    return record


def _fetch_later(record: Record, reference: JSON, lease: Lease, facts: Facts) -> None:
    tenant, run, is_sealed = lease.tenant_id, lease.execution_id, record.is_secret
    record.fetch = lambda: facts.ask(lambda: resolve(reference, tenant, run, is_sealed=is_sealed))
    record.output = None


def copied(row: Any, field: str, source: uuid.UUID, execution_id: uuid.UUID) -> JSON:
    """What a copy of a StepExecution for another run has in this field: what is sealed or put aside is bound to its
    place, so it is sealed, or put aside, anew. `row` has its new id, and its old execution; `source` was its id."""
    value: JSON = getattr(row, field)
    if is_reference(value):
        assert isinstance(value, dict)
        found = _read(str(value[MARK]), row.tenant_id, row.execution_id, row.is_encrypted)
        if found is None:
            return value
        blob = _blob(
            jsontypes.dumps_bytes(found[0]), row.tenant_id, execution_id, row.path, is_secret=row.is_encrypted
        )
        blob.save(force_insert=True)
        return {**value, MARK: str(blob.pk)}
    if not row.is_encrypted or value is None:
        return value
    return seal(unseal(value, row.tenant_id, source, field), row.tenant_id, row.pk, field)


def is_reference(value: object) -> bool:
    return isinstance(value, dict) and MARK in value


def bytes_referred(value: JSON) -> int:
    """The size a reference names; 0 for other values."""
    size = value.get("bytes") if isinstance(value, dict) and MARK in value else 0
    return size if isinstance(size, int) else 0


# --- storing ------------------------------------------------------------------------------------------
class _Unfit(Exception):
    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def _stored(record: Record, field: str, lease: Lease, facts: Facts, pk: uuid.UUID) -> str | None:
    value: JSON = getattr(record, field)
    if value is None:
        return None
    try:
        text = as_text(value)
    except BadJSON as fault:
        raise _Unfit(f"The {field} of this step cannot be stored: {fault}", "unstorable") from None
    if text.count("[") + text.count("{") > STORED_DEPTH and _is_deeper(value, STORED_DEPTH):
        message = f"The {field} of this step is nested more than {jsontypes.MAX_DEPTH} levels deep."
        raise _Unfit(message, "too_nested")
    size = _size(text)
    if size <= settings.MAX_OUTPUT_BYTES:
        return as_text(seal(value, lease.tenant_id, pk, field)) if record.is_secret else text
    if size > settings.MAX_BLOB_BYTES:
        raise _Unfit(
            f"The {field} of this step has {size:,} bytes, more than the {settings.MAX_BLOB_BYTES:,} that are kept. "
            "Take over only what later steps need, or work on fewer items at a time.",
            "too_large",
        )
    try:
        referred = _refer(value, text.encode(), record.path, lease, facts, is_secret=record.is_secret)
    except OSError as error:
        raise _Unfit(f"The {field} of this step could not be put aside: {error}", "storage") from error
    if field == "output":
        _fetch_later(record, json.loads(referred), lease, facts)
    return referred


def _refer(value: JSON, data: bytes, name: str, lease: Lease, facts: Facts, *, is_secret: bool) -> str:
    """Put it aside and give what stands for it in the row."""
    blob = _blob(data, lease.tenant_id, lease.execution_id, name, is_secret=is_secret)
    facts.ask(lambda: blob.save(force_insert=True))
    _fetched.put(f"{lease.execution_id}/{blob.pk}", value, len(data))
    loop = {
        key: value[key]
        for key in ("count", "failed")
        if isinstance(value, dict) and isinstance(value.get(key), int)
    }
    return jsontypes.dumps({MARK: str(blob.pk), "bytes": len(data), **loop})


def _blob(data: bytes, tenant_id: uuid.UUID, execution_id: uuid.UUID, name: str, *, is_secret: bool) -> Blob:
    """With its bytes where they belong, to be saved."""
    blob = make_blob(data, tenant_id=tenant_id, execution_id=execution_id, name=name, mime=MIME)
    if is_secret:
        blob.data = keyring().encrypt(data, aad=_place(tenant_id, blob.pk)).encode()
    return shelve(blob)


def _size(text: str) -> int:
    """Bytes in UTF-8; small texts are not encoded for it."""
    return len(text) if text.isascii() else len(text.encode())


def _is_deeper(value: JSON, levels: int) -> bool:
    layer: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        layer = [
            member
            for part in layer
            for member in (part.values() if isinstance(part, dict) else part)
            if isinstance(member, dict | list)
        ]
        if not layer:
            return False
    return True


# --- fetching -----------------------------------------------------------------------------------------
class _Fetched:
    """The outputs fetched or put aside last, up to KEPT_BYTES of JSON. What is in here is never changed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[JSON, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> tuple[JSON, int] | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: str, value: JSON, size: int) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = (value, size)
            self._bytes += size
            while self._bytes > KEPT_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][1]

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0


_fetched = _Fetched()


def _read(
    key: str, tenant_id: uuid.UUID, execution_id: uuid.UUID, is_sealed: bool
) -> tuple[JSON, int] | None:
    """None when this run has no such blob: then the value only looks like a reference."""
    try:
        blob = Blob.objects.for_tenant(tenant_id).filter(pk=uuid.UUID(key), execution_id=execution_id).first()
    except ValueError:
        return None
    if blob is None:
        return None
    data = bytes_of(blob)
    if is_sealed:
        data = keyring().decrypt(data.decode(), aad=_place(tenant_id, blob.pk))
    return json.loads(data), len(data)


def _place(tenant_id: uuid.UUID, pk: uuid.UUID) -> str:
    return f"{tenant_id}|workflows.Blob|{pk}|data"
