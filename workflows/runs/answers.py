"""Answers from outside: people approve or reject, services call back. Each counts once.

An answer is kept in the row of its token: `{decision, by, at, comment, answers, overrides?}` of a person, `{body,
method}` of a call. The run's queue row is locked meanwhile, so of two answers that come together one is the second.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from accounts.permissions import has_permission
from automate.lib import clock
from automate.lib.jsontypes import JSON
from workflows.engine.steps.approval import Vote, decide
from workflows.errors import WorkflowError
from workflows.models import ActiveRun, StepExecution, WaitToken, WorkflowExecution
from workflows.runs import dispatch
from workflows.runs.asking import vote_of
from workflows.runs.cancel import signal
from workflows.runs.tokens import NewToken

OVERRIDE: Final = "workspace.manage"  # who may decide in the place of those who are asked
MAX_COMMENT: Final = 2_000


class NotAnswerable(WorkflowError):
    """The answer changed nothing."""


class AlreadyAnswered(NotAnswerable):
    """`vote`: what was decided and by whom, as far as that is still kept."""

    def __init__(self, message: str, vote: Vote | None = None) -> None:
        super().__init__(message)
        self.vote = vote


class TimeIsUp(NotAnswerable):
    """The answer came too late."""


class RunHasEnded(NotAnswerable):
    """The run was stopped, or ended without this answer."""


class MayNotAnswer(WorkflowError):
    """Somebody else was asked."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a person fills in."""

    approved: bool
    comment: str = ""
    answers: dict[str, JSON] | None = None


# --- people ---------------------------------------------------------------------------------------
def answer_by_link(
    token: WaitToken,
    given: Given,
    *,
    user: User | None,
    ip: str | None = None,
    also: Callable[[], object] = lambda: None,
) -> None:
    """The person a link was sent to decides; `also` is done in the same transaction. Raises NotAnswerable."""
    with transaction.atomic():
        waiting = _read(token.execution_id, token.path, lock=True)
        mine = next((row for row in waiting.tokens if row.pk == token.pk), None)
        if mine is None:
            raise RunHasEnded("This question is not there any more.")
        _give(waiting, mine, given, user=user, ip=ip)
        also()


def answer_as_member(
    execution: WorkflowExecution,
    path: str,
    given: Given,
    *,
    user: User,
    ip: str | None = None,
    also: Callable[[], object] = lambda: None,
) -> None:
    """A member decides: one who is asked, or in their place one who manages the workspace, which the audit log says.

    Raises NotAnswerable and MayNotAnswer.
    """
    with transaction.atomic():
        waiting = _read(execution.pk, path, lock=True)
        mine = next((row for row in waiting.tokens if row.person == user.email), None)
        if mine is None:
            if not has_permission(user, OVERRIDE, tenant=execution.tenant):
                raise MayNotAnswer(
                    "Other people are asked here. Only they, and who manages the workspace, may answer."
                )
            mine = _stand_in(execution, path, user)
        _give(waiting, mine, given, user=user, ip=ip)
        also()


def why_not(token: WaitToken) -> NotAnswerable | None:
    """Why this token cannot be answered any more; None while it can (three SQL queries)."""
    try:
        _refuse(_read(token.execution_id, token.path, lock=False), token, clock.now())
    except NotAnswerable as reason:
        return reason
    return None


