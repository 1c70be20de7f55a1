"""Runs that are to leave no trace: stopped, and their rows removed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from workflows.models import (
    ActiveRun,
    Blob,
    DueWipe,
    RunText,
    StepExecution,
    WaitNotice,
    WaitToken,
    WorkflowExecution,
)
from workflows.runs.blobs import drop_blobs
from workflows.runs.cancel import stop

BATCH = 500  # runs whose rows go in one transaction
STEP_BATCH = 5_000


def delete_runs(runs: QuerySet[WorkflowExecution]) -> int:
    """Remove these runs with their steps, wait tokens and files, in batches; gives how many there were.

    What is under way stops, also when a worker holds it: whatever it still does is not recorded. Sub-workflows of a
    run stop with it, and a run that waits for one of these goes on as after a failed sub-workflow. Receipts and events
    stay. Outside a transaction each batch has its own, so nobody waits long.
    """
    count = 0
    while batch := list(runs.order_by("id").values_list("id", flat=True)[:BATCH]):
        remove(batch)
        count += len(batch)
    return count


def remove(batch: Sequence[uuid.UUID]) -> None:
    """These runs, with all that belongs to them; some hundred at most."""
    # One at a time, each in its own transaction: two locks held by us could meet two held by a worker.
    for run in ActiveRun.objects.filter(pk__in=batch).values_list("pk", flat=True):
        with transaction.atomic():
            stop(run, at_once=True)
    _drop_steps(batch)
    with transaction.atomic():
        _drop(WaitToken.objects.filter(execution_id__in=batch))
        _drop(WaitNotice.objects.filter(execution_id__in=batch))
        _drop(RunText.objects.filter(execution_id__in=batch))
        _drop(DueWipe.objects.filter(execution_id__in=batch))
        drop_blobs(Blob.objects.filter(execution_id__in=batch))
        WorkflowExecution.objects.filter(parent_id__in=batch).update(parent=None)
        _drop(WorkflowExecution.objects.filter(pk__in=batch))


def _drop_steps(batch: Sequence[uuid.UUID]) -> None:
    """A run may have 200,000 of them: some at a time, so that no transaction takes long."""
    steps = StepExecution.objects.filter(execution_id__in=batch)
    while some := list(steps.values_list("pk", flat=True)[:STEP_BATCH]):
        _drop(StepExecution.objects.filter(pk__in=some))


def _drop(rows: QuerySet[Any]) -> None:
    """One statement, without looking for rows that depend on these: they are gone already."""
    rows._raw_delete(rows.db)
