"""A person says what became of an unsafe step whose outcome nobody knows."""

from __future__ import annotations

from typing import Literal

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from automate.lib.jsontypes import JSON
from workflows.errors import WorkflowError
from workflows.models import ActiveRun, WorkflowExecution
from workflows.runs import dispatch
from workflows.runs.cancel import signal

Answer = Literal["rerun", "done", "fail"]


class NothingToAnswer(WorkflowError):
    """The run does not ask about this step, or no longer."""


def answer_unknown(
    execution: WorkflowExecution, path: str, answer: Answer, *, output: JSON = None, by: User | None
) -> None:
    """Let the run go on: send the step again, take it as done with this output, or take it as failed.

    Raises NothingToAnswer; a second answer is one.
    """
    with transaction.atomic():
        active = ActiveRun.objects.select_for_update().filter(pk=execution.pk).first()
        note = (active.cursor.get("waits", {}) if active else {}).get(path)
        if (
            active is None
            or note is None
            or note.get("kind") != "ask"
            or path in active.cursor.get("answers", {})
        ):
            raise NothingToAnswer(f"The step `{path}` of this run waits for no answer.")
        if active.state == ActiveRun.State.RUNNING:  # its worker would write over the answer
            raise NothingToAnswer("The run is busy with another step just now. Answer again in a moment.")
        active.cursor.setdefault("answers", {})[path] = {"answer": answer, "output": output}
        active.save(update_fields=["cursor"])
        signal(execution.pk)
        record(execution.tenant, by, f"execution.answered_{answer}", execution, after={"path": path})
        dispatch.wake_engine_after_commit()
