"""Two weeks of runs that were never made, for pictures of pages that show days and weeks.

`manage.py shell -c "from tools.history import fill; fill('<workspace>')"` in an installation that is thrown away.
"""

from __future__ import annotations

import math
import random
import uuid
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from accounts.models import Membership, Tenant, User
from automate.lib import clock
from automate.lib.ids import first_id_at
from workflows.models import Deployment, RunHour, WorkflowCounter, WorkflowExecution

DAYS: Final = 28
USUAL: Final = (190, 130, 70, 45, 25, 14, 8)  # runs a working day, of the first, the second … workflow
FAILING: Final = 0.02
Status = WorkflowExecution.Status


def fill(slug: str) -> None:
    """Runs of every published workflow of the workspace, up to an hour ago; the same numbers each time."""
    tenant = Tenant.objects.get(slug=slug)
    Tenant.objects.filter(pk=tenant.pk).update(name="Northwind Ops")
    User.objects.filter(memberships__tenant=tenant).update(name="Ada Okafor")
    Membership.objects.filter(tenant=tenant).update(guide_hidden=True)
    chance = random.Random(7)
    deployments = list(Deployment.objects.for_tenant(tenant).filter(version__isnull=False).order_by("id"))
    for place, deployment in enumerate(deployments):
        _fill(deployment, USUAL[min(place, len(USUAL) - 1)], chance)


def _fill(deployment: Deployment, usual: int, chance: random.Random) -> None:
    now = clock.now()
    moments = sorted(
        moment for day in range(DAYS) for moment in _day(now - timedelta(days=day), usual, chance)
    )
    runs = [_run(deployment, moment, chance) for moment in moments if moment < now - timedelta(hours=1)]
    real = list(deployment.template.executions.order_by("id"))
    for number, run in enumerate([*runs, *real], 1):
        run.number = number
    WorkflowExecution.objects.bulk_create(runs, batch_size=500)
    WorkflowExecution.objects.bulk_update(real, ["number"])
    last = len(runs) + len(real)
    WorkflowCounter.objects.filter(template=deployment.template).update(last_number=last)
    _count(deployment, runs)


def _day(day: datetime, usual: int, chance: random.Random) -> list[datetime]:
    """Fewer at the weekend, most of them around noon, and a little more from week to week."""
    quiet = 0.45 if day.weekday() >= 5 else 1.0
    many = usual * quiet * chance.uniform(0.8, 1.15)
    hours = [min(max(chance.gauss(12.5, 3.6), 0.1), 23.8) for _ in range(int(many))]
    return [day.replace(hour=0, minute=0) + timedelta(hours=hour) for hour in hours]


def _run(deployment: Deployment, moment: datetime, chance: random.Random) -> WorkflowExecution:
    is_failed = chance.random() < FAILING
    took_ms = int(math.exp(chance.gauss(6.6, 0.7)))
    values: dict[str, Any] = {"input": {}, "error": None}
    if is_failed:
        words = "The service answered 503 Service Unavailable, four times within 20 s."
        values["error"] = {"message": words, "code": "http", "retryable": True, "status": 503}
    return WorkflowExecution(
        id=uuid.UUID(int=first_id_at(moment).int | 7 << 76 | 2 << 62 | chance.getrandbits(62)),
        tenant_id=deployment.tenant_id, template_id=deployment.template_id, version_id=deployment.version_id,
        deployment=deployment, trigger_type="WEBHOOK", status=Status.FAILED if is_failed else Status.COMPLETED,
        is_failed=is_failed, created_at=moment, started_at=moment, execution_time_ms=took_ms,
        completed_at=moment + timedelta(milliseconds=took_ms), attempt=1, **values,
    )  # fmt: skip


def _count(deployment: Deployment, runs: list[WorkflowExecution]) -> None:
    hours = {int(run.created_at.timestamp()) // 3600 for run in runs}
    every, bad, time = Counter[int](), Counter[int](), Counter[int]()
    for run in runs:
        hour = int(run.created_at.timestamp()) // 3600
        every[hour] += 1
        bad[hour] += run.is_failed
        time[hour] += 0 if run.is_failed else run.execution_time_ms or 0
    RunHour.objects.bulk_create(
        RunHour(
            tenant_id=deployment.tenant_id, template_id=deployment.template_id, hour=hour,
            runs=every[hour], failed=bad[hour], succeeded=every[hour] - bad[hour], total_ms=time[hour],
        )
        for hour in hours
    )  # fmt: skip
