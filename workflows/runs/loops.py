"""Loops of a segment: which items are under way, and what they came to."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings

from automate.lib.expressions import ExpressionError, evaluate
from automate.lib.jsontypes import JSON
from workflows.engine.conditions import holds
from workflows.engine.document import Step
from workflows.engine.names import Frame
from workflows.engine.outcome import Failed, Record, StepError
from workflows.runs.loop_places import LoopPlaces
from workflows.runs.scopes import LoopRun, ScopeRun
from workflows.runs.waits import NO_RETRY

if TYPE_CHECKING:
    from workflows.runs.segment import Segment


class LoopKeeper:
    """Starts items as room becomes free, and closes loops that are over."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.open: list[LoopRun] = []
        self.places = LoopPlaces(segment)

    def wants_more(self) -> bool:
        """Whether some loop would run several items at once: then even a single call goes to the pool."""
        return any(loop.parallel > 1 and loop.active > 1 for loop in self.open)

    def start(self, scope: ScopeRun, step: Step, path: str, items: list[JSON], now: datetime) -> None:
        segment = self.segment
        try:
            frame_scope = segment.frame_scope(scope.frame)
            parallel = int(str(evaluate(step.setting("parallel"), frame_scope)))
            state = evaluate(step.config.get("state"), frame_scope) if "while" in step.config else None
        except (ExpressionError, ValueError) as error:
            segment.fail(
                scope, step, path, Failed(StepError(str(error), "expression", step.key)), now, NO_RETRY
            )
            return
        started = Record(path, step.key, "COMPLETED", input={"items": len(items)}, started_at=now)
        is_while = "while" in step.config
        loop = LoopRun(
            step, path, scope, items, 1 if is_while else max(parallel, 1), is_while, started, state=state
        )
        self.open.append(loop)
        self.places.opened(loop)
        segment.lease.running[path] = {
            "state": "RUNNING",
            "started_at": now.isoformat(),
            "attempt": 1,
            "items": len(items),
        }
        self._fill(loop)

    def item_ended(self, scope: ScopeRun) -> None:
        """Take in an item: its contribution, its failure, or that it ends the loop."""
        loop = scope.loop
        assert loop is not None
        assert scope.frame is not None
        scope.is_over = True
        loop.active -= 1
        was_closed, failed_before = loop.is_closed, loop.failed
        if scope.failure is not None:
            self._item_failed(loop, scope.frame.index, scope.failure)
        elif scope.ends == "loop":
            loop.is_closed = True
        elif scope.ends is None and "collect" in loop.step.config and self.segment.ending is None:
            self._collect(loop, scope.frame)
        if loop.is_while:
            self._renew_state(loop, scope.frame)
        closes_it = loop.is_closed and not was_closed
        loop.ended(scope.frame.index, loop.failed > failed_before, stays=closes_it)
        self._forget(scope)
        running = self.segment.lease.running.get(loop.path)
        if running is not None:
            running["done"] = loop.next_index - loop.active
        self._fill(loop)

    def _forget(self, scope: ScopeRun) -> None:
        """Nobody can see the steps of an item that is over: the memory of a run does not grow with its loops."""
        records, prefix = self.segment.data.records, scope.prefix
        for key in scope.shape.members:
            records.pop(prefix + key, None)

    def write_places(self, cursor: dict[str, Any]) -> None:
        """Where the open loops stand, for a later attempt."""
        if self.open or "loops" in self.segment.claimed.cursor:
            self.places.write(cursor)

    def _item_failed(self, loop: LoopRun, index: int, record: Record) -> None:
        loop.failed += 1
        if loop.step.setting("on_item_error") == "stop":
            loop.is_closed = True
            if loop.failure is None:
                loop.failure, loop.failed_index = record, index

    def _collect(self, loop: LoopRun, frame: Frame) -> None:
        try:
            value = evaluate(loop.step.config["collect"], self.segment.frame_scope(frame))
        except ExpressionError as error:
            self._item_failed(loop, frame.index, self._error_record(loop, f"`collect`: {error.message}"))
            return
        if not loop.add(frame.index, value) and loop.failure is None:
            loop.is_closed = True
            loop.failure = self._error_record(
                loop,
                f"What this loop collects has come to more than {settings.MAX_BLOB_BYTES:,} bytes with item "
                f"{frame.index + 1:,}. Collect only what later steps need, or handle fewer items at a time.",
                "too_large",
            )

    def _renew_state(self, loop: LoopRun, frame: Frame) -> None:
        if "state" in loop.step.config:
            try:
                loop.state = evaluate(loop.step.config["state"], self.segment.frame_scope(frame))
            except ExpressionError as error:
                self._item_failed(loop, frame.index, self._error_record(loop, f"`state`: {error.message}"))
                loop.is_closed = True

    def _error_record(self, loop: LoopRun, message: str, code: str = "expression") -> Record:
        error = StepError(message, code, loop.step.key)
        return Record(loop.path, loop.step.key, "FAILED", error=error.as_json())

    def _fill(self, loop: LoopRun) -> None:
        """Start items while there is room; when none is left under way, close the loop."""
        segment = self.segment
        while not loop.is_closed and segment.ending is None and loop.active < loop.parallel:
            if loop.is_while:
                if not self._goes_on(loop):
                    loop.is_closed = True
                    break
            elif loop.next_index >= len(loop.items):
                break
            self._start_item(loop)
            if loop.active >= loop.parallel:
                break
        if segment.ending is not None:
            loop.is_closed = True
        if loop.is_over and loop in self.open and segment.ending is None:
            self.open.remove(loop)
            self.places.closed(loop)
            segment.close_loop(loop)

    def _goes_on(self, loop: LoopRun) -> bool:
        """A `while` loop asks before each round, with `loop.state` and `loop.index` in sight."""
        frame = self._frame(loop, loop.next_index, None)
        limit = int(str(loop.step.setting("max_items")))
        try:
            if not holds(loop.step.config["while"], self.segment.frame_scope(frame)):
                return False
        except ExpressionError as error:
            loop.failure = self._error_record(loop, f"`while`: {error.message}")
            return False
        if loop.next_index >= limit:
            loop.failure = self._error_record(
                loop,
                f"The loop went {limit:,} rounds, its limit, and `while` still holds. Raise `max_items`.",
            )
            return False
        return True

    def _frame(self, loop: LoopRun, index: int, item: JSON) -> Frame:
        count = None if loop.is_while else len(loop.items)
        name = str(loop.step.setting("as"))
        return Frame(
            loop.step.key, name, index, item, count, loop.path_of(index), loop.scope.frame, loop.state
        )

    def _start_item(self, loop: LoopRun) -> None:
        index = loop.next_index
        loop.next_index += 1
        loop.active += 1
        item: JSON = index if loop.is_while else loop.items[index]
        shape = self.segment.program.shape(loop.step.key, None)
        scope = ScopeRun(shape, self._frame(loop, index, item), loop)
        if loop.journaled:
            self.places.load(loop, index)
        self.segment.seed(scope)
        self.segment.dirty.append(scope)
