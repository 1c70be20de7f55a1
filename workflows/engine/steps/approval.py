"""Asks people, and goes on with what they decide.

Here the question is worked out, and what the answers so far come to; who the people are is looked up at the edge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from automate.lib.jsontypes import JSON
from workflows.engine.document import Step
from workflows.engine.form_fields import fields_of
from workflows.engine.outcome import AskPeople, Outcome
from workflows.engine.steps.context import StepContext, StepFault
from workflows.engine.steps.durations import seconds

MAX_ASSIGNEES: Final = 100  # groups and roles are counted as one here
_SAMPLES: Final[dict[str, JSON]] = {"number": 1, "integer": 1, "checkbox": True, "date": "2026-01-31"}


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's answer. `overrides`: of somebody who may decide for all, without having been asked."""

    by: str
    approved: bool
    at: str
    comment: str = ""
    answers: JSON = None
    overrides: bool = False

    @property
    def moment(self) -> datetime | None:
        return datetime.fromisoformat(self.at) if self.at else None

    @property
    def word(self) -> str:
        return "approved" if self.approved else "rejected"

    def as_json(self) -> dict[str, JSON]:
        decision = self.word
        return {
            "decision": decision, "by": self.by, "at": self.at, "comment": self.comment, "answers": self.answers,
        }  # fmt: skip


def begin(context: StepContext) -> Outcome:
    config = context.step.config
    names = assignees_of(context.value(config.get("assignees")))
    if not names:
        raise StepFault("Nobody is named who could answer. Fill in who may answer.")
    return AskPeople(
        message=context.value(config.get("message")),
        assignees=names,
        notify=_ways(context.setting("notify")),
        need=context.step.setting("need"),
        timeout_s=seconds(context, "timeout_s"),
        reminder_s=seconds(context, "reminder_s", at_least=60),
    )


def _ways(notify: JSON) -> tuple[JSON, ...]:
    """How they hear of it: by mail unless the step says otherwise."""
    return tuple(notify) if isinstance(notify, list) and notify else ("email",)


def assignees_of(value: JSON) -> tuple[str, ...]:
    """Names out of a list, or out of text with commas, semicolons or lines between them; each once.

    Raises StepFault for anything else.
    """
    parts = re.split(r"[,;\n]", value) if isinstance(value, str) else value
    if parts is None:
        return ()
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise StepFault(
            "Who may answer must be e-mail addresses or names of groups or roles, as a list or with commas between."
        )
    found = tuple(dict.fromkeys(part.strip() for part in parts if isinstance(part, str) and part.strip()))
    if len(found) > MAX_ASSIGNEES:
        raise StepFault(
            f"More than {MAX_ASSIGNEES} people and groups are asked. Name a group in their place."
        )
    return found


def needed(need: int | Literal["any", "all"], people: int) -> int:
    """How many must approve. Raises StepFault when more are wanted than are asked."""
    if need == "all":
        return people
    number = 1 if need == "any" else need
    if number > people:
        asked = "one person is" if people == 1 else f"{people} people are"
        raise StepFault(
            f"{number} people must approve, but only {asked} asked. Ask more people, or need fewer."
        )
    return number


def decide(votes: Iterable[Vote], need: int) -> dict[str, JSON] | None:
    """The step's output once the votes, in the order they came, decide; None while they do not.

    One rejection rejects; an overriding vote decides alone. `by` is who had the last word.
    """
    seen: list[JSON] = []
    approvals = 0
    for vote in votes:
        seen.append(vote.as_json())
        approvals += vote.approved
        if not vote.approved or vote.overrides or approvals >= need:
            return {**vote.as_json(), "responses": seen}
    return None


def no_answer(at: str, votes: Iterable[Vote]) -> dict[str, JSON]:
    """The output on the port `timeout`."""
    seen: list[JSON] = [vote.as_json() for vote in votes]
    return {"decision": "timeout", "by": None, "at": at, "comment": "", "answers": None, "responses": seen}


def sample(step: Step, by: str, at: str) -> dict[str, JSON]:
    """What the step gives when it is tried out alone: approved by whoever tries it."""
    answers: dict[str, JSON] = {
        field.key: _sample_of(field) for field in fields_of(step.config.get("fields"))
    }
    vote = Vote(by, approved=True, at=at, answers=answers if answers else None)
    return {**vote.as_json(), "responses": [vote.as_json()]}


def _sample_of(field: Any) -> JSON:
    if field.default is not None:
        default: JSON = field.default
        return default
    first: JSON = next(iter(field.choices), None)
    return first if field.choices else _SAMPLES.get(field.kind, "text")
