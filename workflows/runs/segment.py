"""One stretch of a run: from the claim until it ends or has nothing to do but wait.

The thread that runs a segment plans, evaluates and records; calls to services that may overlap are handed to a
pool. It never touches the database: the writer does (`drain.py`). After a crash the same code goes on from
the journal, since the planner only looks at what has ended.
"""

from __future__ import annotations

import random
import time
from collections import deque
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from automate.lib import clock
from automate.lib.jsontypes import JSON
from workflows.engine.document import Step
from workflows.engine.names import Frame, scope_for
from workflows.engine.outcome import (
    CallAction,
    Done,
    Failed,
    Outcome,
    Record,
    StartChild,
    StartLoop,
    StepError,
    WaitUntil,
)
from workflows.engine.plan import branch_ends, plan, taken_sources
from workflows.engine.retry import is_wanted, next_delay_s
from workflows.engine.steps import begin
from workflows.engine.steps.context import StepContext
from workflows.runs.actions import map_output
from workflows.runs.loops import LoopKeeper
from workflows.runs.perform import Call, Performed, perform
from workflows.runs.scopes import LoopRun, ScopeRun, Sleep, ending_of
from workflows.runs.shapes import Claimed, Ending, Entry

if TYPE_CHECKING:
    from workflows.engine.names import RunData
    from workflows.runs.program import Program
    from workflows.runs.services import Services

INLINE_WAIT_S = 1.0  # shorter waits keep the thread; longer ones become a row
MAX_BUFFER = 50  # records of a loop that may be on their way to the journal at once


class LostLease(Exception):
    """Another worker took over; whatever this thread still does must leave no trace."""


