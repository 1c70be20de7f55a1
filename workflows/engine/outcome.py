"""What a step's run came to, as values: the engine decides, the edge acts and records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from automate.lib.jsontypes import JSON

Status = Literal["COMPLETED", "FAILED", "SKIPPED", "CANCELLED"]
Deed = Literal["get", "set", "increment", "append", "delete"]  # of a state step


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
    """`postponed`: nothing was tried, a rate limit asks to come again after `retry_after_s`; `has_turn`: and keeps a place
    for then."""

    error: StepError
    input: JSON = None
    retry_after_s: float | None = None
    outcome_unknown: bool = False
    postponed: bool = False
    has_turn: bool = False
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


@dataclass(frozen=True, slots=True)
class AskPeople:
    """Wait until these people have answered: e-mail addresses, or names of groups and roles of the workspace.

    `notify` holds "email", "inbox" and `{connection, channel}`.
    """

    message: JSON
    assignees: tuple[str, ...]
    notify: tuple[Any, ...] = ("email",)
    need: int | Literal["any", "all"] = "any"
    timeout_s: float | None = None
    reminder_s: float | None = None


@dataclass(frozen=True, slots=True)
class AwaitCall:
    """Wait until somebody calls this step's address."""

    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class RunCode:
    """A program has to be run on this input, in a process of its own."""

    input: dict[str, JSON]
    language: str
    source: str
    timeout_s: float
    memory_mb: int


@dataclass(frozen=True, slots=True)
class UseMemory:
    """The workflow's memory has to be read or changed, once, together with the step's record.

    `names`: key → default, value, addend or item, as the deed has it. `keep`: how many of a list stay, the newest.
    """

    deed: Deed
    names: dict[str, JSON]
    expires_s: float | None = None
    keep: int | None = None
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class Remember:
    """The step is done, if these items are still new to the workflow when its record is written; they are known then."""

    done: Done
    digests: tuple[str, ...]


Outcome = (
    Done | Failed | WaitUntil | CallAction | StartLoop | StartChild | AskPeople | AwaitCall | RunCode | UseMemory
    | Remember
)  # fmt: skip


@dataclass(slots=True)
class Record:
    """A step that has ended, with all that is kept of it. `path` is unique in its run.

    `fetch` gets an output that is too big to be kept here: read `value`, not `output`. `stored` is how the journal
    writes it, worked out once.
    """

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
    fetch: Callable[[], JSON] | None = None
    stored: Any = None
    memory: Any = None  # what is read or changed with it: runs/memory.py

    @property
    def value(self) -> JSON:
        """The output, wherever it is kept."""
        return self.output if self.fetch is None else self.fetch()

    @property
    def ended(self) -> Ended:
        return Ended(self.status, self.ports)
