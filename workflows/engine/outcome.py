"""What a step's run came to, as values: the engine decides, the edge acts and records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from automate.lib.jsontypes import JSON

Status = Literal["COMPLETED", "FAILED", "SKIPPED", "CANCELLED"]


@dataclass(frozen=True, slots=True)
class StepError:
    """The one shape of an error, in rows, pages, the API and expressions."""

    message: str
    code: str = "error"
    step: str | None = None
    retryable: bool = False
    status: int | None = None

    def as_json(self) -> dict[str, JSON]:
        return {
            "message": self.message,
            "code": self.code,
            "step": self.step,
            "retryable": self.retryable,
            "status": self.status,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StepError:
        return cls(
            message=str(data.get("message", "")),
            code=str(data.get("code", "error")),
            step=data.get("step"),
            retryable=bool(data.get("retryable")),
            status=data.get("status"),
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """A step that has ended, as the planner sees it: its status and the ports it took."""

    status: Status
    ports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """The step is finished. `ends` says that more than its branch ends here: the item, the loop or the run."""

    output: JSON
    ports: tuple[str, ...] = ("main",)
    input: JSON = None
    ends: Literal["item", "loop", "run_completed", "run_failed"] | None = None
    error: StepError | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """`postponed`: nothing was tried, our own rate limit asks to come again after `retry_after_s`."""

    error: StepError
    input: JSON = None
    retry_after_s: float | None = None
    outcome_unknown: bool = False
    postponed: bool = False
    request_log: JSON = None


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Nothing to do before this moment; null: until an answer comes."""

    moment: datetime | None
    input: JSON = None
    kind: Literal["delay", "child"] = "delay"


@dataclass(frozen=True, slots=True)
class CallAction:
    """An integration's action has to be run with this input."""

    input: dict[str, JSON]
    effect: Literal["safe", "unsafe"]


@dataclass(frozen=True, slots=True)
class StartLoop:
    """Run the body for these items; None: a `while` loop asks before each round."""

    items: list[JSON]


@dataclass(frozen=True, slots=True)
class StartChild:
    workflow: str
    input: JSON
    wait: bool


Outcome = Done | Failed | WaitUntil | CallAction | StartLoop | StartChild


@dataclass(slots=True)
class Record:
    """A step that has ended, with all that is kept of it. `path` is unique in its run."""

    path: str
    key: str
    status: Status
    ports: tuple[str, ...] = ()
    input: JSON = None
    output: JSON = None
    error: dict[str, JSON] | None = None
    attempts: list[JSON] = field(default_factory=list)
    request_log: JSON = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_ms: int = 0
    name: str = ""
    kind: str = ""
    is_secret: bool = False

    @property
    def ended(self) -> Ended:
        return Ended(self.status, self.ports)
