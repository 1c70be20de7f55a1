"""A run in memory: its scopes (the top level, and each item of a loop under way) and loops."""

from __future__ import annotations

from dataclasses import dataclass, field

from automate.lib.jsontypes import JSON
from workflows.engine.document import Step
from workflows.engine.names import Frame
from workflows.engine.outcome import Ended, Record
from workflows.engine.plan import ScopeShape


@dataclass(slots=True, eq=False)
class ScopeRun:
    """The top level (frame None) or one item of a loop."""

    shape: ScopeShape
    frame: Frame | None = None
    loop: LoopRun | None = None
    ended: dict[str, Ended] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)
    failure: Record | None = None
    ends: str | None = None
    is_over: bool = False

    @property
    def prefix(self) -> str:
        return self.frame.prefix if self.frame else ""

    @property
    def stopped(self) -> bool:
        """No new step starts here: something failed for good, or the item ended early."""
        return self.failure is not None or self.ends is not None


@dataclass(slots=True, eq=False)
class LoopRun:
    """A loop under way. `results` are by index; an item that was filtered out or failed has none."""

    step: Step
    path: str
    scope: ScopeRun
    items: list[JSON]
    parallel: int
    is_while: bool
    started_record: Record
    next_index: int = 0
    active: int = 0
    failed: int = 0
    results: dict[int, JSON] = field(default_factory=dict)
    failure: Record | None = None
    failed_index: int = 0
    is_closed: bool = False
    state: JSON = None

    @property
    def is_over(self) -> bool:
        """Every item that was started has ended, and none will follow."""
        out_of_items = self.is_closed or (not self.is_while and self.next_index >= len(self.items))
        return self.active == 0 and out_of_items

    def path_of(self, index: int) -> str:
        return f"{self.path}[{index}]."

    def result(self) -> dict[str, JSON]:
        collected = [self.results[index] for index in sorted(self.results)]
        return {"count": self.next_index, "failed": self.failed, "results": collected}


@dataclass(slots=True)
class Sleep:
    """A step that cannot go on now: a delay, a retry to come, a child run, an unknown outcome."""

    scope: ScopeRun
    step: Step
    path: str
    kind: str
    until: float | None
    note: dict[str, JSON]


def ending_of(step: Step, record: Record) -> str | None:
    """Whether an ended step closed its item or loop: needed to rebuild a scope from its journal."""
    if record.status != "COMPLETED" or record.ports:
        return None
    if step.type == "filter":
        return "item"
    if step.type == "stop":
        how = str(step.config.get("as", "completed"))
        return {"next_item": "item", "break": "loop"}.get(how, "run")
    return None
