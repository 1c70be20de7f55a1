"""Runs one action for a segment, in its own thread or in the pool: the only place of a run that waits for a service."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from automate.lib.jsontypes import JSON
from workflows.engine.document import Step
from workflows.engine.outcome import Done, Failed, RunCode
from workflows.runs.failpoints import failpoint
from workflows.runs.scopes import ScopeRun
from workflows.runs.shapes import Entry

if TYPE_CHECKING:
    from workflows.runs.segment import Segment

DEFAULT_STEP_TIMEOUT_S = 30.0


@dataclass(slots=True, eq=False)
class Call:
    """An action to be run. `note` holds what earlier tries left: attempt, errors, definite failures."""

    scope: ScopeRun
    step: Step
    path: str
    input: dict[str, JSON]
    effect: Literal["safe", "unsafe"]
    started_at: datetime
    note: dict[str, JSON] = field(default_factory=dict)
    intent: Entry | None = None
    program: RunCode | None = None  # in place of an action

    @property
    def attempt(self) -> int:
        return int(str(self.note.get("attempt", 1)))

    def key(self, root: object) -> str:
        """The idempotency key: the same after a crash or a time-out, another one after a definite error answer,
        since services replay their first answer for a repeated key."""
        definite = int(str(self.note.get("definite", 0)))
        return f"{root}:{self.path}" + (f":r{definite}" if definite else "")


@dataclass(slots=True)
class Performed:
    """`outcome` None: it was not sent after all, because the run was cancelled or taken over. `leaked`: secrets that
    the output quotes."""

    call: Call
    outcome: Done | Failed | None
    request_log: JSON = None
    leaked: list[str] = field(default_factory=list)


def perform(call: Call, segment: Segment) -> Performed:
    """Send it, once the announcement of an unsafe effect is durable."""
    lease = segment.lease
    if call.intent is not None:
        segment.services.await_written(call.intent)
        failpoint("perform.announced")
    segment.services.confirm(lease)
    if lease.lost or lease.cancelled:
        return Performed(call, None)
    if call.program is not None:
        return segment.services.run_code(call, call.program, segment)
    timeout_s = call.step.timeout_s or DEFAULT_STEP_TIMEOUT_S
    return segment.services.run_action(call, segment.claimed, call.key(segment.claimed.root), timeout_s)
