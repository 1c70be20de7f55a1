"""The sweep: gives back what dead workers held, wakes what is due, lets held runs go on, and rings for what is ready."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from automate.lib import clock
from workflows.models import ActiveRun, RunEvent, TriggerReceipt, WorkerLease
from workflows.runs import dispatch, turns
from workflows.runs.failpoints import failpoint

SWEEP_EVERY_S = 2.0
FORGET_LEASES_AFTER = timedelta(hours=1)
KEEP_RECEIPTS = timedelta(days=2)  # SECURITY R6 asks for 24 hours
State = ActiveRun.State


def sweep(now: datetime | None = None) -> int:
    """One tick. Harmless however many schedulers run it: every change is conditional. Gives the number of runs moved."""
    now = now or clock.now()
    moved = _give_back(now) + wake_due(now) + turns.settle_all()
    if moved or ActiveRun.objects.filter(state=State.READY, run_at__lte=now).exists():
        dispatch.wake_engine()
    return moved


def wake_due(now: datetime) -> int:
    """Waits that are over become ready."""
    due = ActiveRun.objects.filter(state__in=[State.WAITING, State.ATTENTION], run_at__lte=now)
    return due.update(state=State.READY)


def wake_due_now() -> None:
    """Between two sweeps: wake what is due, and ring for it."""
    if wake_due(clock.now()):
        failpoint("wake.after_commit")
        dispatch.wake_engine()


def _give_back(now: datetime) -> int:
    """Runs whose worker has not been heard of for a lease become ready again; the next claim raises `attempt`.

    Leases go by the database's clock, which is the same for all machines and never simulated.
    """
    alive = WorkerLease.objects.filter(
        beat_at__gt=Now() - timedelta(seconds=settings.AUTOMATE_LEASE_S)
    ).values("id")
    with transaction.atomic():
        orphans = ActiveRun.objects.filter(state=State.RUNNING).exclude(worker__in=alive)
        lost = list(orphans.values_list("execution_id", "tenant_id", "workflow_id", "worker"))
        if not lost:
            return 0
        moved = orphans.update(state=State.READY, run_at=now)
        RunEvent.objects.bulk_create(
            RunEvent(
                tenant_id=tenant_id, template_id=workflow_id, execution_id=run, kind=RunEvent.Kind.RECOVERED, at=now,
                message=f"The worker {worker} stopped answering. The run goes on after its last finished step.",
            )
            for run, tenant_id, workflow_id, worker in lost
        )  # fmt: skip
        failpoint("sweep.before_commit")
    failpoint("sweep.after_commit")
    return moved


def tidy(now: datetime | None = None) -> None:
    """Forget leases and receipts that nobody can need any more; called every few minutes."""
    now = now or clock.now()
    WorkerLease.objects.filter(beat_at__lt=Now() - FORGET_LEASES_AFTER).delete()
    TriggerReceipt.objects.filter(created_at__lt=now - KEEP_RECEIPTS).delete()
