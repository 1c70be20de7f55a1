"""One stretch of a run: from the claim until it ends or has nothing to do but wait.

The thread that runs a segment plans, evaluates and records; calls to services that may overlap are handed to a
pool. It never touches the database: the writer does (`drain.py`). After a crash the same code goes on from
the journal, since the planner only looks at what has ended.
"""

from __future__ import annotations

import random
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings

from automate.lib import clock
from automate.lib.expressions import ExpressionError
from automate.lib.jsontypes import JSON
from workflows.engine.document import Step
from workflows.engine.errors import ConditionError
from workflows.engine.names import Frame, scope_for
from workflows.engine.outcome import (
    AskPeople,
    AwaitCall,
    CallAction,
    Done,
    Failed,
    Outcome,
    Record,
    Remember,
    RunCode,
    StartChild,
    StartLoop,
    Status,
    StepError,
    UseMemory,
)
from workflows.engine.plan import branch_ends, plan, taken_sources
from workflows.engine.retry import is_wanted, next_delay_s
from workflows.engine.steps import begin
from workflows.engine.steps.context import StepContext
from workflows.runs.account import Account
from workflows.runs.actions import tried
from workflows.runs.calls import Calls
from workflows.runs.journal import Journal, LostLease
from workflows.runs.loops import LoopKeeper
from workflows.runs.memory import Memory
from workflows.runs.perform import Call
from workflows.runs.presence import WriterGone
from workflows.runs.scopes import LoopRun, ScopeRun, ending_of
from workflows.runs.shapes import Claimed, Ending
from workflows.runs.waits import NO_RETRY, Note, Waits
from workflows.runs.wiping import is_awaited, is_wiped

if TYPE_CHECKING:
    from workflows.engine.names import RunData
    from workflows.runs.program import Program
    from workflows.runs.services import Services

INLINE_WAIT_S = 1.0  # shorter waits keep the thread; longer ones become a row
# the same again gives the same
HOPELESS = frozenset(
    {
        "expression",
        "condition",
        "input",
        "invalid_input",
        "too_large",
        "too_nested",
        "unstorable",
        "code_syntax",
    }
)