class Segment:
    def __init__(self, claimed: Claimed, program: Program, data: RunData, services: Services) -> None:
        self.claimed = claimed
        self.lease = claimed.lease
        self.program = program
        self.data = data
        self.graph = data.graph
        self.services = services
        self.loops = LoopKeeper(self)
        self.dirty: deque[ScopeRun] = deque()
        self.calls: deque[Call] = deque()
        self.sleeping: dict[str, Sleep] = {}
        self.under_way: dict[str, Call] = {}
        self.results: SimpleQueue[Performed] = SimpleQueue()
        self.buffer: list[Record] = []
        self.must_flush = False
        self.last_entry: Entry | None = None
        self.children: list[Any] = []
        self.ending: Ending | None = None
        self.had_errors = False
        self.sent_unsafe: set[str] = set(claimed.inflight)
        self.notes: dict[str, dict[str, JSON]] = dict(claimed.cursor.get("waits", {}))
        self.began = clock.monotonic()
        self.spent_s = float(claimed.cursor.get("spent_s", 0.0))
        self.timeout_s = self.graph.document.settings.timeout_s
        self.root = self._root_scope()

    # --- the thread ----------------------------------------------------------------------------
    def run(self) -> None:
        """Go as far as possible, then hand the last entry to the writer. Raises nothing but bugs."""
        try:
            if self.lease.cancelled:
                self.ending = Ending("CANCELLED", error=_cancelled())
            self.dirty.append(self.root)
            while self._step():
                pass
            self._conclude()
        except LostLease:
            return

    def _step(self) -> bool:
        """Settle what can be settled, then wait for one thing; False when nothing is left to wait for here."""
        self._settle()
        self._wake_sleepers()
        if self.dirty:
            return True
        self._start_calls()
        if self.under_way:
            self._take_result(self._seconds_to_next_wake())
            return True
        if self.dirty or self.calls:
            return True
        return self._nap()

    def _nap(self) -> bool:
        """With nothing else to do: sit out a short wait here."""
        due = self._seconds_to_next_wake()
        if self.ending or due is None or due > INLINE_WAIT_S:
            return False
        time.sleep(max(due, 0.0))
        return True

    def _seconds_to_next_wake(self) -> float | None:
        dues = [sleep.until for sleep in self.sleeping.values() if sleep.until is not None]
        return min(dues) - clock.now().timestamp() if dues else None

    # --- planning ------------------------------------------------------------------------------
    def _root_scope(self) -> ScopeRun:
        trigger = self.data.trigger
        key = trigger.get("key") if isinstance(trigger, dict) else None
        scope = ScopeRun(self.program.shape(None, str(key) if key else None))
        self.seed(scope)
        return scope

    def seed(self, scope: ScopeRun) -> None:
        """Fill a scope with what the journal says has ended in it already."""
        records = self.data.records
        if not records:
            return
        for key in scope.shape.members:
            record = records.get(scope.prefix + key)
            if record is None:
                continue
            scope.ended[key] = record.ended
            scope.ends = scope.ends or ending_of(self.graph.steps[key], record)
            if record.status == "FAILED":
                self.had_errors = True
                if not record.ports:
                    scope.failure = record

    def _settle(self) -> None:
        while self.dirty:
            scope = self.dirty.popleft()
            self._check_hold()
            if self.ending or scope.stopped:
                self._finish_scope(scope)
                continue
            found = plan(scope.shape, scope.ended)
            now = clock.now()
            for key in found.skipped:
                self._record(scope, self._new_record(scope, self.graph.steps[key], "SKIPPED", now))
            for key in found.ready:
                if key not in scope.active and not scope.stopped and not self.ending:
                    self._begin(scope, self.graph.steps[key])
            self._finish_scope(scope)

    def _finish_scope(self, scope: ScopeRun) -> None:
        """A scope with nothing left to do: the end of an item, or of the run."""
        if scope.active or scope.is_over or scope in self.dirty:
            return
        if scope.loop is not None:
            self.loops.item_ended(scope)
        elif self.ending is None:
            self.ending = self._natural_ending(scope)

    def _natural_ending(self, scope: ScopeRun) -> Ending:
        if scope.failure is not None:
            return Ending("FAILED", error=scope.failure.error)
        ends = branch_ends(scope.shape, scope.ended)
        outputs = {key: self.data.records[key].output for key in ends if key in self.data.records}
        output: JSON = outputs if len(outputs) > 1 else next(iter(outputs.values()), None)
        return Ending("COMPLETED", output=output)

    def _check_hold(self) -> None:
        if self.lease.lost:
            raise LostLease
        if self.ending is None and self.lease.cancelled:
            self.ending = Ending("CANCELLED", error=_cancelled())
        if self.ending is None and self.timeout_s is not None:
            spent = self.spent_s + clock.monotonic() - self.began
            if spent > self.timeout_s:
                self.ending = Ending("TIMED_OUT", error=_timed_out(self.timeout_s))

    # --- steps ---------------------------------------------------------------------------------
    def _begin(self, scope: ScopeRun, step: Step) -> None:
        path = scope.prefix + step.key
        now = clock.now()
        if not step.enabled:
            self._record(scope, self._new_record(scope, step, "SKIPPED", now, ports=_through(step)))
            self.dirty.append(scope)
            return
        scope.active.add(step.key)
        note = self.notes.get(path)
        if path in self.sent_unsafe and (note is None or note["kind"] == "retry"):
            self._unknown(scope, step, path, "The worker stopped while this step was being sent.", note or {})
        elif note is not None:
            self._resume(scope, step, path, note)
        else:
            self._act(scope, step, path, self._evaluate(scope, step, now), now)

    def _evaluate(self, scope: ScopeRun, step: Step, now: datetime) -> Outcome:
        context = StepContext(
            step,
            scope_for(
                self.data,
                scope.frame,
                now=now,
                error=lambda: self._error_before(scope, step.key),
                with_secrets=step.type == "action",
            ),
            now,
            taken=taken_sources(scope.shape, step.key, scope.ended) if step.type == "merge" else (),
            output_of=lambda key: self.data.records[scope.prefix + key].output,
            effect_of=lambda step, given: self.services.effect_of(step, given, self.lease.tenant_id),
        )
        return begin(context)

    def _error_before(self, scope: ScopeRun, key: str) -> JSON:
        """The error whose path led here: of the nearest failed step up the taken links."""
        queue = deque([key])
        while queue:
            for source in taken_sources(scope.shape, queue.popleft(), scope.ended):
                record = self.data.records[scope.prefix + source]
                if record.status == "FAILED":
                    return record.error
                queue.append(source)
        return None

    def _act(self, scope: ScopeRun, step: Step, path: str, outcome: Outcome, now: datetime) -> None:
        if isinstance(outcome, Done):
            self.finish(scope, step, outcome, now)
        elif isinstance(outcome, Failed):
            self.fail(scope, step, path, outcome, now, {})
        elif isinstance(outcome, CallAction):
            self.calls.append(Call(scope, step, path, outcome.input, outcome.effect, now))
        elif isinstance(outcome, StartLoop):
            self.loops.start(scope, step, path, outcome.items, now)
        elif isinstance(outcome, StartChild):
            self._start_child(scope, step, path, outcome, now)
        else:
            self._sleep(scope, step, path, _delay_note(outcome, now))

    def _sleep(self, scope: ScopeRun, step: Step, path: str, note: dict[str, JSON]) -> None:
        self.notes[path] = note
        until = note.get("until")
        moment = datetime.fromisoformat(until).timestamp() if isinstance(until, str) else None
        self.sleeping[path] = Sleep(scope, step, path, str(note["kind"]), moment, note)
        self.lease.running[path] = {
            "state": "RETRYING" if note["kind"] == "retry" else "WAITING",
            "started_at": note.get("started_at"),
            "until": until,
            "attempt": note.get("attempt", 1),
        }

    def _wake_sleepers(self) -> None:
        now = clock.now().timestamp()
        due = [sleep for sleep in self.sleeping.values() if sleep.until is not None and sleep.until <= now]
        for sleep in due:
            del self.sleeping[sleep.path]
            self._resume(sleep.scope, sleep.step, sleep.path, sleep.note)

    def _resume(self, scope: ScopeRun, step: Step, path: str, note: dict[str, JSON]) -> None:
        """Go on with a step that waited; it may have to wait on."""
        started = datetime.fromisoformat(str(note.get("started_at") or clock.now().isoformat()))
        until = note.get("until")
        kind = note["kind"]
        if isinstance(until, str) and datetime.fromisoformat(until) > clock.now():
            self._sleep(scope, step, path, note)
        elif kind == "delay":
            shown: dict[str, JSON] = {"until": until}
            self.finish(scope, step, Done(shown, input=shown), started)
        elif kind == "child":
            self._resume_child(scope, step, path, note, started)
        elif kind == "ask":
            self._resume_answered(scope, step, path, note, started)
        else:
            outcome = self._evaluate(scope, step, clock.now())
            if isinstance(outcome, CallAction):
                self.calls.append(Call(scope, step, path, outcome.input, outcome.effect, started, note))
            else:
                self._act(scope, step, path, outcome, started)

    # --- calls to services ---------------------------------------------------------------------
    def _start_calls(self) -> None:
        while self.calls and not self.ending:
            call = self.calls.popleft()
            alone = (
                not self.calls and not self.under_way and not self.sleeping and not self.loops.wants_more()
            )
            self._journal_before(call)
            self._check_hold()
            if self.ending:
                break
            now = clock.now()
            self.lease.running[call.path] = {
                "state": "RUNNING",
                "started_at": now.isoformat(),
                "attempt": call.attempt,
            }
            self.under_way[call.path] = call
            if alone:
                self.results.put(perform(call, self))
                return
            self.services.submit(partial(self._perform_apart, call))
        if self.ending:
            self.calls.clear()

    def _perform_apart(self, call: Call) -> None:
        self.results.put(perform(call, self))

    def _journal_before(self, call: Call) -> None:
        """What has ended is durable before the next effect begins; inside loops up to MAX_BUFFER records lag.

        An unsafe effect is announced first: the announcement carries the records, and the call waits for it.
        """
        if call.effect == "unsafe":
            self.sent_unsafe.add(call.path)
            call.intent = self._entry()
            self.services.write(call.intent)
        elif call.scope.frame is None or len(self.buffer) >= MAX_BUFFER:
            if self.must_flush or self.last_entry is not None:
                self.flush(wait=True)
        elif self.last_entry is None or self.last_entry.written.is_set():
            self.flush(wait=False)

    def _entry(self) -> Entry:
        entry = Entry(
            self.lease,
            self.buffer,
            inflight=sorted(self.sent_unsafe),
            cursor=self._cursor(),
            children=self.children,
        )
        self.buffer, self.children, self.must_flush = [], [], False
        return entry

    def flush(self, *, wait: bool) -> None:
        """Hand the buffered records to the writer; with `wait`, come back once they are committed."""
        if self.buffer or self.children:
            self.last_entry = self._entry()
            self.services.write(self.last_entry)
        if wait and self.last_entry is not None:
            self.last_entry.written.wait()
            self.last_entry = None
            if self.lease.lost:
                raise LostLease

    def _take_result(self, timeout_s: float | None) -> None:
        try:
            result = self.results.get(timeout=max(timeout_s, 0.0) if timeout_s is not None else 5.0)
        except Empty:
            self._check_hold()
            return
        while True:
            self._handle(result)
            try:
                result = self.results.get_nowait()
            except Empty:
                return

    def _handle(self, result: Performed) -> None:
        call = result.call
        del self.under_way[call.path]
        self.lease.running.pop(call.path, None)
        self._check_hold()
        self.must_flush = True
        outcome = result.outcome
        if outcome is None:
            self.sent_unsafe.discard(call.path)
            return
        if isinstance(outcome, Done):
            self.sent_unsafe.discard(call.path)
            outcome = self._mapped(call, outcome)
        if isinstance(outcome, Done):
            self.finish(
                call.scope, call.step, outcome, call.started_at, note=call.note, log=result.request_log
            )
            return
        if outcome.outcome_unknown and call.effect == "unsafe":
            self._unknown(call.scope, call.step, call.path, outcome.error.message, call.note)
            return
        self.sent_unsafe.discard(call.path)
        self.fail(call.scope, call.step, call.path, outcome, call.started_at, call.note)

    def _mapped(self, call: Call, done: Done) -> Outcome:
        frame = call.scope.frame
        return map_output(
            call.step,
            done,
            lambda result: scope_for(self.data, frame, now=clock.now(), extra={"result": result}),
        )

    # --- ends of steps -------------------------------------------------------------------------
    def finish(
        self,
        scope: ScopeRun,
        step: Step,
        done: Done,
        started: datetime,
        *,
        note: dict[str, JSON] | None = None,
        log: JSON = None,
    ) -> None:
        """Record a step that did what it should, with whatever ends along with it."""
        record = self._new_record(scope, step, "COMPLETED", started, ports=done.ports)
        record.input, record.output, record.request_log = done.input, done.output, log
        record.attempts = list((note or {}).get("errors") or [])  # type: ignore[call-overload]  # a list, as `fail` made it
        if done.ends == "run_failed":
            record.status = "FAILED"
            record.error = done.error.as_json() if done.error else None
        self._record(scope, record)
        if done.ends in ("run_completed", "run_failed"):
            status = "COMPLETED" if done.ends == "run_completed" else "FAILED"
            self.ending = self.ending or Ending(status, output=done.output, error=record.error)
        elif done.ends is not None and scope.frame is not None:
            scope.ends = done.ends
        self.dirty.append(scope)
        if step.type == "respond":
            self.flush(wait=False)

    def fail(
        self,
        scope: ScopeRun,
        step: Step,
        path: str,
        failed: Failed,
        started: datetime,
        note: dict[str, JSON],
    ) -> None:
        """Record a failure, or put the step to sleep until its next try."""
        attempt = int(str(note.get("attempt", 1)))
        errors: list[JSON] = [*(note.get("errors") or []), failed.error.as_json()]  # type: ignore[misc]  # a list, as made here
        wait_s = self._retry_in(scope, step, failed, attempt)
        if wait_s is not None and not self.ending:
            definite = int(str(note.get("definite", 0))) + (0 if failed.outcome_unknown else 1)
            until = clock.now() + timedelta(seconds=wait_s)
            self._sleep(
                scope,
                step,
                path,
                {
                    "kind": "retry",
                    "until": until.isoformat(),
                    "started_at": started.isoformat(),
                    "attempt": attempt + 1,
                    "errors": errors,
                    "definite": definite,
                },
            )
            return
        ports = ("error",) if step.next.get("error") else ()
        record = self._new_record(scope, step, "FAILED", started, ports=ports)
        record.error, record.attempts = failed.error.as_json(), errors[:-1]
        record.input, record.request_log = failed.input, failed.request_log
        self.had_errors = True
        self._record(scope, record)
        if not ports:
            scope.failure = scope.failure or record
            if scope.loop is None:
                self.ending = self.ending or Ending("FAILED", error=record.error)
        self.dirty.append(scope)

    def _retry_in(self, scope: ScopeRun, step: Step, failed: Failed, attempt: int) -> float | None:
        if step.retry is None or failed.error.code in ("expression", "condition", "input", "invalid_input"):
            return None
        wanted = is_wanted(
            step.retry,
            scope_for(self.data, scope.frame, now=clock.now(), error=lambda: failed.error.as_json()),
        )
        if not wanted:
            return None
        return next_delay_s(step.retry, attempt, random.random(), retry_after_s=failed.retry_after_s)  # noqa: S311 - jitter

    def _unknown(self, scope: ScopeRun, step: Step, path: str, why: str, note: dict[str, JSON]) -> None:
        """An unsafe step that may or may not have happened: its policy decides, by default a person."""
        policy = step.setting("after_unknown")
        started = clock.now()
        if policy == "rerun":
            self.sent_unsafe.discard(path)
            self._resume(
                scope, step, path, {**note, "kind": "retry", "until": None, "started_at": started.isoformat()}
            )
            return
        message = f"{why} It is not known whether it happened, so it was not sent again."
        error = StepError(message, "outcome_unknown", step.key)
        if policy == "fail":
            self.sent_unsafe.discard(path)
            self.fail(scope, step, path, Failed(error), started, {**note, "attempt": 99})
            return
        self._sleep(
            scope, step, path,
            {**note, "kind": "ask", "until": None, "started_at": started.isoformat(), "error": error.as_json()},
        )  # fmt: skip

    def _resume_answered(
        self, scope: ScopeRun, step: Step, path: str, note: dict[str, JSON], started: datetime
    ) -> None:
        answer = self.claimed.cursor.get("answers", {}).get(path)
        if answer is None:
            self._sleep(scope, step, path, note)
            return
        self.sent_unsafe.discard(path)
        if answer["answer"] == "done":
            self.finish(scope, step, Done(answer.get("output")), started)
        elif answer["answer"] == "rerun":
            again = {**note, "kind": "retry", "until": None}
            self._resume(scope, step, path, again)
        else:
            error = StepError.from_json(note.get("error") or {})  # type: ignore[arg-type]  # an object, as made above
            self.fail(scope, step, path, Failed(error), started, {**note, "attempt": 99})

    # --- sub-workflows -------------------------------------------------------------------------
    def _start_child(self, scope: ScopeRun, step: Step, path: str, wanted: StartChild, now: datetime) -> None:
        child = self.services.child_for(self.claimed, wanted, path)
        if isinstance(child, StepError):
            self.fail(scope, step, path, Failed(child, input=wanted.input), now, {})
            return
        self.children.append(child)
        if not wanted.wait:
            self.finish(scope, step, Done({"execution": str(child.id)}, input=wanted.input), now)
            return
        self._sleep(
            scope, step, path,
            {"kind": "child", "until": None, "started_at": now.isoformat(), "child": str(child.id), "input": wanted.input},
        )  # fmt: skip

    def _resume_child(
        self, scope: ScopeRun, step: Step, path: str, note: dict[str, JSON], started: datetime
    ) -> None:
        ended = self.claimed.children.get(str(note["child"]))
        if ended is None:
            self._sleep(scope, step, path, note)
        elif ended["status"] == "COMPLETED":
            self.finish(scope, step, Done(ended["output"], input=note.get("input")), started)
        else:
            cause = StepError.from_json(ended["error"]) if isinstance(ended["error"], dict) else None
            said = cause.message if cause else f"it ended as {ended['status']}"
            error = StepError(f"The sub-workflow did not succeed: {said}", "sub_workflow", step.key)
            self.fail(scope, step, path, Failed(error, input=note.get("input")), started, note)

    # --- records -------------------------------------------------------------------------------
    def _new_record(
        self, scope: ScopeRun, step: Step, status: Any, started: datetime, ports: tuple[str, ...] = ()
    ) -> Record:
        now = clock.now()
        return Record(
            scope.prefix + step.key, step.key, status, ports, started_at=started, completed_at=now,
            duration_ms=max(int((now - started).total_seconds() * 1000), 0), name=step.name, kind=step.type,
        )  # fmt: skip

    def _record(self, scope: ScopeRun, record: Record) -> None:
        scope.active.discard(record.key)
        scope.ended[record.key] = record.ended
        self.data.records[record.path] = record
        self.notes.pop(record.path, None)
        self.lease.running.pop(record.path, None)
        self.services.guard(record, self.data)
        self.buffer.append(record)
        self.must_flush = self.must_flush or record.key in self.program.volatile
        if record.key == self.claimed.options.get("until"):
            self.ending = self.ending or Ending("COMPLETED", output=record.output)

    def frame_scope(self, frame: Frame | None) -> Any:
        """The expression scope of an item, for `collect`, `while` and `state`."""
        return scope_for(self.data, frame, now=clock.now())

    def close_loop(self, loop: LoopRun) -> None:
        """A loop that is over becomes a record of its own: done, or failed with its item's error."""
        step, scope, started = loop.step, loop.scope, loop.started_record.started_at or clock.now()
        if loop.failure is None:
            self.finish(scope, step, Done(loop.result(), ("done",), input=loop.started_record.input), started)
            return
        cause = StepError.from_json(loop.failure.error or {})
        message = f"Item {loop.failed_index + 1} failed: {cause.message}"
        error = StepError(message, cause.code, cause.step or step.key, cause.retryable, cause.status)
        self.fail(
            scope, step, loop.path, Failed(error, input=loop.started_record.input), started, {"attempt": 99}
        )

    # --- the end -------------------------------------------------------------------------------
    def _cursor(self) -> dict[str, Any]:
        spent = self.spent_s + clock.monotonic() - self.began if self.timeout_s is not None else 0.0
        answers = self.claimed.cursor.get("answers")
        trying = {path: call.note for path, call in self.under_way.items() if call.note}
        cursor: dict[str, Any] = {
            "waits": trying | {path: sleep.note for path, sleep in self.sleeping.items()}
        }
        if spent:
            cursor["spent_s"] = spent
        if answers:
            cursor["answers"] = answers
        return cursor

    def _conclude(self) -> None:
        if self.ending is None and self.sleeping:
            self._suspend()
            return
        ending = self.ending or Ending("COMPLETED")
        ending.had_errors = self.had_errors
        ending.started_at = self.claimed.started_at
        ending.completed_at = clock.now()
        ending.parent_id = self.claimed.parent_id
        keep = self.graph.document.settings.keep_data
        ending.wipe = keep == "nothing" or (keep == "failures" and ending.status == "COMPLETED")
        self._cancel_sleepers(ending)
        self.services.write(Entry(self.lease, self.buffer, ending=ending, children=self.children))

    def _cancel_sleepers(self, ending: Ending) -> None:
        """Steps that still waited when the run ended: CANCELLED, so that the run shows where it stood."""
        waiting = [(sleep.scope, sleep.step) for sleep in self.sleeping.values()]
        waiting += [(loop.scope, loop.step) for loop in self.loops.open]
        for scope, step in waiting:
            record = self._new_record(scope, step, "CANCELLED", clock.now())
            record.error = ending.error if ending.status != "COMPLETED" else None
            self.buffer.append(record)

    def _suspend(self) -> None:
        dues = [sleep.until for sleep in self.sleeping.values() if sleep.until is not None]
        asks = any(sleep.kind == "ask" for sleep in self.sleeping.values())
        wake_at = datetime.fromtimestamp(min(dues), tz=clock.now().tzinfo) if dues else None
        self.services.write(
            Entry(
                self.lease,
                self.buffer,
                inflight=sorted(self.sent_unsafe),
                cursor=self._cursor(),
                suspend="ATTENTION" if asks and wake_at is None else "WAITING",
                wake_at=wake_at,
                children=self.children,
            )
        )


def _through(step: Step) -> tuple[str, ...]:
    """The port a disabled step lets the run pass through."""
    return {"condition": ("else",), "loop": ("done",)}.get(step.type, ("main",))


def _delay_note(outcome: WaitUntil, now: datetime) -> dict[str, JSON]:
    until = outcome.moment.isoformat() if outcome.moment else None
    return {"kind": outcome.kind, "until": until, "started_at": now.isoformat()}


def _cancelled() -> dict[str, JSON]:
    return StepError("The run was stopped by a person.", "cancelled").as_json()


def _timed_out(limit_s: float) -> dict[str, JSON]:
    return StepError(
        f"The run took longer than its limit of {limit_s:g} s (waiting not counted).", "timed_out"
    ).as_json()
