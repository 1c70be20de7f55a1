"""Steps that wait for somebody outside: approvals and callbacks.

Their notes in the run's cursor are `{kind: approval|callback, until, started_at, input, need}`. What came is in the
rows of their tokens (`tokens.py`), which are the truth: it is read when the run is claimed, and once more when the time
is up, so that an answer that was accepted always counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from automate.lib import clock
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.jsontypes import JSON
from integrations.masking import Masker
from workflows.engine.document import Step
from workflows.engine.names import Frame, visible_prefix
from workflows.engine.outcome import AskPeople, AwaitCall, Done, Failed, StepError
from workflows.engine.steps.approval import Vote, decide, needed, no_answer
from workflows.engine.steps.context import StepFault
from workflows.engine.words import did_you_mean
from workflows.runs import tokens
from workflows.runs.actions import without
from workflows.runs.approvers import asked_in
from workflows.runs.scopes import ScopeRun
from workflows.runs.tokens import NewNotice, NewToken

if TYPE_CHECKING:
    from workflows.runs.segment import Segment

Note = dict[str, JSON]


class Asking:
    """`known`: paths of callbacks whose address this segment has given out, so that it is stored but once."""

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.known: set[str] = set()

    # --- addresses in expressions --------------------------------------------------------------
    def functions_at(self, frame: Frame | None) -> Mapping[str, Callable[..., JSON]]:
        return {"callback_url": partial(self._callback_url, frame)}

    def _callback_url(self, frame: Frame | None, key: JSON) -> JSON:
        path = callback_path(self.segment.data.graph, key, frame)
        token = self._call_token(path)
        if path not in self.known:
            self.known.add(path)
            self.segment.journal.open(token)
        return token.url

    def _call_token(self, path: str, until: datetime | None = None) -> NewToken:
        return NewToken("CALLBACK", self.segment.claimed.root, path, expires_at=until)

    # --- beginning -----------------------------------------------------------------------------
    def ask(self, scope: ScopeRun, step: Step, path: str, wanted: AskPeople, now: datetime) -> None:
        """Make a token for each of the people, and wait. They are told once this is committed."""
        claimed = self.segment.claimed
        shown: dict[str, JSON] = {"message": self._masked(wanted.message), "asked": list(wanted.assignees)}
        try:
            people = self.segment.services.facts.ask(lambda: asked_in(claimed, wanted.assignees))
            need = needed("any" if claimed.is_test else wanted.need, len(people))
        except StepFault as fault:
            error = StepError(str(fault), fault.code, step.key)
            self.segment.fail(scope, step, path, Failed(error, input=shown), now, {})
            return
        until = _until(now, wanted.timeout_s)
        run = claimed.lease.execution_id
        made = [NewToken("APPROVAL", run, path, person, until) for person in people]
        self.segment.journal.open(*made, notices=tuple(_notices(path, wanted, made, now, until)))
        asked: Note = {"input": {**shown, "asked": list(people)}, "need": need}
        self._wait(scope, step, path, "approval", until, now, asked)

    def await_call(self, scope: ScopeRun, step: Step, path: str, wanted: AwaitCall, now: datetime) -> None:
        """Wait for a call, unless it has come already."""
        run = self.segment.claimed.lease.execution_id
        came = self.segment.services.facts.ask(lambda: tokens.answers_to(run, path))
        if came:
            self._called(scope, step, came, now, None)
            return
        until = _until(now, wanted.timeout_s)
        self.known.add(path)
        self.segment.journal.open(self._call_token(path, until))
        self._wait(scope, step, path, "callback", until, now, {"input": {"until": _iso(until)}})

    def _wait(
        self,
        scope: ScopeRun,
        step: Step,
        path: str,
        kind: str,
        until: datetime | None,
        now: datetime,
        more: Note,
    ) -> None:
        note: Note = {"kind": kind, "until": _iso(until), "started_at": now.isoformat(), **more}
        self.segment.waits.sleep(scope, step, path, note)
        self.segment.journal.flush(wait=False)

    # --- going on ------------------------------------------------------------------------------
    def resume(self, scope: ScopeRun, step: Step, path: str, note: Note, started: datetime) -> None:
        """Go on with what came, or by the port `timeout`; else wait on."""
        came = self.segment.claimed.answers.get(path, [])
        if self._take(scope, step, came, note, started):
            return
        until = note.get("until")
        if not isinstance(until, str) or datetime.fromisoformat(until) > clock.now():
            self.segment.waits.sleep(scope, step, path, note)
            return
        run = self.segment.claimed.lease.execution_id
        came = self.segment.services.facts.ask(lambda: tokens.close(run, path))
        if not self._take(scope, step, came, note, started):
            votes = [vote_of(answer) for answer in came] if note["kind"] == "approval" else None
            output = None if votes is None else no_answer(clock.now().isoformat(), votes)
            self.segment.finish(scope, step, Done(output, ("timeout",), input=note.get("input")), started)

    def _take(self, scope: ScopeRun, step: Step, came: list[JSON], note: Note, started: datetime) -> bool:
        if note["kind"] == "callback":
            if came:
                self._called(scope, step, came, started, note.get("input"))
            return bool(came)
        decision = decide(map(vote_of, came), int(str(note.get("need", 1))))
        if decision is None:
            return False
        done = Done(decision, (str(decision["decision"]),), input=note.get("input"))
        self.segment.finish(scope, step, done, started)
        return True

    def _called(self, scope: ScopeRun, step: Step, came: list[JSON], started: datetime, given: JSON) -> None:
        answer = came[0]
        body = answer.get("body") if isinstance(answer, dict) else None
        self.segment.finish(scope, step, Done(body, ("main",), input=given), started)

    def _masked(self, message: JSON) -> JSON:
        """Without the secrets that came back in this run's outputs: people outside may read it."""
        data = self.segment.data
        if not data.leaked and not data.is_tainted:
            return message
        plain, everything = data.load_vars(), data.load_secrets()
        secret = {str(value) for key, value in everything.items() if key not in plain}
        return without(message, Masker(data.leaked | secret))