class Segment:
    def __init__(self, claimed: Claimed, program: Program, data: RunData, services: Services) -> None:
        self.claimed = claimed
        self.lease = claimed.lease
        self.program = program
        self.data = data
        self.graph = data.graph
        self.services = services
        self.dirty: deque[ScopeRun] = deque()
        self.ending: Ending | None = None
        self.account = Account.of(claimed, services)
        data.is_tainted = self.account.has_secret
        self.journal = Journal(self)
        self.waits = Waits(self)
        self.calls = Calls(self)
        self.memory = Memory(self)
        self.loops = LoopKeeper(self)
        if program.has_callbacks:
            data.functions_at = self.waits.asking.functions_at
        self._began = clock.monotonic()
        self._spent_s = float(claimed.cursor.get("spent_s", 0.0))
        self._timeout_s = self.graph.document.settings.timeout_s
        self._pins: dict[str, JSON] = claimed.options.get("pins", {}) if claimed.is_test else {}

    # --- the thread ----------------------------------------------------------------------------
    def run(self) -> None:
        """Go as far as possible, then hand the last entry to the writer. Raises nothing but bugs."""
        try:
            self.check_hold()
            self.dirty.append(self._root_scope())
            while self._step():
                pass
            self._conclude()
        except LostLease:
            return
        except WriterGone:
            self.lease.lost = True

    def _step(self) -> bool:
        """Settle what can be settled, then wait for one thing; False when nothing is left to wait for here."""
        self._settle()
        if self.leaves:
            return self._finish_calls()
        if self.lease.news > self.lease.signals:
            self.waits.hear()
        self.waits.wake()
        if self.dirty:
            return True
        self.calls.start()
        if self.calls.under_way:
            self.calls.take(self.waits.seconds_left())
            return True
        if self.dirty or self.calls.waiting:
            return True
        return self._nap()

    @property
    def leaves(self) -> bool:
        """The worker is to stop: nothing new begins, and another worker goes on from the journal."""
        return self.services.is_closing and self.ending is None

    def _finish_calls(self) -> bool:
        self.calls.waiting.clear()
        if self.calls.under_way:
            self.calls.take(None)
        return bool(self.calls.under_way)

    def _nap(self) -> bool:
        """With nothing else to do: sit out a short wait here."""
        due_s = self.waits.seconds_left()
        if self.ending or due_s is None or due_s > INLINE_WAIT_S:
            return False
        time.sleep(max(due_s, 0.0))
        return True

    def has_only_this(self) -> bool:
        """Nothing waits and no loop wants several items at once: a call may as well be made in this thread."""
        return not self.waits.sleeping and not self.loops.wants_more()

    def check_hold(self) -> None:
        """Raise LostLease when another worker took over; end the run when it was cancelled or took too long."""
        if self.lease.lost:
            raise LostLease
        if self.ending is None and self.lease.cancelled:
            self.ending = Ending(
                "CANCELLED", error=_error(self.services.why_stopped(self.lease), "cancelled")
            )
        limit_s = self._timeout_s
        if self.ending is None and limit_s is not None and self._time_spent() > limit_s:
            said = f"The run took longer than its limit of {limit_s:g} s (waiting not counted)."
            self.ending = Ending("TIMED_OUT", error=_error(said, "timed_out"))

    def _time_spent(self) -> float:
        return self._spent_s + clock.monotonic() - self._began

    # --- planning ------------------------------------------------------------------------------
    def _root_scope(self) -> ScopeRun:
        trigger = self.data.trigger
        key = trigger.get("key") if isinstance(trigger, dict) else None
        scope = ScopeRun(self.program.shape(None, str(key) if key else None))
        self.seed(scope)
        return scope

    def seed(self, scope: ScopeRun) -> None:
        """Fill a scope with what the journal says has ended in it already."""
        for key in scope.shape.members if self.data.records else ():
            record = self.data.records.get(scope.prefix + key)
            if record is None:
                continue
            scope.ended[key] = record.ended
            if scope.frame is not None:
                scope.ends = scope.ends or ending_of(self.graph.steps[key], record)
            if record.status == "FAILED":
                scope.failure = scope.failure or (None if record.ports else record)

    def _settle(self) -> None:
        while self.dirty and not self.leaves:
            scope = self.dirty.popleft()
            self.check_hold()
            if not self.ending and not scope.stopped:
                self._start_ready(scope)
            self._finish_scope(scope)
            if self.ending is None:
                self.journal.relieve()

    def _start_ready(self, scope: ScopeRun) -> None:
        found = plan(scope.shape, scope.ended)
        now = clock.now() if found.skipped else None
        for key in found.skipped:
            self._record(scope, self.new_record(scope, self.graph.steps[key], "SKIPPED", now or clock.now()))
        for key in found.ready:
            if key not in scope.active and not scope.stopped and not self.ending:
                self._begin(scope, self.graph.steps[key])

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
        ends = [self.data.records[key] for key in branch_ends(scope.shape, scope.ended)]
        if len(ends) > 1:
            return Ending("COMPLETED", output={record.key: record.value for record in ends})
        return self._ending_with(ends[0]) if ends else Ending("COMPLETED")

    def _ending_with(self, record: Record) -> Ending:
        """The run gives what this step gave, and stores it the same way."""
        stored = record.stored.output if record.stored and not record.is_secret else None
        return Ending("COMPLETED", output=record.value, stored=stored)

    # --- steps ---------------------------------------------------------------------------------
    def _begin(self, scope: ScopeRun, step: Step) -> None:
        path = scope.prefix + step.key
        if self.account.rows >= settings.MAX_STEP_RUNS:
            self.ending = Ending("FAILED", error=_too_many_steps(step))
            return
        if not step.enabled:
            self._record(scope, self.new_record(scope, step, "SKIPPED", clock.now(), _through(step)))
            self.dirty.append(scope)
            return
        if step.key in self._pins:
            self.finish(scope, step, Done(self._pins[step.key]), clock.now())
            return
        scope.active.add(step.key)
        note = self.waits.notes.get(path)
        if path in self.journal.announced and (note is None or note["kind"] == "retry"):
            why = "The worker stopped while this step was being sent."
            self.waits.unknown(scope, step, path, why, note or {})
        elif note is not None:
            self.waits.resume(scope, step, path, note)
        else:
            now = clock.now()
            self.act(scope, step, path, self.evaluate(scope, step, now), now)

    def evaluate(self, scope: ScopeRun, step: Step, now: datetime) -> Outcome:
        """What the step's own rules make of its fields."""
        is_action = step.type == "action"
        names = scope_for(
            self.data,
            scope.frame,
            now=now,
            error=lambda: self._error_before(scope, step.key),
            with_secrets=is_action,
        )
        taken = taken_sources(scope.shape, step.key, scope.ended) if step.type == "merge" else ()
        return begin(
            StepContext(
                step, names, now, taken,
                output_of=lambda key: self.data.records[scope.prefix + key].value,
                effect_of=lambda step, given: self.services.effect_of(step, given, self.lease.tenant_id),
                around=self.memory,
            )
        )  # fmt: skip

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

    def act(
        self,
        scope: ScopeRun,
        step: Step,
        path: str,
        outcome: Outcome,
        now: datetime,
        note: Note | None = None,
    ) -> None:
        """Do what an outcome asks for."""
        if isinstance(outcome, Done):
            self.finish(scope, step, outcome, now)
        elif isinstance(outcome, Failed):
            self.fail(scope, step, path, outcome, now, note or {})
        elif isinstance(outcome, CallAction):
            self.calls.add(Call(scope, step, path, outcome.input, outcome.effect, now))
        elif isinstance(outcome, StartLoop):
            self.loops.start(scope, step, path, outcome.items, now)
        elif isinstance(outcome, StartChild):
            self.waits.start_child(scope, step, path, outcome, now)
        elif isinstance(outcome, AskPeople):
            self.waits.asking.ask(scope, step, path, outcome, now)
        elif isinstance(outcome, AwaitCall):
            self.waits.asking.await_call(scope, step, path, outcome, now)
        elif isinstance(outcome, RunCode):
            self.calls.add(Call(scope, step, path, outcome.input, "safe", now, note or {}, program=outcome))
        elif isinstance(outcome, UseMemory | Remember):
            self.memory.commit(scope, step, path, outcome, now, note or {})
        else:
            until = outcome.moment.isoformat() if outcome.moment else None
            wait: Note = {"kind": outcome.kind, "until": until, "started_at": now.isoformat()}
            self.waits.sleep(scope, step, path, wait)

    def finish(
        self,
        scope: ScopeRun,
        step: Step,
        done: Done,
        started: datetime,
        *,
        note: Note | None = None,
        log: JSON = None,
    ) -> None:
        """Record a step that did what it should, with whatever ends along with it."""
        record = self.new_record(scope, step, "COMPLETED", started, done.ports)
        record.input, record.output, record.request_log = done.input, done.output, log
        record.attempts = _errors(note or {})
        if done.ends == "run_failed":
            record.status = "FAILED"
            record.error = done.error.as_json() if done.error else None
        fault = self.make_storable(record)
        if fault is not None:
            unkept = Failed(fault, input=done.input, request_log=log)
            self.fail(scope, step, record.path, unkept, started, note or {})
            return
        self._record(scope, record)
        if done.ends in ("run_completed", "run_failed"):
            status: Any = "COMPLETED" if done.ends == "run_completed" else "FAILED"
            self.ending = self.ending or Ending(status, output=done.output, error=record.error)
        elif done.ends is not None and scope.frame is not None:
            scope.ends = done.ends
        self.dirty.append(scope)
        if step.type == "respond":
            self.journal.flush(wait=False)

    def fail(
        self, scope: ScopeRun, step: Step, path: str, failed: Failed, started: datetime, note: Note
    ) -> None:
        """Record a failure, or put the step to sleep until its next try."""
        if failed.postponed and not self.ending:
            self._postpone(scope, step, path, failed, started, note)
            return
        attempt = int(str(note.get("attempt", 1)))
        wait_s = self._retry_in(scope, step, failed, attempt)
        if wait_s is not None and not self.ending:
            until = clock.now() + timedelta(seconds=wait_s)
            definite = int(str(note.get("definite", 0))) + (0 if failed.outcome_unknown else 1)
            retry: Note = {"kind": "retry", "until": until.isoformat(), "started_at": started.isoformat()}
            errors = [*_errors(note), tried(failed, self.data)]
            so_far: Note = {"attempt": attempt + 1, "errors": errors, "definite": definite}
            self.waits.sleep(scope, step, path, retry | so_far)
            return
        record = self.new_record(scope, step, "FAILED", started, ("error",) if step.next.get("error") else ())
        record.error, record.attempts = failed.error.as_json(), _errors(note)
        record.input, record.request_log = failed.input, failed.request_log
        self.account.had_errors = True
        self._record(scope, record)
        if not record.ports:
            scope.failure = scope.failure or record
            if scope.loop is None:
                self.ending = self.ending or Ending("FAILED", error=record.error)
        self.dirty.append(scope)

    def _postpone(
        self, scope: ScopeRun, step: Step, path: str, failed: Failed, started: datetime, note: Note
    ) -> None:
        """Come again when the rate limit lets us; this was no try."""
        until = clock.now() + timedelta(seconds=failed.retry_after_s or INLINE_WAIT_S)
        wait: Note = {"kind": "retry", "until": until.isoformat(), "started_at": started.isoformat()}
        said: Note = {"turn": failed.has_turn, "why": failed.error.message}
        self.waits.sleep(scope, step, path, {**note, **wait, **said})

    def _retry_in(self, scope: ScopeRun, step: Step, failed: Failed, attempt: int) -> float | None:
        if step.retry is None or failed.error.code in HOPELESS:
            return None
        names = scope_for(self.data, scope.frame, now=clock.now(), error=failed.error.as_json)
        try:
            if not is_wanted(step.retry, names):
                return None
        except (ExpressionError, ConditionError):
            return None  # what the step failed with says more than what its `retry_if` failed with
        return next_delay_s(step.retry, attempt, random.random(), retry_after_s=failed.retry_after_s)  # noqa: S311 - jitter

    def close_loop(self, loop: LoopRun) -> None:
        """A loop that is over becomes a record of its own: done, or failed with its item's error."""
        step, scope, given = loop.step, loop.scope, loop.started_record.input
        started = loop.started_record.started_at or clock.now()
        if loop.failure is None:
            self.finish(scope, step, Done(loop.result(), ("done",), input=given), started)
            return
        cause = StepError.from_json(loop.failure.error or {})
        message = (
            f"Item {loop.failed_index + 1} failed: {cause.message}"
            if loop.failure.path != loop.path
            else cause.message
        )
        error = StepError(message, cause.code, cause.step or step.key, cause.retryable, cause.status)
        self.fail(scope, step, loop.path, Failed(error, input=given), started, NO_RETRY)

    # --- records -------------------------------------------------------------------------------
    def new_record(
        self, scope: ScopeRun, step: Step, status: Status, started: datetime, ports: tuple[str, ...] = ()
    ) -> Record:
        now = clock.now()
        return Record(
            scope.prefix + step.key, step.key, status, ports, started_at=started, completed_at=now,
            duration_ms=max(int((now - started).total_seconds() * 1000), 0), name=step.name, kind=step.type,
        )  # fmt: skip

    def _record(self, scope: ScopeRun, record: Record) -> None:
        if record.stored is None:
            self.make_storable(record)
        self.account.take(record)
        self.journal.add(record)
        self.take_in(scope, record)

    def take_in(self, scope: ScopeRun, record: Record) -> None:
        """The step has ended: its record is in the journal, or on its way there."""
        scope.active.discard(record.key)
        scope.ended[record.key] = record.ended
        self.data.records[record.path] = record
        self.waits.notes.pop(record.path, None)
        self.lease.running.pop(record.path, None)
        if record.key == self.claimed.options.get("until"):
            self.ending = self.ending or self._ending_with(record)

    def make_storable(self, record: Record) -> StepError | None:
        """Keep secrets out of what is stored of it, and say if it cannot be stored."""
        self.services.guard(record, self.data)
        return self.services.store(record, self.claimed)

    def frame_scope(self, frame: Frame | None) -> Any:
        """The expression scope of an item, for `collect`, `while` and `state`."""
        return scope_for(self.data, frame, now=clock.now())

    # --- the end -------------------------------------------------------------------------------
    def cursor(self) -> dict[str, Any]:
        """What must survive besides the journal: waits, answers, time spent."""
        cursor: dict[str, Any] = {"waits": dict(self.waits.notes)}
        if self._timeout_s is not None:
            cursor["spent_s"] = self._time_spent()
        if self.waits.answers:
            cursor["answers"] = dict(self.waits.answers)
        cursor["seen"] = self.account.as_json()
        self.loops.write_places(cursor)
        return cursor

    def _conclude(self) -> None:
        if self.leaves:
            self.journal.suspend("WAITING", clock.now(), self.cursor())
            return
        if self.ending is None and self.waits.sleeping:
            self.waits.forget_all_but_sleeping()
            moment = self.waits.next_moment()
            wake_at = None if moment is None else datetime.fromtimestamp(moment, UTC)
            state: Any = "ATTENTION" if self.waits.asks_somebody() else "WAITING"
            self.journal.suspend(state, wake_at, self.cursor())
            return
        ending = self.ending or Ending("COMPLETED")
        ending.had_errors = self.account.had_errors
        ending.started_at, ending.completed_at = self.claimed.started_at, clock.now()
        ending.parent_id = self.claimed.parent_id
        document = self.graph.document
        ending.wipe = is_wiped(document.settings.keep_data, ending.status)
        ending.is_awaited = ending.wipe and is_awaited(self.claimed, document)
        ending.has_tokens = self.program.has_tokens
        if self.account.has_secret:
            ending.output, ending.stored = self.services.hidden(ending.output), None
        ending.stored = ending.stored or self.services.store_run_output(ending.output, self.claimed)
        self._close_open_steps(ending)
        self._close_children(ending)
        self.journal.children += self.services.failure_runs(self.claimed, self.data, ending)
        self.journal.end(ending)

    def _close_children(self, ending: Ending) -> None:
        """Sub-workflows that the run waited for: what is not queued yet never is; with a run that is stopped they stop."""
        waited = {str(note["child"]) for note in self.waits.notes.values() if note["kind"] == "child"}
        unsent = {str(child.id) for child in self.journal.children}
        self.journal.children = [child for child in self.journal.children if str(child.id) not in waited]
        if ending.status in ("CANCELLED", "TIMED_OUT") and waited - unsent:
            self.services.stop_runs(waited - unsent)

    def _close_open_steps(self, ending: Ending) -> None:
        """Steps that still waited when the run ended: CANCELLED, so that the run shows where it stood."""
        waiting = [(sleep.scope, sleep.step) for sleep in self.waits.sleeping.values()]
        waiting += [(loop.scope, loop.step) for loop in self.loops.open]
        for scope, step in waiting:
            record = self.new_record(scope, step, "CANCELLED", clock.now())
            record.error = ending.error if ending.status != "COMPLETED" else None
            self.journal.add(record)


def _through(step: Step) -> tuple[str, ...]:
    """The port a disabled step lets the run pass through."""
    return {"condition": ("else",), "loop": ("done",)}.get(step.type, ("main",))


def _too_many_steps(step: Step) -> dict[str, JSON]:
    message = (
        f"The run has come to {settings.MAX_STEP_RUNS:,} steps, the most that one run may do. What it did is kept. "
        "Let a sub-workflow do the work of each item, or handle fewer items at a time."
    )
    return StepError(message, "too_many_steps", step.key).as_json()


def _errors(note: Note) -> list[JSON]:
    """The errors of earlier tries."""
    errors = note.get("errors")
    return list(errors) if isinstance(errors, list) else []


def _error(message: str, code: str) -> dict[str, JSON]:
    return StepError(message, code).as_json()
