"""The values that travel between the threads of a worker: leases, journal entries, claims."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from automate.lib.jsontypes import JSON
from workflows.engine.outcome import Record

if TYPE_CHECKING:
    from workflows.runs.tokens import NewNotice, NewToken

RunState = Literal["WAITING", "ATTENTION"]


@dataclass(slots=True)
class Lease:
    """Our hold on a run. The writer sets `lost` and `cancelled`; the thread that runs it looks at them. `is_doubted`: the
    process was silent for longer than its lease, so the next effect waits for a fenced write. `signals`: those that the thread
    knows of; `news`: how many the row had when we wrote last."""

    execution_id: uuid.UUID
    tenant_id: uuid.UUID
    workflow_id: uuid.UUID
    attempt: int
    signals: int = 0
    lost: bool = False
    cancelled: bool = False
    is_doubted: bool = False
    news: int = 0
    running: dict[str, dict[str, JSON]] = field(default_factory=dict)
    shown: dict[str, dict[str, JSON]] = field(default_factory=dict)
    key: str = (
        ""  # what counts the run, where its workflow or workspace has a limit: ActiveRun.concurrency_key
    )


@dataclass(slots=True)
class Child:
    """An execution to be started by a run, in the same transaction as the journal entry that says so."""

    id: uuid.UUID
    template_id: uuid.UUID
    version_id: uuid.UUID
    deployment_id: uuid.UUID | None
    input: JSON
    parent_path: str
    depth: int
    is_test: bool
    options: dict[str, Any] = field(default_factory=dict)
    trigger_type: str = "WORKFLOW"
    concurrency_key: str = ""  # given, it is held until `turns.settle` lets it go on


@dataclass(slots=True)
class Ending:
    """How a run ended. `stored` is its output as its row has it, `output` where that was not worked out.

    `wipe`: its data goes (None: as its version says), once nobody can wait for it if it `is_awaited`.
    """

    status: Literal["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]
    output: JSON = None
    error: dict[str, JSON] | None = None
    had_errors: bool = False
    started_at: datetime | None = None
    completed_at: datetime | None = None
    parent_id: uuid.UUID | None = None
    wipe: bool | None = None
    is_awaited: bool = False
    stored: str | None = None
    has_tokens: bool = False


@dataclass(slots=True)
class Entry:
    """One write to the journal about one run: steps that ended, and what has become of the run."""

    lease: Lease
    records: list[Record] = field(default_factory=list)
    inflight: list[str] | None = None
    cursor: dict[str, Any] | None = None
    suspend: RunState | None = None
    wake_at: datetime | None = None
    ending: Ending | None = None
    children: list[Child] = field(default_factory=list)
    tokens: tuple[NewToken, ...] = ()
    notices: tuple[NewNotice, ...] = ()
    has_memory: bool = False  # a record reads or changes the workflow's memory
    written: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class Claimed:
    """A run as it was claimed: what the worker needs to go on with it."""

    lease: Lease
    version_id: uuid.UUID
    deployment_id: uuid.UUID | None
    input: JSON
    number: int | None
    is_test: bool
    root: uuid.UUID
    parent_id: uuid.UUID | None
    depth: int
    options: dict[str, Any]
    inflight: list[str]
    cursor: dict[str, Any]
    barren: int
    started_at: datetime
    records: list[Record] = field(default_factory=list)
    children: dict[str, dict[str, JSON]] = field(default_factory=dict)
    answers: dict[str, list[JSON]] = field(default_factory=dict)

    @property
    def is_resumed(self) -> bool:
        """Some of its steps may be in the journal already."""
        return self.lease.attempt > 1 or bool(self.options.get("has_journal"))