def callback_path(graph: Any, key: JSON, frame: Frame | None) -> str:
    """The path of the callback step that a text means. Raises ExpressionTypeError."""
    steps = {name: step for name, step in graph.steps.items() if step.type == "callback"}
    if not isinstance(key, str) or key not in steps:
        hint = did_you_mean(str(key)[:40], steps) or "Write the key of a step of the type “Wait for a call”."
        raise ExpressionTypeError(
            f"`callback_url`: there is no step {str(key)[:40]!r} that waits for a call. {hint}"
        )
    prefix = visible_prefix(graph, key, frame)
    if prefix is None:
        raise ExpressionTypeError(
            f"`callback_url`: the step `{key}` waits once per item of the loop `{graph.loop_of[key]}`, so its address "
            "is known inside that loop only. Use it there."
        )
    return prefix + key


def vote_of(answer: JSON) -> Vote:
    """A stored answer of a person, as `answers.py` writes it."""
    given: dict[str, Any] = answer if isinstance(answer, dict) else {}
    return Vote(
        by=str(given.get("by", "")),
        approved=given.get("decision") == "approved",
        at=str(given.get("at", "")),
        comment=str(given.get("comment", "")),
        answers=given.get("answers"),
        overrides=bool(given.get("overrides")),
    )


def _notices(
    path: str, wanted: AskPeople, made: list[NewToken], now: datetime, until: datetime | None
) -> list[NewNotice]:
    """A mail to each of them and a reminder, a message to each channel."""
    found: list[NewNotice] = []
    reminder = _until(now, wanted.reminder_s)
    if until and reminder and reminder >= until:
        reminder = None
    for how in wanted.notify:
        if isinstance(how, dict):
            found.append(
                tokens.notice(path, str(how.get("channel", "")), now, slot=str(how.get("connection", "")))
            )
        elif how == "email":
            for token in made:
                found.append(tokens.notice(path, token.person, now, token=token.id))
                if reminder:
                    found.append(
                        tokens.notice(path, token.person, reminder, token=token.id, is_reminder=True)
                    )
    return found


def _until(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
