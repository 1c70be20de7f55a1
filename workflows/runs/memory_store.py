"""The memory of workflows in the database: read by steps, changed by the writer in the transaction of a step's record.

All keys of a batch are locked in one order, so two workers that change the same ones wait for each other and never for
ever. A key that is not there yet is first made without a value, for there must be a row to lock.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from django.db.models import QuerySet

from automate.lib import clock
from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Record, StepError, UseMemory
from workflows.engine.steps.context import StepFault
from workflows.engine.steps.state import Nothing, after, output
from workflows.models import SeenItem, StepExecution, StepState
from workflows.runs.secret_values import seal, unseal
from workflows.runs.shapes import Entry

if TYPE_CHECKING:
    from workflows.runs.memory import MemoryWork, Owner

MAX_KEYS: Final = 10_000  # names that one workflow remembers; more of them belong into a database
MAX_SEEN: Final = 100_000  # items that one step knows; the oldest are forgotten
CHUNK: Final = 1_000  # values of one statement

Kept = dict[str, "JSON | Nothing"]
T = TypeVar("T")


# --- reading ----------------------------------------------------------------------------------------
def known(owner: Owner, step_key: str, digests: Sequence[str]) -> set[str]:
    """Those of these items that the step has let through before (one SQL query per 1,000)."""
    found: set[str] = set()
    for part in _chunks(sorted(set(digests))):
        found |= set(seen_items(owner, step_key).filter(digest__in=part).values_list("digest", flat=True))
    return found


def look(owner: Owner, use: UseMemory) -> JSON:
    """What a step would give, without changing anything (one SQL query). Raises StepFault."""
    kept = _kept(
        owner, {row.key: row for row in keys_of(owner).filter(key__in=list(use.names))}, use, clock.now()
    )
    return output(use, kept, {name: after(use, name, kept[name]) for name in use.names})


def keys_of(owner: Owner) -> QuerySet[StepState]:
    rows = StepState.objects.for_tenant(owner.tenant_id).filter(template_id=owner.template_id)
    return rows.filter(environment_id=owner.environment_id)


def seen_items(owner: Owner, step_key: str) -> QuerySet[SeenItem]:
    rows = SeenItem.objects.for_tenant(owner.tenant_id).filter(template_id=owner.template_id)
    return rows.filter(environment_id=owner.environment_id, step_key=step_key)


def _kept(owner: Owner, rows: dict[str, StepState], use: UseMemory, now: datetime) -> Kept:
    """What is kept under the names of a step: neither what has expired nor what was only made to be locked."""
    kept: Kept = {}
    for name in use.names:
        row = rows.get(name)
        is_there = row is not None and row.value is not None and not _has_expired(row, now)
        kept[name] = _opened(owner, row) if row is not None and is_there else Nothing()
    return kept


def _has_expired(row: StepState, now: datetime) -> bool:
    return row.expires_at is not None and row.expires_at <= now


def _opened(owner: Owner, row: StepState) -> JSON:
    return unseal(row.value, owner.tenant_id, row.pk, "value") if row.is_encrypted else row.value


# --- writing, in the transaction of the records -----------------------------------------------------
def apply(entries: Iterable[Entry], now: datetime) -> None:
    """Do what the records of these entries do to the memory; a record that cannot is taken out of its entry.

    A record that is in the journal already (its commit was not heard of) keeps what it has, and does nothing.
    """
    found = [(entry, record) for entry in entries for record in entry.records if record.memory is not None]
    written = _written(found)
    fresh = [record for entry, record in found if (entry.lease.execution_id, record.path) not in written]
    books = _books([record.memory for record in fresh], now)
    for entry, record in found:
        row = written.get((entry.lease.execution_id, record.path))
        if row is not None:
            _take_over(record, row)
        elif not _is_done(record, books, now):
            entry.records = [other for other in entry.records if other is not record]
    for book in books.values():
        book.sweep()


def _is_done(record: Record, books: dict[Owner, Book], now: datetime) -> bool:
    """False when it could not be done, or another run was quicker: the record's work says which."""
    work: MemoryWork = record.memory
    work.fault, work.is_late = None, False
    if work.use is not None:
        work.fault = _use(record, work, work.use, books[work.owner], now)
    else:
        work.is_late = not _remember(record, work, now)
    return work.fault is None and not work.is_late


def _written(found: Sequence[tuple[Entry, Record]]) -> dict[tuple[uuid.UUID, str], StepExecution]:
    runs = {entry.lease.execution_id for entry, _ in found}
    rows = StepExecution.objects.filter(execution_id__in=runs, path__in={record.path for _, record in found})
    return {(row.execution_id, row.path): row for row in rows}


def _take_over(record: Record, row: StepExecution) -> None:
    record.is_secret = row.is_encrypted
    record.output = unseal(row.output, row.tenant_id, row.pk, "output") if row.is_encrypted else row.output


