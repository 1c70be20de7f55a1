"""What both dialects share: the interface, and rows as tuples of columns."""

from __future__ import annotations

import logging
import uuid
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models.functions import Now

from automate.lib import jsontypes
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Record
from workflows.runs.secret_values import seal, unseal
from workflows.runs.shapes import Claimed, Entry, Lease
from workflows.runs.tokens import store_waits

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from workflows.runs.store.shares import Shares

log = logging.getLogger(__name__)
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
TEST_PRIORITY = 1  # somebody is looking at the screen
PRIORITY = 5


_JOURNAL = (
    "id", "tenant_id", "is_encrypted", "execution_id", "path", "step_id", "step_status", "port", "output", "error",
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
    priority: int = PRIORITY
    concurrency_key: str = ""
    is_held: bool = False

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
            self.id, self.tenant_id, self.template_id, "engine", self.priority, "HELD" if self.is_held else "READY",
            self.created_at, "", 0, 0, "[]", "{}", "{}", self.concurrency_key, False, 0, 0,
        )  # fmt: skip


def as_text(value: JSON) -> str:
    """JSON text for a JSON column. PostgreSQL refuses the NUL character, so it is shown as U+FFFD."""
    text = jsontypes.dumps(value)
    return text.replace("\\u0000", "\\ufffd") if "\\u0000" in text else text


def maybe_text(value: JSON) -> str | None:
    return None if value is None else as_text(value)


def step_row(lease: Lease, record: Record) -> tuple[Any, ...]:
    """The values of STEP_COLUMNS. What quotes a secret is stored sealed, bound to its row."""
    if record.stored is not None:
        pk, given, output = record.stored.id, record.stored.input, record.stored.output
    else:
        pk = uuid7()
        given, output = (_text_of(record, lease, pk, field) for field in ("input", "output"))
    return (
        pk, lease.tenant_id, lease.execution_id, record.path, record.key, record.name, record.kind.upper(), record.status,
        ",".join(record.ports), given, output, maybe_text(record.error), len(record.attempts),
        len(record.attempts) + 1, as_text(record.attempts), maybe_text(record.request_log), record.is_secret,
        record.started_at, record.completed_at, record.duration_ms,
    )  # fmt: skip


def _text_of(record: Record, lease: Lease, pk: uuid.UUID, field: str) -> str | None:
    value: JSON = getattr(record, field)
    return maybe_text(
        seal(value, lease.tenant_id, pk, field) if record.is_secret and value is not None else value
    )


def merged(entries: Iterable[Entry]) -> list[Entry]:
    """One entry per run, in the order they came: records add up, the newest state wins."""
    by_run: dict[int, Entry] = {}
    for entry in entries:
        first = by_run.get(id(entry.lease))
        if first is None:
            by_run[id(entry.lease)] = Entry(
                entry.lease, list(entry.records), entry.inflight, entry.cursor, entry.suspend, entry.wake_at,
                entry.ending, list(entry.children), entry.tokens, entry.notices, entry.has_memory,
            )  # fmt: skip
            continue
        first.records += entry.records
        first.children += entry.children
        first.tokens += entry.tokens
        first.notices += entry.notices
        first.has_memory = first.has_memory or entry.has_memory
        first.inflight = entry.inflight if entry.inflight is not None else first.inflight
        first.cursor = entry.cursor if entry.cursor is not None else first.cursor
        first.suspend, first.wake_at = entry.suspend, entry.wake_at
        first.ending = entry.ending
    return list(by_run.values())


