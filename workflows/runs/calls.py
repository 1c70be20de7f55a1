"""The calls of a segment: one alone runs in the segment's thread, several at once in the pool."""

from __future__ import annotations

import logging
from collections import deque
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from automate.lib import clock
from workflows.engine.names import scope_for
from workflows.engine.outcome import Done, Failed, Outcome, StepError
from workflows.runs.actions import map_output
from workflows.runs.perform import Call, Performed, perform
from workflows.runs.presence import WriterGone

if TYPE_CHECKING:
    from workflows.runs.segment import Segment

log = logging.getLogger(__name__)
LOOK_UP_EVERY_S = 5.0  # while calls take long: has the run been cancelled?


class Calls:
    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.waiting: deque[Call] = deque()
        self.under_way: dict[str, Call] = {}
        self._results: SimpleQueue[Performed] = SimpleQueue()

    def add(self, call: Call) -> None:
        self.waiting.append(call)

    def start(self) -> None:
        """Send what waits to be sent; with nothing else under way, a single call is made here."""
        segment = self.segment
        while self.waiting and not segment.ending and not segment.leaves:
            call = self.waiting.popleft()
            if call.program is None:  # a program has no effect: nothing has to be durable before it
                segment.journal.before(call)
            segment.check_hold()
            if segment.ending:
                break
            now = clock.now().isoformat()
            segment.lease.running[call.path] = {
                "state": "RUNNING",
                "started_at": now,
                "attempt": call.attempt,
            }
            alone = not self.waiting and not self.under_way and segment.has_only_this()
            self.under_way[call.path] = call
            if alone:
                self._perform(call)
                return
            segment.services.submit(partial(self._perform, call))
        if segment.ending:
            self.waiting.clear()

    def _perform(self, call: Call) -> None:
        """Raises nothing: a call that says nothing would keep its run waiting for ever."""
        try:
            result = perform(call, self.segment)
        except WriterGone:
            self.segment.lease.lost = True
            result = Performed(call, None)
        except Exception:
            log.exception("the call %s broke", call.path)
            fault = StepError(
                "Something went wrong inside automate. The log has the details.", "internal", call.step.key
            )
            result = Performed(call, Failed(fault, input=dict(call.input), outcome_unknown=True))
        self._results.put(result)

    def take(self, timeout_s: float | None) -> None:
        """Wait for the next result, at most so long, and take in all there are."""
        wait_s = LOOK_UP_EVERY_S if timeout_s is None else min(max(timeout_s, 0.0), LOOK_UP_EVERY_S)
        try:
            result = self._results.get(timeout=wait_s)
        except Empty:
            self.segment.check_hold()
            return
        while True:
            self._handle(result)
            try:
                result = self._results.get_nowait()
            except Empty:
                return

    def _handle(self, result: Performed) -> None:
        call, outcome, segment = result.call, result.outcome, self.segment
        del self.under_way[call.path]
        segment.lease.running.pop(call.path, None)
        segment.check_hold()
        if outcome is None:
            segment.journal.announced.discard(call.path)
            return
        if call.program is None:
            segment.journal.effect_happened(call.scope)
        segment.data.leaked.update(result.leaked)
        if not isinstance(outcome, Done) and outcome.outcome_unknown and call.effect == "unsafe":
            segment.waits.unknown(call.scope, call.step, call.path, outcome.error.message, call.note)
            return
        segment.journal.announced.discard(call.path)
        mapped = self._mapped(call, outcome) if isinstance(outcome, Done) else outcome
        if isinstance(mapped, Done):
            segment.finish(
                call.scope, call.step, mapped, call.started_at, note=call.note, log=result.request_log
            )
        else:
            segment.act(call.scope, call.step, call.path, mapped, call.started_at, call.note)

    def _mapped(self, call: Call, done: Done) -> Outcome:
        frame, data = call.scope.frame, self.segment.data
        return map_output(
            call.step, done, lambda result: scope_for(data, frame, now=clock.now(), extra={"result": result})
        )
