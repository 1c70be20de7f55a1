"""Stopping runs: at once when they wait, after the step under way when they run.

Stopping locks a run before its sub-workflows, ending locks a sub-workflow before the run that waits for it: should two
meet, the database ends one of them, and stopping is what is tried again.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Collection
from typing import Final, TypeVar

from django.db import OperationalError, connection, transaction

from accounts.audit import record
from accounts.models import User
from automate.lib import clock
from workflows.engine.outcome import StepError
from workflows.models import ActiveRun, WorkflowExecution
from workflows.runs import turns
from workflows.runs.wiping import keeps_nothing, wipe

BY_A_PERSON: Final = "The run was stopped by a person."
TRIES: Final = 6  # of a transaction that met another one
_MET: Final = frozenset({"40P01", "40001"})  # PostgreSQL's deadlock_detected and serialization_failure
T = TypeVar("T")


def cancel(execution: WorkflowExecution, *, by: User | None) -> bool:
    """Stop a run and the sub-workflows it waits for. False when it had ended already."""

    def work() -> bool:
        with transaction.atomic():
            stopped = stop(execution.pk)
            if stopped:
                record(execution.tenant, by, "execution.cancelled", execution)
        return stopped

    return retrying(work)


def retrying(work: Callable[[], T]) -> T:
    """Do a transaction, again when the database ended it because it and another one waited for each other.

    Inside a transaction of the caller it is done once, since only the whole can be repeated.
    """
    for left in range(TRIES, 1, -1):
        try:
            return work()
        except OperationalError as error:
            if connection.in_atomic_block or getattr(error.__cause__, "sqlstate", None) not in _MET:
                raise
            time.sleep(random.uniform(0.01, 0.1) * (TRIES - left + 1))  # noqa: S311 - so that they do not meet again
    return work()


def stop(execution_id: uuid.UUID, *, at_once: bool = False, why: str = BY_A_PERSON) -> bool:
    """Call inside a transaction. `at_once`: also when a worker holds the run; what it still does is not recorded."""
    active = ActiveRun.objects.select_for_update().filter(pk=execution_id).first()
    if active is None:
        return False
    for child in WorkflowExecution.objects.filter(parent_id=execution_id).exclude(
        status__in=WorkflowExecution.FINAL
    ):
        if not child.options.get("detached"):
            stop(child.pk, why=why)
    if active.state == ActiveRun.State.RUNNING and not at_once:
        active.cancel_requested = True
        active.save(update_fields=["cancel_requested"])
        return True
    _close(active, why)
    return True


def stop_replaced(execution_id: uuid.UUID, why: str) -> None:
    """Stop a run because a newer one takes its place, once, in a transaction of its own."""

    def work() -> None:
        with transaction.atomic():
            active = ActiveRun.objects.select_for_update().filter(pk=execution_id).first()
            if active is not None and not active.cancel_requested:
                turns.note_replaced(active, why)
                stop(execution_id, why=why)

    retrying(work)


def stop_all(runs: Collection[str]) -> None:
    """Stop these runs, each in a transaction of its own."""
    for run in runs:
        retrying(lambda run=run: _stop_alone(uuid.UUID(run)))  # type: ignore[misc]  # a default that binds the loop's name


def _stop_alone(run: uuid.UUID) -> None:
    with transaction.atomic():
        stop(run)


def _close(active: ActiveRun, why: str) -> None:
    now = clock.now()
    execution = WorkflowExecution.objects.get(pk=active.execution_id)
    execution.status = WorkflowExecution.Status.CANCELLED
    execution.error = StepError(why, "cancelled").as_json()
    execution.completed_at = now
    execution.seq = active.seq + 1
    if execution.started_at:
        execution.execution_time_ms = int((now - execution.started_at).total_seconds() * 1000)
    execution.save(update_fields=["status", "error", "completed_at", "seq", "execution_time_ms"])
    if keeps_nothing(execution.pk):
        wipe([execution.pk])
    tenant_id, key = active.tenant_id, active.concurrency_key
    active.delete()
    if key:
        transaction.on_commit(lambda: turns.settle_after([(tenant_id, key)]))
    if execution.parent_id:
        signal(execution.parent_id)


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
