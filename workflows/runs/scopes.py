"""A run in memory: its scopes (the top level, and each item of a loop under way) and loops."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from django.conf import settings

from automate.lib import jsontypes
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
    """A loop under way. `results` are JSON texts by index; an item that was filtered out or failed has none.

    Items below `journaled` may have records of an earlier attempt; they are read up to `loaded`. All items below `passed`
    have ended; `failed_passed` of them failed.
    """

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
    results: dict[int, str] = field(default_factory=dict)
    results_bytes: int = 0
    failure: Record | None = None
    failed_index: int = 0
    is_closed: bool = False
    state: JSON = None
    journaled: int = 0
    loaded: int = 0
    passed: int = 0
    failed_passed: int = 0
    ahead: dict[int, bool] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Every item that was started has ended, and none will follow."""
        out_of_items = self.is_closed or (not self.is_while and self.next_index >= len(self.items))
        return self.active == 0 and out_of_items

    def path_of(self, index: int) -> str:
        return f"{self.path}[{index}]."

    def add(self, index: int, value: JSON) -> bool:
        """Keep what an item contributes, as text: a tenth of the memory. False when it becomes too much."""
        text = jsontypes.dumps(value)  # no bytes: those that orjson gives keep its 4 kB buffer
        self.results[index] = text
        self.results_bytes += len(text if text.isascii() else text.encode()) + 1
        return self.results_bytes <= int(settings.MAX_BLOB_BYTES)

    def ended(self, index: int, failed: bool, *, stays: bool) -> None:
        """An item has ended. One that closes the loop `stays`, so that a later attempt finds it and closes it again."""
        if not stays:
            self.ahead[index] = failed
        while self.passed in self.ahead:
            self.failed_passed += self.ahead.pop(self.passed)
            self.passed += 1

    def result(self) -> dict[str, JSON]:
        text = ",".join(self.results[index] for index in sorted(self.results))
        self.results = {}
        return {"count": self.next_index, "failed": self.failed, "results": json.loads(f"[{text}]")}


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
