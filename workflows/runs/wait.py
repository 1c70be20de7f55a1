"""Waiting for a run from outside the engine: a hook that answers when it is done, an API call with `?wait=`."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Literal

from automate.lib import clock
from automate.lib.jsontypes import JSON
from workflows.models import StepExecution, WorkflowExecution
from workflows.runs.outputs import resolve

FIRST_PAUSE_S = 0.01  # short runs end within a few milliseconds
LONGEST_PAUSE_S = 0.05


@dataclass(frozen=True)
class Outcome:
    """A run as it was when the waiting ended. `respond`: the output of its respond step, if it has come by one."""

    status: str
    output: JSON = None
    error: JSON = None
    respond: JSON = None

    @property
    def is_final(self) -> bool:
        return self.status in WorkflowExecution.FINAL

    @property
    def is_stuck(self) -> bool:
        """It goes on only when a person has answered."""
        return self.status == WorkflowExecution.Status.NEEDS_ATTENTION


def wait_for(
    execution_id: uuid.UUID, *, until: Literal["done", "respond"] = "done", timeout_s: float | None
) -> Outcome:
    """Look at the run until it has ended, needs a person, has answered (`until="respond"`), or the time is up.

    `timeout_s` in real seconds, None without limit. One or two SQL queries per look, at most 20 looks a second.
    Raises WorkflowExecution.DoesNotExist.
    """
    deadline = None if timeout_s is None else clock.monotonic() + timeout_s
    pause = FIRST_PAUSE_S
    while True:
        outcome = _look(execution_id, until)
        if outcome.is_final or outcome.is_stuck or outcome.respond is not None:
            return outcome
        left = LONGEST_PAUSE_S if deadline is None else deadline - clock.monotonic()
        if left <= 0:
            return outcome
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE_S)


def _look(execution_id: uuid.UUID, until: str) -> Outcome:
    row = WorkflowExecution.objects.values("tenant_id", "status", "output", "error").get(pk=execution_id)
    respond = _respond(execution_id) if until == "respond" else None
    output = resolve(row["output"], row["tenant_id"], execution_id)
    return Outcome(row["status"], output, row["error"], respond)


def _respond(execution_id: uuid.UUID) -> JSON:
    rows = StepExecution.objects.filter(
        execution_id=execution_id, step_type="RESPOND", step_status=StepExecution.Status.COMPLETED
    )
    found = rows.order_by("id").values_list("tenant_id", "output").first()
    return None if found is None else resolve(found[1], found[0], execution_id)
