"""Steps of a segment that cannot go on now: delays, retries to come, child runs, questions to a person.

A wait is a note in the run's cursor, `{kind, until, started_at, …}` by path, with kinds `delay`, `retry` (and
`attempt, errors, definite`; while a rate limit keeps it waiting `turn, why`), `child` (and `child, input`), `ask` (and
`error`), and those of `asking.py`. Nothing else has to survive a restart.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from automate.lib import clock
from automate.lib.jsontypes import JSON
from workflows.engine.document import Step
from workflows.engine.outcome import CallAction, Done, Failed, StartChild, StepError
from workflows.runs.asking import Asking
from workflows.runs.facts import child_results
from workflows.runs.perform import Call
from workflows.runs.scopes import ScopeRun, Sleep
from workflows.runs.tokens import WAITS, wait_answers

if TYPE_CHECKING:
    from workflows.runs.segment import Segment

Note = dict[str, JSON]
NO_RETRY: Note = {"attempt": 99}  # more tries than any policy has


class Waits:
    """`notes` is what has to survive of steps that have not ended; `sleeping` what waits in this segment; `answers`
    what people said, until it is acted upon: the next question about the same step is another one."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.notes: dict[str, Note] = dict(segment.claimed.cursor.get("waits", {}))
        self.answers: dict[str, dict[str, JSON]] = dict(segment.claimed.cursor.get("answers", {}))
        self.sleeping: dict[str, Sleep] = {}

    @cached_property
    def asking(self) -> Asking:
        return Asking(self.segment)

    def sleep(self, scope: ScopeRun, step: Step, path: str, note: Note) -> None:
        """Let a step wait as its note says."""
        until = note.get("until")
        moment = datetime.fromisoformat(until).timestamp() if isinstance(until, str) else None
        self.notes[path] = note
        self.sleeping[path] = Sleep(scope, step, path, str(note["kind"]), moment, note)
        self.segment.lease.running[path] = {
            "state": "RETRYING" if note["kind"] == "retry" and "turn" not in note else "WAITING",
            "started_at": note.get("started_at"),
            "until": until,
            "attempt": note.get("attempt", 1),
        }

    def wake(self) -> None:
        """Go on with every step whose moment has come."""
        now = clock.now().timestamp()
        due = [sleep for sleep in self.sleeping.values() if sleep.until is not None and sleep.until <= now]
        for sleep in due:
            del self.sleeping[sleep.path]
            self.resume(sleep.scope, sleep.step, sleep.path, sleep.note)

    def forget_all_but_sleeping(self) -> None:
        """Everything that can begin has begun: other notes are of steps that never will."""
        self.notes = {path: sleep.note for path, sleep in self.sleeping.items()}

    def next_moment(self) -> float | None:
        """When the next wait is over, as seconds since 1970; None when all wait for an answer."""
        return min((sleep.until for sleep in self.sleeping.values() if sleep.until is not None), default=None)

    def seconds_left(self) -> float | None:
        moment = self.next_moment()
        return None if moment is None else (moment - clock.now().timestamp()) / clock.rate()

    def hear(self) -> None:
        """An answer came, or a child ended, while the run was busy elsewhere: go on with it now."""
        segment = self.segment
        claimed = segment.claimed
        segment.lease.signals = segment.lease.news  # before we look: what comes later is news again
        claimed.cursor["waits"] = dict(self.notes)
        claimed.answers = {}

        def look() -> None:
            child_results([claimed])
            wait_answers([claimed])

        segment.services.facts.ask(look)
        for sleep in list(self.sleeping.values()):
            if sleep.path in claimed.answers or str(sleep.note.get("child")) in claimed.children:
                del self.sleeping[sleep.path]
                self.resume(sleep.scope, sleep.step, sleep.path, sleep.note)

    def asks_somebody(self) -> bool:
        return any(sleep.kind == "ask" for sleep in self.sleeping.values())

    def resume(self, scope: ScopeRun, step: Step, path: str, note: Note) -> None:
        """Go on with a step that waited; it may have to wait on."""
        until, kind = note.get("until"), note["kind"]
        started = datetime.fromisoformat(str(note.get("started_at") or clock.now().isoformat()))
        if kind in WAITS:
            self.asking.resume(scope, step, path, note, started)
        elif isinstance(until, str) and datetime.fromisoformat(until) > clock.now():
            self.sleep(scope, step, path, note)
        elif kind == "delay":
            shown: JSON = {"until": until}
            self.segment.finish(scope, step, Done(shown, input=shown), started)
        elif kind == "child":
            self._resume_child(scope, step, path, note, started)
        elif kind == "ask":
            self._resume_answered(scope, step, path, note, started)
        else:
            self._try_again(scope, step, path, note, started)

    def _try_again(self, scope: ScopeRun, step: Step, path: str, note: Note, started: datetime) -> None:
        self.notes[path] = note
        outcome = self.segment.evaluate(scope, step, clock.now())
        if isinstance(outcome, CallAction):
            self.segment.calls.add(Call(scope, step, path, outcome.input, outcome.effect, started, note))
        else:
            self.segment.act(scope, step, path, outcome, started, note)

    # --- unknown outcomes ----------------------------------------------------------------------
    def unknown(self, scope: ScopeRun, step: Step, path: str, why: str, note: Note) -> None:
        """An unsafe step that may or may not have happened: its policy decides, by default a person."""
        policy = step.setting("after_unknown")
        now = clock.now()
        if policy == "rerun":
            self.segment.journal.announced.discard(path)
            self.resume(
                scope, step, path, {**note, "kind": "retry", "until": None, "started_at": now.isoformat()}
            )
            return
        message = f"{why} It is not known whether it happened, so it was not sent again."
        error = StepError(message, "outcome_unknown", step.key)
        if policy == "fail":
            self.segment.journal.announced.discard(path)
            self.segment.fail(scope, step, path, Failed(error), now, {**note, **NO_RETRY})
            return
        asked: Note = {"kind": "ask", "until": None, "started_at": now.isoformat(), "error": error.as_json()}
        self.sleep(scope, step, path, {**note, **asked})

    def _resume_answered(self, scope: ScopeRun, step: Step, path: str, note: Note, started: datetime) -> None:
        answer = self.answers.pop(path, None)
        if answer is None:
            self.sleep(scope, step, path, note)
            return
        self.segment.journal.announced.discard(path)
        if answer["answer"] == "done":
            self.segment.finish(scope, step, Done(answer.get("output")), started)
        elif answer["answer"] == "rerun":
            self._try_again(scope, step, path, {**note, "kind": "retry"}, started)
        else:
            asked = note.get("error")
            error = StepError.from_json(asked if isinstance(asked, dict) else {})
            self.segment.fail(scope, step, path, Failed(error), started, {**note, **NO_RETRY})

    # --- sub-workflows -------------------------------------------------------------------------
    def start_child(self, scope: ScopeRun, step: Step, path: str, wanted: StartChild, now: datetime) -> None:
        """Queue a sub-workflow with the next journal entry, and wait for it if the step does."""
        segment = self.segment
        child = segment.services.child_for(segment.claimed, wanted, path)
        if isinstance(child, StepError):
            segment.fail(scope, step, path, Failed(child, input=wanted.input), now, {})
            return
        segment.journal.children.append(child)
        if not wanted.wait:
            segment.finish(scope, step, Done({"execution": str(child.id)}, input=wanted.input), now)
            return
        note: Note = {"kind": "child", "until": None, "started_at": now.isoformat()}
        self.sleep(scope, step, path, {**note, "child": str(child.id), "input": wanted.input})

    def _resume_child(self, scope: ScopeRun, step: Step, path: str, note: Note, started: datetime) -> None:
        ended = self.segment.claimed.children.get(str(note["child"]))
        if ended is None:
            self.sleep(scope, step, path, note)
        elif ended["status"] == "COMPLETED":
            self.segment.finish(scope, step, Done(ended["output"], input=note.get("input")), started)
        else:
            error = ended["error"]
            said = error.get("message") if isinstance(error, dict) else f"it ended as {ended['status']}"
            fault = StepError(f"The sub-workflow did not succeed: {said}", "sub_workflow", step.key)
            self.segment.fail(scope, step, path, Failed(fault, input=note.get("input")), started, note)
