"""What a segment has to say to the writer: records of ended steps, announcements of unsafe calls, its end."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from workflows.engine.outcome import Record
from workflows.runs.shapes import Child, Ending, Entry, RunState

if TYPE_CHECKING:
    from workflows.runs.perform import Call
    from workflows.runs.scopes import ScopeRun
    from workflows.runs.segment import Segment
    from workflows.runs.tokens import NewNotice, NewToken

MAX_BUFFER = 50  # records of a loop that may be on their way to the journal at once
MAX_SILENT = (
    500  # records of steps without effect; writing them is also how a run learns that it was cancelled
)
MAX_AHEAD = 4 * MAX_SILENT  # of those, while the writer is still busy with the ones before


class LostLease(Exception):
    """Another worker took over; whatever this thread still does must leave no trace."""


class Journal:
    """`announced`: paths of unsafe steps that may be on their way to a service."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.lease = segment.lease
        self.announced: set[str] = set(segment.claimed.inflight)
        self.children: list[Child] = []
        self._tokens: tuple[NewToken, ...] = ()
        self._notices: tuple[NewNotice, ...] = ()
        self._buffer: list[Record] = []
        self._last: Entry | None = None
        self._must_flush = False
        self._must_wait = False
        self._has_memory = False

    def add(self, record: Record) -> None:
        """Buffer the record of an ended step. A value that would differ next time must be durable before it is used."""
        self._buffer.append(record)
        if record.key in self.segment.program.volatile:
            self._must_flush = True
            self._must_wait = self._must_wait or record.kind != "action"

    def open(self, *tokens: NewToken, notices: tuple[NewNotice, ...] = ()) -> None:
        """Store addresses with what is written next; whoever is told of one must find it there."""
        self._tokens += tokens
        self._notices += notices
        self._must_flush = self._must_wait = True

    def effect_happened(self, scope: ScopeRun) -> None:
        """The record that follows is of an effect: it must be durable before the next effect begins. That of a loop's item
        may lag (`before`); the one before the loop may not."""
        self._must_flush = True
        self._must_wait = self._must_wait or scope.frame is None

    def before(self, call: Call) -> None:
        """What has ended is durable before the next effect begins; inside loops up to MAX_BUFFER records lag.

        An unsafe effect is announced first: the announcement carries the records, and the call waits for it.
        """
        if call.effect == "unsafe":
            self.announced.add(call.path)
            call.intent = self._entry()
            self.segment.services.write(call.intent)
        elif call.scope.frame is None or self._must_wait or len(self._buffer) >= MAX_BUFFER:
            if self._must_flush or self._last is not None:
                self.flush(wait=True)
        elif self._last is None or self._last.written.is_set():
            self.flush(wait=False)

    def commit(self, record: Record) -> None:
        """Write a record together with what it does to the workflow's memory. Raises LostLease."""
        self._buffer.append(record)
        self._has_memory = True
        self.flush(wait=True)

    def relieve(self) -> None:
        """Steps without effect are written with the next effect; many of them before. No run gets far ahead of the writer."""
        if len(self._buffer) < MAX_SILENT:
            return
        if self._last is None or self._last.written.is_set():
            self.flush(wait=False)
        elif len(self._buffer) >= MAX_AHEAD:
            self.flush(wait=True)

    def flush(self, *, wait: bool) -> None:
        """Hand the buffered records to the writer; with `wait`, come back once they are committed."""
        if self._buffer or self.children or self._tokens:
            self._last = self._entry()
            self.segment.services.write(self._last)
        if wait and self._last is not None:
            self.segment.services.await_written(self._last)
            self._last = None
            if self.lease.lost:
                raise LostLease

    def _entry(self) -> Entry:
        entry = Entry(
            self.lease,
            self._buffer,
            inflight=sorted(self.announced),
            cursor=self.segment.cursor(),
            children=self.children,
            tokens=self._tokens,
            notices=self._notices,
            has_memory=self._has_memory,
        )
        self._has_memory = False
        self._buffer, self.children, self._must_flush, self._must_wait = [], [], False, False
        self._tokens = self._notices = ()
        return entry

    def end(self, ending: Ending) -> None:
        """The last entry of the run."""
        self.segment.services.write(Entry(self.lease, self._buffer, ending=ending, children=self.children))

    def suspend(self, state: RunState, wake_at: datetime | None, cursor: dict[str, Any]) -> None:
        """The last entry of a segment that only waits."""
        self.segment.services.write(
            Entry(
                self.lease, self._buffer, inflight=sorted(self.announced), cursor=cursor, suspend=state,
                wake_at=wake_at, children=self.children, tokens=self._tokens, notices=self._notices,
            )
        )  # fmt: skip
