"""What an approval asks, as people read it: out of the run that waits, or out of what is left of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automate.lib.jsontypes import JSON
from workflows.models import ActiveRun, StepExecution, WaitToken, WorkflowExecution
from workflows.runs.program import programs


@dataclass(frozen=True)
class Question:
    """`message` may be any value; None when it is not kept any more. `person`: whom the link was sent to."""

    execution_id: uuid.UUID
    path: str
    title: str
    workflow: str
    workspace: str
    message: JSON
    asked: tuple[str, ...]
    need: int
    schema: Any
    asked_at: datetime | None
    until: datetime | None
    is_test: bool
    person: str = ""
    started_by: str = ""
    run_number: int | None = None

    @property
    def is_text(self) -> bool:
        return isinstance(self.message, str)

    @property
    def has_message(self) -> bool:
        return self.message not in (None, "", [], {})

    @property
    def others(self) -> int:
        """How many are asked besides this person."""
        return len([person for person in self.asked if person != self.person])


def question_of(token: WaitToken) -> Question | None:
    """The question behind a link (four SQL queries); None when its run is gone."""
    rows = WorkflowExecution.objects.for_tenant(token.tenant_id).select_related("template", "tenant")
    execution = rows.defer("input", "output").filter(pk=token.execution_id).first()
    if execution is None:
        return None
    active = ActiveRun.objects.filter(pk=execution.pk).first()
    note = active.cursor.get("waits", {}).get(token.path) if active else None
    return question_at(execution, token.path, note, token=token)


def question_at(
    execution: WorkflowExecution, path: str, note: dict[str, Any] | None, *, token: WaitToken | None = None
) -> Question:
    """The question of a step; `note` is what the run's queue row says of it, None when it waits no longer."""
    program = programs.get({execution.version_id}).get(execution.version_id)
    step = program.graph.steps.get(path.rsplit(".", 1)[-1]) if program else None
    given = note.get("input") if note else _recorded(execution, path)
    shown: dict[str, Any] = given if isinstance(given, dict) else {}
    return Question(
        execution_id=execution.pk,
        path=path,
        title=(step.name if step else "") or "Approval",
        workflow=execution.template.name,
        workspace=execution.tenant.name,
        message=shown.get("message"),
        asked=tuple(shown.get("asked") or ()),
        need=int((note or {}).get("need") or 1),
        schema=step.config.get("fields") if step else None,
        asked_at=_moment((note or {}).get("started_at")) or (token.created_at if token else None),
        until=_moment((note or {}).get("until")),
        is_test=execution.is_test,
        person=token.person if token else "",
        started_by=_starter(execution),
        run_number=execution.number,
    )


def _recorded(execution: WorkflowExecution, path: str) -> JSON:
    rows = StepExecution.objects.for_tenant(execution.tenant_id).filter(execution=execution, path=path)
    found: JSON = rows.filter(is_encrypted=False).values_list("input", flat=True).first()
    return found


def _starter(execution: WorkflowExecution) -> str:
    from accounts.models import User

    if execution.started_by is None:
        return ""
    person = User.objects.filter(pk=execution.started_by).first()
    return person.shown_name if person else ""


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
