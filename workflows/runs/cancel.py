"""Stopping runs: at once when they wait, after the step under way when they run."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from automate.lib import clock
from workflows.engine.outcome import StepError
from workflows.models import ActiveRun, WorkflowExecution, WorkflowVersion


def cancel(execution: WorkflowExecution, *, by: User | None) -> bool:
    """Stop a run and the sub-workflows it waits for. False when it had ended already."""
    with transaction.atomic():
        stopped = stop(execution.pk)
        if stopped:
            record(execution.tenant, by, "execution.cancelled", execution)
    return stopped


def stop(execution_id: uuid.UUID, *, at_once: bool = False) -> bool:
    """Call inside a transaction. `at_once`: also when a worker holds the run; what it still does is not recorded."""
    active = ActiveRun.objects.select_for_update().filter(pk=execution_id).first()
    if active is None:
        return False
    for child in WorkflowExecution.objects.filter(parent_id=execution_id).exclude(
        status__in=WorkflowExecution.FINAL
    ):
        if not child.options.get("detached"):
            stop(child.pk)
    if active.state == ActiveRun.State.RUNNING and not at_once:
        active.cancel_requested = True
        active.save(update_fields=["cancel_requested"])
        return True
    _close(active)
    return True


def stop_all(runs: Collection[str]) -> None:
    """Stop these runs, each in a transaction of its own."""
    for run in runs:
        with transaction.atomic():
            stop(uuid.UUID(run))


def _close(active: ActiveRun) -> None:
    now = clock.now()
    execution = WorkflowExecution.objects.get(pk=active.execution_id)
    execution.status = WorkflowExecution.Status.CANCELLED
    execution.error = StepError("The run was stopped by a person.", "cancelled").as_json()
    execution.completed_at = now
    execution.seq = active.seq + 1
    if execution.started_at:
        execution.execution_time_ms = int((now - execution.started_at).total_seconds() * 1000)
    fields = ["status", "error", "completed_at", "seq", "execution_time_ms"]
    if _keeps_nothing(execution):
        execution.input = execution.output = None
        fields += ["input", "output"]
        execution.steps.update(input=None, output=None, request_log=None)
    execution.save(update_fields=fields)
    active.delete()
    if execution.parent_id:
        signal(execution.parent_id)


def _keeps_nothing(execution: WorkflowExecution) -> bool:
    rows = WorkflowVersion.objects.filter(pk=execution.version_id)
    settings = rows.values_list("workflow_data__settings", flat=True).first()
    return isinstance(settings, dict) and settings.get("keep_data") == "nothing"


def signal(execution_id: uuid.UUID) -> None:
    """Tell a waiting run that something it waits for has happened; call inside a transaction."""
    active = ActiveRun.objects.select_for_update().filter(pk=execution_id).first()
    if active is None:
        return
    active.signals += 1
    if active.state in (ActiveRun.State.WAITING, ActiveRun.State.ATTENTION):
        active.state = ActiveRun.State.READY
        active.run_at = clock.now()
    active.save(update_fields=["signals", "state", "run_at"])