class Store(ABC):
    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def writing(self, *, durable: bool = True) -> AbstractContextManager[None]:
        """A transaction of the hot path. `durable` False: a power cut may undo it, which is as if it had never begun."""
        return transaction.atomic()

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
    def claim(self, worker: str, limit: int, now: datetime, shares: Shares | None = None) -> list[Claimed]:
        """Take up to `limit` ready runs for this worker: the first of the queue, or with `shares` fairly."""

    @abstractmethod
    def show_progress(self, leases: list[Lease]) -> None:
        """Write the live step states of runs that have been busy for a while, and hear whether they are to stop."""

    def cancelled_of(self, worker: str) -> set[uuid.UUID]:
        """Runs this worker holds that are to stop (one SQL query)."""
        from workflows.models import ActiveRun

        mine = ActiveRun.objects.filter(worker=worker, state=ActiveRun.State.RUNNING, cancel_requested=True)
        return set(mine.values_list("pk", flat=True))

    def note_filtered(self, entries: Iterable[Entry], now: datetime) -> None:
        """Say of each run that a filter ended why it went no further (no SQL without one)."""
        ended = [
            (entry.lease, record)
            for entry in entries
            for record in entry.records
            if record.kind == "filter" and not record.ports and record.status == "COMPLETED"
        ]
        if ended:
            from workflows.runs.events import note_filtered

            note_filtered(ended, now)

    def heard(self, lease: Lease, cancelled: bool, signals: int) -> None:
        """What an advanced run's row says: to be stopped, or that something it waits for has happened meanwhile."""
        lease.cancelled = lease.cancelled or cancelled
        lease.news = signals

    def wipe(self, entries: Collection[Entry], now: datetime) -> None:
        """What is not to be kept of runs that end goes (no SQL for those that keep everything)."""
        ended = [entry for entry in entries if entry.ending and entry.ending.wipe is not False]
        if ended:
            from workflows.runs.wiping import wipe_ended

            wipe_ended(ended, now)
        self.wipe_answers(entries)

    def wipe_answers(self, entries: Iterable[Entry]) -> None:
        """What people wrote goes with the data of the run (no SQL for workflows that ask nobody)."""
        gone = [
            entry.lease.execution_id
            for entry in entries
            if entry.ending and entry.ending.has_tokens and entry.ending.wipe
        ]
        if gone:
            from workflows.models import WaitToken

            WaitToken.objects.filter(execution_id__in=gone).update(answer=None)

    def use_memory(self, entries: list[Entry], now: datetime) -> None:
        """Do what records do to the memory of their workflows, before they are written (no SQL without such)."""
        if any(entry.has_memory for entry in entries):
            from workflows.runs.memory_store import apply

            apply([entry for entry in entries if entry.has_memory], now)

    def open_waits(self, entries: list[Entry]) -> None:
        """Store the addresses that end waits, and who is to be told (no SQL without any)."""
        store_waits(entries)

    def forget(self, runs: Collection[uuid.UUID]) -> None:
        """Remove runs that were started while their workflow was being deleted (no SQL without such runs)."""
        if runs:
            from workflows.models import WorkflowExecution
            from workflows.runs.deletion import delete_runs

            delete_runs(WorkflowExecution.objects.filter(pk__in=runs))
            self.drop_left_over(runs)

    def drop_left_over(self, runs: Collection[uuid.UUID]) -> None:
        """Queue rows without a run, as after rows were deleted by hand: claimed again and again they would be in the way."""
        from workflows.models import ActiveRun

        count, _ = ActiveRun.objects.filter(pk__in=runs).delete()
        if count:
            log.warning("%s rows of the queue had no run any more and were removed", count)

    def beat(self, worker: str, slots: int, now: datetime) -> None:
        """Renew the worker's lease, making it on the first beat. By the database's clock: machines disagree about time."""
        from workflows.models import WorkerLease

        if not WorkerLease.objects.filter(id=worker).update(beat_at=Now()):
            WorkerLease.objects.create(id=worker, beat_at=Now(), started_at=now, slots=slots)

    def give_back_unknown(self, worker: str, known: Sequence[uuid.UUID], now: datetime) -> int:
        """After a lost connection: runs that are claimed in our name although we do not hold them."""
        from workflows.models import ActiveRun

        mine = ActiveRun.objects.filter(worker=worker, state=ActiveRun.State.RUNNING).exclude(pk__in=known)
        return mine.update(state=ActiveRun.State.READY, run_at=now)

    def load_records(
        self, execution_ids: Sequence[uuid.UUID], paths: Iterable[str] | None = None
    ) -> dict[uuid.UUID, list[Record]]:
        """What the journals of these runs have, at these paths (None: all). An output that was put aside comes as the
        reference to it."""
        from workflows.models import StepExecution

        rows = StepExecution.objects.filter(execution_id__in=execution_ids).order_by("id")
        if paths is not None:
            rows = rows.filter(path__in=list(paths))
        found: dict[uuid.UUID, list[Record]] = {}
        for pk, tenant, is_sealed, run, path, key, status, port, output, error in rows.values_list(*_JOURNAL):
            ports = tuple(port.split(",")) if port else ()
            value = unseal(output, tenant, pk, "output") if is_sealed and output is not None else output
            found.setdefault(run, []).append(
                Record(path, key, status, ports, output=value, error=error, is_secret=is_sealed)
            )
        return found

    def has_ready(self, now: datetime) -> bool:
        """Whether any run is to be claimed."""
        from workflows.models import ActiveRun

        ready = ActiveRun.objects.filter(queue="engine", state=ActiveRun.State.READY, run_at__lte=now)
        return ready.exists()

    def count_records(self, execution_id: uuid.UUID) -> tuple[int, bool, bool]:
        """How many steps a run has in its journal; whether one has failed, whether one is sealed."""
        from django.db.models import Count, Q

        from workflows.models import StepExecution

        found = StepExecution.objects.filter(execution_id=execution_id).aggregate(
            rows=Count("id"),
            failed=Count("id", Q(step_status="FAILED")),
            sealed=Count("id", Q(is_encrypted=True)),
        )
        return found["rows"], bool(found["failed"]), bool(found["sealed"])
