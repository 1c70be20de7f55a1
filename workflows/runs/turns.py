"""Runs that are held until an earlier one ends: who may go on next, and the older ones that a newer one replaces.

`settle` decides under a lock that starts take as well, so no more runs go on than may. It is called after every commit
that ends a run with a key, and by the sweep for whatever was missed: a run that is held while nothing holds it up
goes on within seconds.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import Tenant
from automate.lib import clock
from workflows.models import ActiveRun, Deployment, RunEvent
from workflows.runs import dispatch
from workflows.runs.store import TEST_PRIORITY

MAX_PROMOTED: Final = 500  # by one call; the next one goes on
REPLACED: Final = (
    "A newer run of this workflow was started. Its settings say that the older one is stopped then."
)
State = ActiveRun.State
Place = tuple[int, datetime | None, uuid.UUID]  # priority, held since, run

log = logging.getLogger(__name__)


def lock(key: str) -> None:
    """Until the end of the transaction nobody else starts or settles runs of this key. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))


def of_key(key: str) -> QuerySet[ActiveRun]:
    """Runs of a key; the exclusion lets SQLite use their index."""
    return ActiveRun.objects.exclude(concurrency_key="").filter(concurrency_key=key)


def unfinished(key: str) -> QuerySet[ActiveRun]:
    """Runs of a key that have begun or may begin."""
    return of_key(key).exclude(state=State.HELD)


def has_held(key: str) -> bool:
    return of_key(key).filter(state=State.HELD).exists()


def places_of(tenant_id: uuid.UUID, workspace_limit: int | None) -> int | None:
    """How many more runs a workspace may have at work; None: any number."""
    if workspace_limit is None:
        return None
    at_work = ActiveRun.objects.filter(tenant_id=tenant_id, state__in=[State.READY, State.RUNNING])
    return workspace_limit - at_work.exclude(priority=TEST_PRIORITY).count()


def is_workspace_full(tenant_id: uuid.UUID, workspace_limit: int | None) -> bool:
    places = places_of(tenant_id, workspace_limit)
    return places is not None and places <= 0


@dataclass
class Turn:
    """What is to be done: runs that may go on, and older ones that a newer one replaces."""

    next: list[Place] = field(default_factory=list)
    replaced: list[uuid.UUID] = field(default_factory=list)


def settle(tenant_id: uuid.UUID, keys: Collection[str]) -> int:
    """Let held runs of these keys go on as far as their limits allow; gives how many did. Not inside a transaction."""
    limit = Tenant.objects.filter(pk=tenant_id).values_list("max_parallel_runs", flat=True).first() or None
    with transaction.atomic():
        if limit is not None:
            lock(f"t:{tenant_id}")
            keys = _held_keys(tenant_id)
        turn = Turn()
        for key in sorted(keys):
            if limit is None:
                lock(key)
            _decide(key, turn)
        chosen = sorted(turn.next, key=_order)[: _cut(places_of(tenant_id, limit))]
        moved = ActiveRun.objects.filter(pk__in=[pk for *_, pk in chosen], state=State.HELD).update(
            state=State.READY, run_at=clock.now()
        )
    _stop(turn.replaced)
    if moved:
        dispatch.wake_engine()
    return moved


def settle_all() -> int:
    """For the sweep: every key that holds somebody (one SQL query when none does)."""
    held: dict[uuid.UUID, set[str]] = {}
    rows = ActiveRun.objects.exclude(concurrency_key="").filter(state=State.HELD)
    for tenant_id, key in rows.values_list("tenant_id", "concurrency_key").distinct():
        held.setdefault(tenant_id, set()).add(key)
    return sum(settle(tenant_id, keys) for tenant_id, keys in held.items())


def settle_after(freed: Iterable[tuple[uuid.UUID, str]]) -> None:
    """After runs of these (tenant, key) have ended or wait. Never fails: the sweep does what could not be done."""
    by_tenant: dict[uuid.UUID, set[str]] = {}
    for tenant_id, key in freed:
        by_tenant.setdefault(tenant_id, set()).add(key)
    for tenant_id, keys in by_tenant.items():
        try:
            settle(tenant_id, keys)
        except Exception as error:  # noqa: BLE001 - a run that has ended must not fail by what comes after it
            log.warning("held runs could not go on yet: %s", type(error).__name__)


def _order(place: Place) -> tuple[int, float, uuid.UUID]:
    priority, held_since, run = place
    return priority, held_since.timestamp() if held_since else 0.0, run


def _cut(places: int | None) -> int:
    return MAX_PROMOTED if places is None else min(max(places, 0), MAX_PROMOTED)


def _held_keys(tenant_id: uuid.UUID) -> set[str]:
    rows = ActiveRun.objects.exclude(concurrency_key="").filter(tenant_id=tenant_id, state=State.HELD)
    return set(rows.values_list("concurrency_key", flat=True).distinct())


def _decide(key: str, turn: Turn) -> None:
    """By what is published now, which may be another version than that of the runs."""
    held = of_key(key).filter(state=State.HELD).order_by("priority", "run_at", "pk")
    waiting = list(held.values_list("priority", "run_at", "pk")[:MAX_PROMOTED])
    if not waiting:
        return
    limit, overlap = rule_of(key)
    if limit is None:
        turn.next += waiting
        return
    if overlap == "restart":
        waiting = _replace(key, limit, turn)
    room = limit - unfinished(key).count()
    turn.next += waiting[: max(room, 0)]


def rule_of(key: str) -> tuple[int | None, str]:
    """How many runs of a key may be unfinished (None: any number), and what becomes of a start beyond that.

    By what is published now (one SQL query for keys of a deployment).
    """
    from workflows.runs.policies import policy_from

    kind, _, deployment = key.partition(":")
    if kind != "d":
        return None, "parallel"
    rows = Deployment.objects.filter(pk=deployment)
    found = rows.values_list("version__workflow_data__settings", flat=True).first()
    policy = policy_from(found, None)
    return policy.limit, policy.overlap


def _replace(key: str, limit: int, turn: Turn) -> list[Place]:
    """The newest starts win: those that stay held are given, all older runs are to be stopped."""
    newest_first = of_key(key).order_by("-pk").values_list("pk", "state", "priority", "run_at")
    staying = list(newest_first[:limit])
    turn.replaced += [pk for pk, *_ in newest_first[limit : limit + MAX_PROMOTED]]
    return [(priority, run_at, pk) for pk, state, priority, run_at in staying if state == State.HELD]


def _stop(runs: Collection[uuid.UUID]) -> None:
    """Stop older runs; each one that ends by it settles its key again."""
    from workflows.runs.cancel import stop_replaced

    for run in runs:
        stop_replaced(run, REPLACED)


def note_replaced(active: ActiveRun, message: str) -> None:
    """Say why a run was stopped that nobody has stopped by hand."""
    RunEvent.objects.create(
        tenant_id=active.tenant_id, template_id=active.workflow_id, execution_id=active.pk,
        kind=RunEvent.Kind.REPLACED, message=message, at=clock.now(),
    )  # fmt: skip


def why_replaced(workflow_id: uuid.UUID, execution_id: uuid.UUID) -> str | None:
    """The sentence of `note_replaced`; None for a run that no newer one replaced."""
    rows = RunEvent.objects.filter(
        template_id=workflow_id, execution_id=execution_id, kind=RunEvent.Kind.REPLACED
    )
    return rows.values_list("message", flat=True).first()
