"""The worker: claims runs in batches, runs them in threads, and writes their journal in shared commits.

One thread of the process, the writer, owns the database connection. It collects what the run threads have to
say, writes it together with the next claim in one transaction, and only then tells them. So many runs share one
commit, and no run thread ever waits for a lock.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue

from django.conf import settings
from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)

from automate.lib import clock
from workflows.engine.names import RunData
from workflows.engine.outcome import StepError
from workflows.runs import outputs, turns
from workflows.runs.bell import Ear
from workflows.runs.claims import Claims, Wish
from workflows.runs.facts import Facts, child_results
from workflows.runs.failpoints import failpoint
from workflows.runs.presence import Presence
from workflows.runs.program import Program, programs
from workflows.runs.segment import Segment
from workflows.runs.services import Services
from workflows.runs.shapes import Claimed, Ending, Entry, Lease
from workflows.runs.store import current_store
from workflows.runs.tokens import wait_answers

log = logging.getLogger(__name__)

CLAIM_EVERY_S = 0.01  # while slots are free and the last claim found nothing
LOOK_EVERY_S = 0.25  # the same where a bell tells us: a ring may be lost
SHOW_AFTER_S = 0.3  # a step that takes longer than this is shown as running
# Claims in a row without progress: the run kills its worker. Not fewer, since a worker takes the other runs it holds
# with it, and one that is killed five times in half a minute must not fail those.
MAX_BARREN = 8
LINGER_S = 0.05  # how long an idle drain stays before it returns
PAUSE_S = 1.0  # how long, once per `max_s`, nothing is claimed to find a moment to return


@dataclass(slots=True)
class Holding:
    """A run this process holds. `parent_id`: the run that waits for it."""

    lease: Lease
    parent_id: uuid.UUID | None


@dataclass
class Engine:
    """One per process. `drain` is called again and again; threads and caches stay."""

    slots: int = field(default_factory=lambda: settings.AUTOMATE_SLOTS)
    lease_s: float = field(default_factory=lambda: settings.AUTOMATE_LEASE_S)
    ear: Ear | None = None

    def __post_init__(self) -> None:
        self.worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.inbox: SimpleQueue[Entry | None] = SimpleQueue()
        self.writer = Presence(self.lease_s)
        self.facts = Facts(lambda: self.inbox.put(None), self.writer)
        self.services = Services(self.inbox.put, self.facts)
        self.threads = ThreadPoolExecutor(self.slots, thread_name_prefix="run")
        self.held: dict[uuid.UUID, Holding] = {}
        self.unwritten: list[Entry] = []
        self.beat_at = 0.0
        self.shown_at = 0.0
        self.claim_at = 0.0
        self.rings = 0
        self.claims = Claims(self.slots)
        self.is_in_doubt = True

    # --- the loop ------------------------------------------------------------------------------
    def drain(
        self,
        *,
        stop: Callable[[], bool] = lambda: False,
        max_s: float | None = None,
        linger_s: float = LINGER_S,
    ) -> bool:
        """Work until there has been nothing to do for `linger_s`. Once `stop` says so, steps under way are finished and their runs handed
        over. After each `max_s` nothing is claimed for a moment, but a long run holds up nobody: if it is still under
        way then, claims go on. True comes back when more work may be waiting."""
        with self.writer.here():
            return self._drain(stop, max_s, linger_s)

    def _drain(self, stop: Callable[[], bool], max_s: float | None, linger_s: float) -> bool:
        close_old_connections()
        began = time.monotonic()
        idle_since: float | None = None
        self.claim_at = 0.0
        while True:
            self.services.is_closing = stop()
            closing = self.services.is_closing or _pauses(time.monotonic() - began, max_s)
            self._collect(closing)
            found = self._turn(may_claim=not closing)
            if self.held or self.unwritten or found:
                idle_since = None
                continue
            if closing:
                return True
            idle_since = idle_since or time.monotonic()
            if time.monotonic() - idle_since > linger_s:
                if not (self._is_told and self._sees_ready()):
                    return False
                idle_since, self.claim_at = None, 0.0

    def _collect(self, closing: bool) -> None:
        """Wait a little for something to write, then take all there is."""
        if not self.unwritten:
            free = self.slots - len(self.held)
            wait_s = CLAIM_EVERY_S if free and not closing and not self._is_told else 0.05
            try:
                entry = self.inbox.get(timeout=wait_s)
                if entry is not None:
                    self.unwritten.append(entry)
            except Empty:
                pass
        while True:
            try:
                entry = self.inbox.get_nowait()
            except Empty:
                break
            if entry is not None:
                self.unwritten.append(entry)
        self._serve_questions()

    def _serve_questions(self) -> None:
        try:
            self.facts.serve()
        except DatabaseError as error:
            log.warning("a fact could not be read: %s", type(error).__name__)

    def _turn(self, *, may_claim: bool) -> bool:
        """One transaction: write, claim, beat. True when runs were claimed."""
        now, rings = time.monotonic(), self.rings
        if any(map(_makes_room, self.unwritten)):
            self.claim_at = 0.0
        claim = self._wish(now) if may_claim and now >= self.claim_at else None
        beat = now - self.beat_at > self.lease_s / 6
        show = self._worth_showing(now)
        if not (self.unwritten or claim or beat or show):
            return False
        try:
            claimed = self._commit(claim, beat, show)
        except (OperationalError, InterfaceError) as error:
            log.warning("the journal could not be written (%s); trying again", type(error).__name__)
            self._after_failure()
            return False
        except Exception:
            log.exception("something in the journal cannot be stored; writing one entry at a time")
            self._write_one_by_one()
            return False
        if claim and not claimed:
            self._look_later(now, rings)
        self._begin(claimed)
        return bool(claimed)

    @property
    def _is_told(self) -> bool:
        """Whether a bell says when there is something to claim."""
        return self.ear is not None and self.ear.is_working

    def _sees_ready(self) -> bool:
        """Before a drain that is told leaves: a claim may have found nothing because another worker was just claiming."""
        if self.claims.switch.is_off:
            return False
        try:
            return current_store().has_ready(clock.now())
        except DatabaseError as error:
            log.warning("the queue could not be looked at: %s", type(error).__name__)
            return False

    def _look_later(self, now: float, rings: int) -> None:
        """Nothing was there; a ring since we began to look was for something newer."""
        if self.ear is not None:
            self.ear.listen(self._ring)
        self.claim_at = now + (LOOK_EVERY_S if self._is_told else CLAIM_EVERY_S)
        if self.rings != rings:
            self.claim_at = 0.0

    def _ring(self) -> None:
        """Somebody has queued a run; called in the ear's thread."""
        self.rings += 1
        self.claim_at = 0.0
        self.inbox.put(None)

    def _wish(self, now: float) -> Wish | None:
        return self.claims.wish([holding.lease for holding in list(self.held.values())], now)

    def _commit(self, want: Wish | None, beat: bool, show: list[Lease]) -> list[Claimed]:
        entries, now, began = self.unwritten, clock.now(), time.monotonic()
        store = current_store()
        failpoint("drain.before_commit")
        with store.writing(durable=bool(entries)):  # a lost claim is a run that is ready still
            if entries:
                store.write(entries, now)
                failpoint("drain.written")
            if show:
                store.show_progress(show)
            if beat or self.is_in_doubt:
                store.beat(self.worker, self.slots, now)
            if self.is_in_doubt:
                store.give_back_unknown(self.worker, list(self.held), now)
            if beat:
                self._hear_of_stops()
            claimed = self._claim(want, now) if want and not self.claims.switch.look() else []
        failpoint("drain.after_commit")
        self.is_in_doubt = False
        self.unwritten = []
        if beat:
            self._has_beaten(began)
        self._acknowledge(entries)
        turns.settle_after(_freed(entries))
        return claimed

    def _claim(self, want: Wish, now: datetime) -> list[Claimed]:
        held = [holding.lease for holding in list(self.held.values())]
        claimed = current_store().claim(self.worker, want.limit, now, want.shares)
        self.claims.note(want, claimed, held, time.monotonic())
        return claimed

    def _hear_of_stops(self) -> None:
        """A run that is busy with one long call writes nothing, and would not hear that it is to stop."""
        for run in current_store().cancelled_of(self.worker) if self.held else ():
            if run in self.held:
                self.held[run].lease.cancelled = True

    def _has_beaten(self, at: float) -> None:
        """The lease is renewed. Was it silent for too long, runs may be others' by now: first doubt them, then say so.
        It counts from before the commit: runs that were claimed with it may be others' when this process comes to them."""
        if self.writer.is_overdue():
            for holding in list(self.held.values()):
                holding.lease.is_doubted = True
        self.beat_at = self.writer.beat_at = at

    def _write_one_by_one(self) -> None:
        """A value the database refuses must not hold up the others: its run fails, and says so."""
        entries, self.unwritten = self.unwritten, []
        self.is_in_doubt = True
        for entry in entries:
            try:
                self._write_alone(entry)
            except (OperationalError, InterfaceError):
                self.unwritten.append(entry)
                self._after_failure()
                continue
            except Exception:
                log.exception("run %s: a result cannot be stored", entry.lease.execution_id)
                self._give_up(entry)
            self._acknowledge([entry])

    def _give_up(self, entry: Entry) -> None:
        """Its run ends as failed; should not even that be possible, another worker takes it over."""
        entry.lease.lost = True
        held = self.held.get(entry.lease.execution_id)
        try:
            self._write_alone(_unstorable(entry, held.parent_id if held else None))
        except Exception:
            log.exception("run %s: its failure cannot be stored either", entry.lease.execution_id)
            self._after_failure()

    def _write_alone(self, entry: Entry) -> None:
        with transaction.atomic():
            current_store().write([entry], clock.now())

    def _acknowledge(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.ending or entry.suspend:
                self._let_go(entry.lease)
            entry.written.set()

    def _let_go(self, lease: Lease) -> None:
        """Unless the run was claimed anew by this very process after its lease had run out."""
        held = self.held.get(lease.execution_id)
        if held is not None and held.lease is lease:
            self.held.pop(lease.execution_id, None)

    def _after_failure(self) -> None:
        """The database did not answer: keep what is unwritten, and doubt every claim that may have gone through."""
        self.is_in_doubt = True
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(0.2)

    def _worth_showing(self, now: float) -> list[Lease]:
        if now - self.shown_at < SHOW_AFTER_S:
            return []
        self.shown_at = now
        changed = [h.lease for h in list(self.held.values()) if h.lease.running != h.lease.shown]
        for lease in changed:
            lease.shown = {path: dict(state) for path, state in dict(lease.running).items()}
        return changed

    # --- starting runs -------------------------------------------------------------------------
    def _begin(self, claimed: list[Claimed]) -> None:
        if not claimed:
            return
        failpoint("drain.claimed")
        for claim in claimed:
            self.held[claim.lease.execution_id] = Holding(claim.lease, claim.parent_id)
        try:
            ready = self._prepare_all(claimed)
        except DatabaseError:
            for claim in claimed:
                self.held.pop(claim.lease.execution_id, None)
            self._after_failure()
            return
        for claim, program in zip(claimed, ready, strict=True):
            if program is None:
                self._refuse(
                    claim, "The version this run belongs to is gone, so it cannot go on.", "no_version"
                )
            elif claim.barren > MAX_BARREN:
                self._refuse(
                    claim, "The worker was lost repeatedly while this run was under way.", "worker_lost"
                )
            else:
                self.threads.submit(self._run, claim, program)

    def _prepare_all(self, claimed: list[Claimed]) -> list[Program | None]:
        """As `_prepare`; a run whose version or journal cannot be read is put aside, and the others go on."""
        try:
            return self._prepare(claimed)
        except DatabaseError:
            raise
        except Exception:
            log.exception(
                "something in a batch of %s runs cannot be read; taking them one by one", len(claimed)
            )
        readable: list[Program | None] = []
        for claim in list(claimed):
            try:
                readable += self._prepare([claim])
            except DatabaseError:
                raise
            except Exception:
                log.exception("run %s cannot be read", claim.lease.execution_id)
                claimed.remove(claim)
                self._refuse(
                    claim, "What is stored of this run cannot be read. The log has the details.", "internal"
                )
        return readable

    def _prepare(self, claimed: list[Claimed]) -> list[Program | None]:
        """Programs and journals for a batch: at most three SQL queries, none for fresh runs of known versions."""
        found = programs.get({claim.version_id for claim in claimed})
        resumed = [claim for claim in claimed if claim.is_resumed]
        if resumed:
            # what lies inside loops is read by the loops, some items at a time
            top = {key for program in found.values() for key in program.graph.members(None)}
            journals = current_store().load_records([claim.lease.execution_id for claim in resumed], top)
            for claim in resumed:
                claim.records = journals.get(claim.lease.execution_id, [])
            child_results(resumed)
            wait_answers(resumed)
        return [found.get(claim.version_id) for claim in claimed]

    def _refuse(self, claim: Claimed, message: str, code: str) -> None:
        error = StepError(message, code).as_json()
        ending = Ending("FAILED", error=error, started_at=claim.started_at, completed_at=clock.now())
        ending.parent_id = claim.parent_id
        self.inbox.put(Entry(claim.lease, ending=ending))

    def _run(self, claim: Claimed, program: Program) -> None:
        try:
            Segment(claim, program, self._data(claim, program), self.services).run()
        except Exception:
            log.exception("run %s broke the engine", claim.lease.execution_id)
            self._refuse(claim, "Something went wrong inside automate. The log has the details.", "internal")
        finally:
            if claim.lease.lost:
                self._let_go(claim.lease)

    def _data(self, claim: Claimed, program: Program) -> RunData:
        records = {
            record.path: outputs.fetched_later(record, claim.lease, self.facts) for record in claim.records
        }
        run = {
            "id": str(claim.lease.execution_id),
            "number": claim.number,
            "started_at": claim.started_at.isoformat(),
            "url": f"{settings.AUTOMATE_BASE_URL}/runs/{claim.lease.execution_id}/",
            "workflow": program.graph.document.key,
            "is_test": claim.is_test,
        }
        zone = program.graph.document.settings.time_zone or "UTC"
        return RunData(
            program.graph, claim.input, run, records,  # type: ignore[arg-type]  # JSON of strings, numbers and null
            lambda: self.facts.variables(claim)[0], lambda: self.facts.variables(claim)[1], zone,
        )  # fmt: skip

    def close(self) -> None:
        """Give up the lease at once: another worker need not wait for it to run out."""
        from workflows.models import WorkerLease

        self.services.close()
        WorkerLease.objects.filter(pk=self.worker).delete()


def _freed(entries: list[Entry]) -> list[tuple[uuid.UUID, str]]:
    """(tenant, key) of runs that made room for held ones, and of sub-workflows that are held."""
    freed = []
    for entry in entries:
        tenant_id, key = entry.lease.tenant_id, entry.lease.key
        if key and (entry.ending or (entry.suspend and key.startswith("t:"))):
            freed.append((tenant_id, key))
        freed += [(tenant_id, child.concurrency_key) for child in entry.children if child.concurrency_key]
    return freed


def _makes_room(entry: Entry) -> bool:
    """Whether to claim with it: a slot becomes free, or it makes runs ready for which no bell is rung (sub-workflows, the
    run that waits for this one, this one itself)."""
    return bool(entry.ending or entry.suspend or entry.children)


def _pauses(spent_s: float, max_s: float | None) -> bool:
    return max_s is not None and spent_s > max_s and spent_s % max_s < min(PAUSE_S, max_s / 2)


def _unstorable(entry: Entry, parent_id: uuid.UUID | None) -> Entry:
    """The end of a run whose result the database does not take."""
    lease = Lease(
        entry.lease.execution_id, entry.lease.tenant_id, entry.lease.workflow_id, entry.lease.attempt
    )
    message = "A result of this run cannot be stored: it holds characters or numbers that no database takes."
    error = StepError(message, "unstorable").as_json()
    ending = Ending("FAILED", error=error, completed_at=clock.now(), parent_id=parent_id)
    return Entry(lease, ending=ending)