def may_answer(execution: WorkflowExecution, path: str, user: User) -> bool:
    """Whether the person is asked, or may decide in the place of those who are (two SQL queries)."""
    rows = WaitToken.objects.filter(execution_id=execution.pk, path=path, person=user.email)
    return rows.exists() or has_permission(user, OVERRIDE, tenant=execution.tenant)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A step that waits, with its tokens, all locked. `note` is None when it does not wait (any more)."""

    execution_id: uuid.UUID
    path: str
    note: dict[str, Any] | None
    tokens: list[WaitToken]

    @property
    def votes(self) -> list[Vote]:
        answered = [row for row in self.tokens if row.answered_at is not None]
        return [
            vote_of(row.answer) for row in sorted(answered, key=lambda row: (str(row.answered_at), row.pk))
        ]

    @property
    def vote(self) -> Vote | None:
        """The one that decided, while the run has not gone on with it yet."""
        decided = decide(self.votes, int(self.note.get("need", 1))) if self.note else None
        return vote_of(decided) if decided else None


def _read(execution_id: uuid.UUID, path: str, *, lock: bool) -> _Waiting:
    active = ActiveRun.objects.filter(pk=execution_id, cancel_requested=False)
    tokens = WaitToken.objects.filter(execution_id=execution_id, path=path).order_by("id")
    if lock:
        active, tokens = active.select_for_update(), tokens.select_for_update()
    found = active.first()
    note = found.cursor.get("waits", {}).get(path) if found else None
    asks = note if note and note.get("kind") == "approval" else None
    return _Waiting(execution_id, path, asks, list(tokens))


def _give(waiting: _Waiting, mine: WaitToken, given: Given, *, user: User | None, ip: str | None) -> None:
    now = clock.now()
    _refuse(waiting, mine, now)
    overrides = mine._state.adding
    vote = Vote(
        mine.person, given.approved, now.isoformat(), given.comment[:MAX_COMMENT], given.answers, overrides
    )
    mine.answer = {**vote.as_json(), **({"overrides": True} if overrides else {})}
    mine.answered_at = now
    mine.save()
    others = [row for row in waiting.tokens if row.pk != mine.pk]
    after = _Waiting(waiting.execution_id, waiting.path, waiting.note, [*others, mine])
    if after.vote is not None:
        left = WaitToken.objects.filter(execution_id=waiting.execution_id, path=waiting.path)
        left.filter(answered_at=None, closed_at=None).update(closed_at=now)
    signal(waiting.execution_id)
    execution = WorkflowExecution.objects.select_related("tenant").get(pk=waiting.execution_id)
    verb = "execution.approved" if given.approved else "execution.rejected"
    said = {"path": waiting.path, "person": mine.person, "in_place_of_those_asked": overrides}
    record(execution.tenant, user, verb, execution, after=said, ip=ip)
    dispatch.wake_engine_after_commit()


def _refuse(waiting: _Waiting, mine: WaitToken, now: datetime) -> None:
    """Raises NotAnswerable unless this token may be answered now."""
    if mine.answered_at is not None:
        raise AlreadyAnswered("This was answered already.", vote_of(mine.answer) if mine.answer else None)
    if waiting.vote is not None:
        raise AlreadyAnswered("This was answered already.", waiting.vote)
    if waiting.note is None:
        raise _why_over(waiting)
    if mine.closed_at is not None or (mine.expires_at is not None and mine.expires_at <= now):
        raise TimeIsUp("The time to answer is over.")


def _why_over(waiting: _Waiting) -> NotAnswerable:
    """Why a step does not wait any more: its record says so."""
    rows = StepExecution.objects.filter(execution_id=waiting.execution_id, path=waiting.path)
    ended = rows.values_list("port", "output").first()
    if ended and ended[0] in ("approved", "rejected"):
        return AlreadyAnswered("This was answered already.", vote_of(ended[1]) if ended[1] else None)
    if ended and ended[0] == "timeout":
        return TimeIsUp("The time to answer is over.")
    return RunHasEnded("The run has ended or was stopped, so there is nothing left to answer.")


def _stand_in(execution: WorkflowExecution, path: str, user: User) -> WaitToken:
    """A token of somebody who was not asked: made with the answer."""
    token = NewToken("APPROVAL", execution.pk, path, user.email)
    return WaitToken(
        id=token.id, tenant_id=execution.tenant_id, execution_id=execution.pk, path=path, kind="APPROVAL",
        token_hash=token.hash, person=user.email,
    )  # fmt: skip


# --- services -------------------------------------------------------------------------------------
def take_call(token: WaitToken, answer: dict[str, JSON]) -> None:
    """Keep what a service sent; the step goes on with it, or does once it begins. Call inside a transaction.

    Raises NotAnswerable.
    """
    now = clock.now()
    active = (
        ActiveRun.objects.select_for_update().filter(pk=token.execution_id, cancel_requested=False).first()
    )
    mine = WaitToken.objects.select_for_update().filter(pk=token.pk).first()
    if mine is None or mine.answered_at is not None:
        raise AlreadyAnswered("This address was called before, and takes one call only.")
    if active is None:
        raise RunHasEnded("The run that waited for this call has ended or was stopped.")
    if mine.closed_at is not None or (mine.expires_at is not None and mine.expires_at <= now):
        raise TimeIsUp("This call came too late: the run has gone on without it.")
    mine.answered_at, mine.answer = now, answer
    mine.save(update_fields=["answered_at", "answer"])
    signal(token.execution_id)
    dispatch.wake_engine_after_commit()