class Book:
    """The rows of one workflow's memory that a batch of steps reads and changes, locked until the commit."""

    def __init__(self, owner: Owner, wanted: set[str], changed: set[str], now: datetime) -> None:
        self.owner = owner
        self.names = sorted(wanted | changed)
        self.rows: dict[str, StepState] = {}
        while (
            not self.rows or changed - self.rows.keys()
        ):  # again, if a row was deleted between the two statements
            self._make(sorted(changed - self.rows.keys()), now)
            locked = keys_of(owner).filter(key__in=self.names).order_by("key").select_for_update()
            self.rows = {row.key: row for row in locked}
            if not changed:
                break

    def _make(self, names: list[str], now: datetime) -> None:
        owner = self.owner
        StepState.objects.bulk_create(
            [
                StepState(
                    tenant_id=owner.tenant_id, template_id=owner.template_id, environment_id=owner.environment_id,
                    key=name, value=None, updated_at=now,
                )
                for name in names
            ],
            ignore_conflicts=True,
        )  # fmt: skip

    def sweep(self) -> None:
        """Remove what holds nothing any more, or was only made to be locked."""
        empty = [row.pk for row in self.rows.values() if row.value is None]
        if empty:
            StepState.objects.filter(pk__in=empty).delete()

    def refuse_too_many(self, now: datetime) -> None:
        """Raises StepFault. What has expired makes room first."""
        if keys_of(self.owner).count() <= MAX_KEYS:
            return
        keys_of(self.owner).filter(expires_at__lte=now).exclude(key__in=self.names).delete()
        if keys_of(self.owner).count() > MAX_KEYS:
            raise StepFault(
                f"This workflow remembers {MAX_KEYS:,} names already, the most it may. Delete some, let them expire "
                "(`expires_s`), or keep them in a database or a sheet.",
                "too_large",
            )

    def put(
        self, name: str, value: JSON | Nothing, use: UseMemory, now: datetime, *, is_secret: bool
    ) -> None:
        row = self.rows.get(name)
        if row is None:
            return
        if isinstance(value, Nothing):
            row.value = None
            return
        row.is_encrypted, row.updated_at = is_secret, now
        row.value = seal(value, self.owner.tenant_id, row.pk, "value") if is_secret else value
        row.expires_at = now + timedelta(seconds=use.expires_s) if use.expires_s else None
        row.save(update_fields=["value", "is_encrypted", "updated_at", "expires_at"])


def _books(works: Sequence[MemoryWork], now: datetime) -> dict[Owner, Book]:
    wanted: dict[Owner, set[str]] = {}
    changed: dict[Owner, set[str]] = {}
    for work in works:
        if work.use is not None:
            wanted.setdefault(work.owner, set()).update(work.use.names)
            changed.setdefault(work.owner, set())
            if work.use.deed not in ("get", "delete"):
                changed[work.owner].update(work.use.names)
    owners = sorted(wanted, key=lambda owner: (str(owner.template_id), str(owner.environment_id)))
    return {owner: Book(owner, wanted[owner], changed[owner], now) for owner in owners}


def _use(record: Record, work: MemoryWork, use: UseMemory, book: Book, now: datetime) -> StepError | None:
    before = _kept(work.owner, book.rows, use, now)
    try:
        kept = {name: after(use, name, before[name]) for name in use.names}
        if any(isinstance(before[name], Nothing) and not isinstance(kept[name], Nothing) for name in kept):
            book.refuse_too_many(now)
    except StepFault as fault:
        return StepError(str(fault), fault.code, record.key)
    touched = [book.rows[name] for name in use.names if name in book.rows]
    is_secret = work.is_secret or any(row.is_encrypted for row in touched)
    if use.deed != "get":
        for name, value in kept.items():
            book.put(name, value, use, now, is_secret=is_secret)
    record.output = output(use, before, kept)
    record.is_secret = record.is_secret or is_secret
    return None


def _remember(record: Record, work: MemoryWork, now: datetime) -> bool:
    """All of these items are new, or none of them is kept and the run looks again."""
    owner = work.owner
    rows = [
        SeenItem(
            tenant_id=owner.tenant_id, template_id=owner.template_id, environment_id=owner.environment_id,
            step_key=record.key, digest=digest, seen_at=now,
        )
        for digest in sorted(work.digests)
    ]  # fmt: skip
    made = 0
    for part in _chunks(rows):
        SeenItem.objects.bulk_create(part, ignore_conflicts=True)
        made += SeenItem.objects.filter(pk__in=[row.pk for row in part]).count()
    if made < len(rows):
        for part in _chunks(rows):
            SeenItem.objects.filter(pk__in=[row.pk for row in part]).delete()
        return False
    if random.random() < len(rows) / (MAX_SEEN / 100):  # noqa: S311 - counting each time would cost more than a few too many
        forget_oldest(owner, record.key)
    return True


def forget_oldest(owner: Owner, step_key: str, keep: int = MAX_SEEN) -> int:
    """Forget what a step has seen but for the newest; how many that were."""
    rows = seen_items(owner, step_key)
    border = rows.order_by("-id").values_list("id", flat=True)[keep : keep + 1].first()
    return rows.filter(id__lte=border).delete()[0] if border else 0


def _chunks(values: Sequence[T]) -> Iterable[list[T]]:
    for start in range(0, len(values), CHUNK):
        yield list(values[start : start + CHUNK])
