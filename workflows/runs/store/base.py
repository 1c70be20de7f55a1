"""What both dialects share: the interface, and rows as tuples of columns."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from automate.lib import jsontypes
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Record
from workflows.runs.secret_values import seal, unseal
from workflows.runs.shapes import Claimed, Entry, Lease

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

STEP_COLUMNS = (
    "id", "tenant_id", "execution_id", "path", "step_id", "step_name", "step_type", "step_status", "port", "input",
    "output", "error", "retry_count", "retry_attempt", "attempts", "request_log", "is_encrypted", "started_at",
    "completed_at", "duration_ms",
)  # fmt: skip
EXECUTION_COLUMNS = (
    "id", "tenant_id", "template_id", "version_id", "deployment_id", "live_trigger_id", "trigger_type", "status",
    "is_failed", "is_test", "had_errors", "input", "parent_id", "parent_path", "root", "retry_of_id", "depth",
    "options", "seq", "attempt", "started_by", "created_at",
)  # fmt: skip
ACTIVE_COLUMNS = (
    "execution_id", "tenant_id", "workflow_id", "queue", "priority", "state", "run_at", "worker", "attempt", "barren",
    "inflight", "cursor", "progress", "concurrency_key", "cancel_requested", "signals", "seq",
)  # fmt: skip


@dataclass(slots=True)
class StartRow:
    """A run to be queued."""

    id: uuid.UUID
    tenant_id: uuid.UUID
    template_id: uuid.UUID
    version_id: uuid.UUID
    input: JSON
    created_at: datetime
    deployment_id: uuid.UUID | None = None
    live_trigger_id: uuid.UUID | None = None
    trigger_type: str = "MANUAL"
    is_test: bool = False
    parent_id: uuid.UUID | None = None
    parent_path: str = ""
    root: uuid.UUID | None = None
    retry_of_id: uuid.UUID | None = None
    depth: int = 0
    options: dict[str, Any] | None = None
    started_by: uuid.UUID | None = None
    priority: int = 5

    def execution(self) -> tuple[Any, ...]:
        """The values of EXECUTION_COLUMNS."""
        return (
            self.id, self.tenant_id, self.template_id, self.version_id, self.deployment_id, self.live_trigger_id,
            self.trigger_type, "PENDING", False, self.is_test, False, as_text(self.input), self.parent_id,
            self.parent_path, self.root, self.retry_of_id, self.depth, as_text(self.options or {}), 0, 0,
            self.started_by, self.created_at,
        )  # fmt: skip

    def active(self) -> tuple[Any, ...]:
        """The values of ACTIVE_COLUMNS."""
        return (
            self.id, self.tenant_id, self.template_id, "engine", self.priority, "READY", self.created_at, "", 0, 0,
            "[]", "{}", "{}", "", False, 0, 0,
        )  # fmt: skip


def as_text(value: JSON) -> str:
    """JSON text for a JSON column. PostgreSQL refuses the NUL character, so it is shown as U+FFFD."""
    text = jsontypes.dumps(value)
    return text.replace("\\u0000", "\\ufffd") if "\\u0000" in text else text


def maybe_text(value: JSON) -> str | None:
    return None if value is None else as_text(value)


def step_row(lease: Lease, record: Record) -> tuple[Any, ...]:
    """The values of STEP_COLUMNS. What quotes a secret is stored sealed, bound to its row."""
    pk = uuid7()
    given, output = record.input, record.output
    if record.is_secret:
        given = None if given is None else seal(given, lease.tenant_id, pk, "input")
        output = None if output is None else seal(output, lease.tenant_id, pk, "output")
    return (
        pk, lease.tenant_id, lease.execution_id, record.path, record.key, record.name, record.kind.upper(), record.status,
        ",".join(record.ports), maybe_text(given), maybe_text(output), maybe_text(record.error), len(record.attempts),
        len(record.attempts) + 1, as_text(record.attempts), maybe_text(record.request_log), record.is_secret,
        record.started_at, record.completed_at, record.duration_ms,
    )  # fmt: skip


def merged(entries: Iterable[Entry]) -> list[Entry]:
    """One entry per run, in the order they came: records add up, the newest state wins."""
    by_run: dict[int, Entry] = {}
    for entry in entries:
        first = by_run.get(id(entry.lease))
        if first is None:
            by_run[id(entry.lease)] = Entry(
                entry.lease, list(entry.records), entry.inflight, entry.cursor, entry.suspend, entry.wake_at,
                entry.ending, list(entry.children),
            )  # fmt: skip
            continue
        first.records += entry.records
        first.children += entry.children
        first.inflight = entry.inflight if entry.inflight is not None else first.inflight
        first.cursor = entry.cursor if entry.cursor is not None else first.cursor
        first.suspend, first.wake_at = entry.suspend, entry.wake_at
        first.ending = entry.ending
    return list(by_run.values())


class Store(ABC):
    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    @abstractmethod
    def start(self, row: StartRow, receipt: tuple[uuid.UUID, str, str] | None) -> uuid.UUID | None:
        """Queue a run. `receipt` = (live trigger, dedup key, body hash): None comes back when it exists already.

        PostgreSQL: one statement, atomic by itself. SQLite: call inside a transaction.
        """

    @abstractmethod
    def start_children(self, rows: Sequence[StartRow]) -> None:
        """Queue runs in the transaction of their parent."""

    @abstractmethod
    def write(self, entries: list[Entry], now: datetime) -> None:
        """Write a batch of entries, fenced: an entry whose lease is no longer ours changes nothing but `lost`."""

    @abstractmethod
    def claim(self, worker: str, limit: int, now: datetime) -> list[Claimed]:
        """Take up to `limit` ready runs for this worker."""

    @abstractmethod
    def show_progress(self, leases: list[Lease]) -> None:
        """Write the live step states of runs that have been busy for a while."""

    def forget(self, runs: Collection[uuid.UUID]) -> None:
        """Remove runs that were started while their workflow was being deleted (no SQL without such runs)."""
        if runs:
            from workflows.models import WorkflowExecution
            from workflows.runs.deletion import delete_runs

            delete_runs(WorkflowExecution.objects.filter(pk__in=runs))

    def beat(self, worker: str, slots: int, now: datetime) -> None:
        """Renew the worker's lease, making it on the first beat."""
        from workflows.models import WorkerLease

        if not WorkerLease.objects.filter(id=worker).update(beat_at=now):
            WorkerLease.objects.create(id=worker, beat_at=now, slots=slots)

    def give_back_unknown(self, worker: str, known: Sequence[uuid.UUID], now: datetime) -> int:
        """After a lost connection: runs that are claimed in our name although we do not hold them."""
        from workflows.models import ActiveRun

        mine = ActiveRun.objects.filter(worker=worker, state=ActiveRun.State.RUNNING).exclude(pk__in=known)
        return mine.update(state=ActiveRun.State.READY, run_at=now)

    def load_records(self, execution_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Record]]:
        """The journals of runs that have been claimed before."""
        from workflows.models import StepExecution

        rows = StepExecution.objects.filter(execution_id__in=execution_ids).order_by("id")
        found: dict[uuid.UUID, list[Record]] = {}
        columns = (
            "id",
            "tenant_id",
            "is_encrypted",
            "execution_id",
            "path",
            "step_id",
            "step_status",
            "port",
            "output",
            "error",
        )
        for pk, tenant, is_sealed, run, path, key, status, port, output, error in rows.values_list(*columns):
            ports = tuple(port.split(",")) if port else ()
            value = unseal(output, tenant, pk, "output") if is_sealed and output is not None else output
            found.setdefault(run, []).append(
                Record(path, key, status, ports, output=value, error=error, is_secret=is_sealed)
            )
        return found
