"""What a run waits for outside: people who approve, services that call. Who they are, until when, and how to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse

from accounts.permissions import permissions_of
from workflows.ingress.approvals import Answering
from workflows.models import WaitNotice, WaitToken
from workflows.runs.answers import OVERRIDE
from workflows.runs.asking import vote_of
from workflows.runs.questions import Question, question_at
from workflows.runs.tokens import address
from workflows.views.run_states import moment
from workflows.views.run_words import item_words

if TYPE_CHECKING:
    from workflows.views.run_room import RunRoom

NAMED: Final = 3
SHOWN: Final = 5  # of many at once, as in a loop; the others are found by their steps


@dataclass(frozen=True)
class Asked:
    """One of the people. `link` is theirs alone, so only those see it who may decide for them."""

    person: str
    answer: str = ""
    trouble: str = ""
    link: str = ""


@dataclass(frozen=True)
class Waiting:
    """One step. `answering` is there for those who may answer; `for_others`: they decide in the place of others."""

    path: str
    title: str
    url: str
    kind: str
    until: datetime | None
    question: Question | None = None
    people: tuple[Asked, ...] = ()
    answering: Answering | None = None
    for_others: bool = False
    decide_url: str = ""
    call_url: str = ""
    methods: str = ""
    problem: str = ""

    @property
    def people_words(self) -> str:
        """The first of them by name."""
        names = [asked.person + (f" ({asked.answer})" if asked.answer else "") for asked in self.people]
        more = len(names) - NAMED
        return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class Waits:
    shown: list[Waiting] = field(default_factory=list)
    more: int = 0


def waits(room: RunRoom) -> Waits:
    """The open waits of the run in the order of their paths (two SQL queries, none when nothing waits)."""
    paths = sorted(room.live.outside)
    if not paths or not room.program:
        return Waits()
    return Waits(_found(room, paths[:SHOWN]), max(len(paths) - SHOWN, 0))


def wait_at(room: RunRoom, path: str, given: Answering | None = None, problem: str = "") -> Waiting | None:
    """What this step waits for; `given` is an answer that could not be taken (two SQL queries, if it waits)."""
    if path not in room.live.outside or not room.program:
        return None
    found = _found(room, [path])[0]
    return replace(found, answering=given, problem=problem) if given is not None else found


def _found(room: RunRoom, paths: list[str]) -> list[Waiting]:
    rows = list(WaitToken.objects.filter(execution_id=room.execution.pk, path__in=paths).order_by("person"))
    troubles = _troubles(room, paths) if rows else {}
    return [_waiting(room, path, [row for row in rows if row.path == path], troubles) for path in paths]


def _troubles(room: RunRoom, paths: list[str]) -> dict[tuple[str, str], str]:
    rows = WaitNotice.objects.filter(execution_id=room.execution.pk, path__in=paths).exclude(error="")
    return {(path, to): error for path, to, error in rows.values_list("path", "to", "error")}


def _waiting(
    room: RunRoom, path: str, rows: list[WaitToken], troubles: Mapping[tuple[str, str], str]
) -> Waiting:
    note: dict[str, Any] = dict(room.live.waits[path])
    key = path.rsplit(".", 1)[-1]
    common: dict[str, Any] = {
        "path": path,
        "title": f"{room.names.numbered(key)}{item_words(room, path)}",
        "url": room.url_of(path),
        "kind": str(note["kind"]),
        "until": moment(note.get("until")),
    }
    if note["kind"] == "callback":
        return _callback(room, common, room.step(key).config, rows)
    return _approval(room, common, question_at(room.execution, path, note), rows, troubles)


def _callback(
    room: RunRoom, common: dict[str, Any], config: Mapping[str, Any], rows: list[WaitToken]
) -> Waiting:
    may_call = "execution.retry" in room.rights and bool(rows)
    methods = " or ".join(config.get("methods") or ["POST"])
    return Waiting(**common, call_url=address("CALLBACK", rows[0].pk) if may_call else "", methods=methods)


def _approval(
    room: RunRoom,
    common: dict[str, Any],
    question: Question,
    rows: list[WaitToken],
    troubles: Mapping[tuple[str, str], str],
) -> Waiting:
    me = room.membership.user.email
    manages = OVERRIDE in permissions_of(room.membership.role)
    mine = next((row for row in rows if row.person == me), None)
    may_answer = manages if mine is None else mine.answered_at is None
    people = tuple(
        Asked(
            row.person,
            _answer_words(row),
            troubles.get((row.path, row.person), ""),
            address("APPROVAL", row.pk) if manages and row.answered_at is None else "",
        )
        for row in rows
    )
    prefix = f"ask-{common['path'].replace('.', '-').replace('[', '-').replace(']', '')}"
    return Waiting(
        **common,
        question=question,
        people=people,
        answering=Answering.of(question, prefix=prefix) if may_answer else None,
        for_others=mine is None,
        decide_url=reverse("workflows:run-decide", args=[room.execution.pk, common["path"]]),
    )


def _answer_words(row: WaitToken) -> str:
    if row.answered_at is None:
        return ""
    return "approved" if vote_of(row.answer).approved else "rejected"
