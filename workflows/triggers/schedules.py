"""Schedules: when they fire, and the tick that starts what is due, each instant exactly once.

Which fires count as missed: if the oldest one due is not older than `ON_TIME_S`, all due ones start. Otherwise the
scheduler was down, and the trigger's `missed` decides: `last` starts once, for the newest; `all` starts every one;
`skip` starts none of the missed ones.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any

from django.db import DatabaseError, transaction

from automate.lib import clock, zones
from automate.lib.cron import BadCron, check_cron, explain, parse
from automate.lib.expressions import ExpressionError, Scope, evaluate
from automate.lib.jsontypes import JSON
from automate.lib.zones import check_zone
from workflows.errors import WorkflowError
from workflows.models import LiveTrigger, RunEvent, TriggerType
from workflows.runs.failpoints import failpoint
from workflows.runs.start import Receipt, start_run
from workflows.triggers.published import PublishedTrigger, published_trigger
from workflows.triggers.variables import variables_of

__all__ = [
    "BadCron",
    "check_cron",
    "check_schedule",
    "check_zone",
    "explain",
    "first_fire",
    "next_fires",
    "tick",
]

ON_TIME_S = 60  # a scheduler that restarts is back within this
MAX_STARTS_PER_TICK = 100  # of one trigger that catches up; the rest follow at the next tick
MAX_COUNTED = 1_000  # missed fires counted exactly; beyond that the event says "more than"
MAX_DUE_PER_TICK = 1_000

logger = logging.getLogger(__name__)
Fires = Callable[[datetime], Iterator[datetime]]  # after a moment, in order, all of them


@dataclass(frozen=True)
class Plan:
    """What one trigger does now: start runs for these instants, wake again then, and say that some were missed."""

    start: tuple[datetime, ...]
    next_at: datetime | None
    missed: tuple[datetime, ...] = ()
    missed_is_counted: bool = True


def next_fires(config: Mapping[str, Any], zone: str, after: datetime, n: int = 5) -> list[datetime]:
    """The next `n` moments (UTC) a schedule fires at after `after` (aware). `zone` serves if the config names none.

    Raises ValueError with a sentence for a bad expression, interval or zone.
    """
    return list(islice(_fires(config, zone)(after), n))


def first_fire(config: Mapping[str, Any], zone: str, after: datetime) -> datetime | None:
    """When a schedule published at `after` fires first. Raises ValueError."""
    return next(_fires(config, zone)(after), None)


def check_schedule(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Everything wrong with a schedule's config, as (field, sentence)."""
    faults: list[tuple[str, str | None]] = []
    if config.get("cron") is not None:
        faults.append(("cron", check_cron(config["cron"])))
    if config.get("time_zone") is not None:
        faults.append(("time_zone", check_zone(config["time_zone"])))
    return [(field, sentence) for field, sentence in faults if sentence]


def tick(now: datetime) -> int:
    """Start everything that is due at `now`; returns how many runs were started. Two schedulers do no harm.

    Costs one SQL query when nothing is due, and one transaction per due trigger.
    """
    due = (
        LiveTrigger.objects.due(now)
        .filter(type=TriggerType.SCHEDULED, is_off=False)
        .select_related("deployment", "tenant")
        .order_by("next_fire_at")[:MAX_DUE_PER_TICK]
    )
    return sum(_fire_safely(live, now) for live in due)


def _fires(config: Mapping[str, Any], zone: str) -> Fires:
    """Raises ValueError (BadCron is one)."""
    if config.get("cron") is not None:
        cron, where = parse(config["cron"]), zones.zone(config.get("time_zone") or zone)
        return lambda after: cron.fires(where, after)
    every_s = config.get("every_s")
    if not isinstance(every_s, int | float) or isinstance(every_s, bool) or every_s < 1:
        raise ValueError(
            "The schedule does not say when to start. Give `cron`, or `every_s` of at least 1 second."
        )
    step = timedelta(seconds=every_s)
    return lambda after: _every(step, after)


def _every(step: timedelta, after: datetime) -> Iterator[datetime]:
    while True:
        after += step
        yield after


# --- what is due ----------------------------------------------------------------------------------


def plan(config: Mapping[str, Any], zone: str, due: datetime, now: datetime) -> Plan:
    """Decide for a trigger whose next fire `due` has come (due ≤ now). Raises ValueError."""
    fires = _fires(config, zone)
    found = [due, *islice(takewhile(lambda at: at <= now, fires(due)), MAX_COUNTED)]
    counted = len(found) <= MAX_COUNTED
    on_time = timedelta(seconds=ON_TIME_S * max(clock.rate(), 1.0))
    if now - due <= on_time or config.get("missed") == "all":
        start = tuple(found[:MAX_STARTS_PER_TICK])
        return Plan(start, next(fires(start[-1]), None))
    newest = found[-1] if counted else _newest(config, fires, due, now)
    starts = config.get("missed", "last") == "last" or now - newest <= on_time
    missed = tuple(at for at in found if at != newest) if starts else tuple(found)
    return Plan((newest,) if starts else (), next(fires(newest), None), missed, counted)


def _newest(config: Mapping[str, Any], fires: Fires, due: datetime, now: datetime) -> datetime:
    """The last fire up to `now`, without walking through all of them."""
    if config.get("cron") is None:
        step = timedelta(seconds=config["every_s"])
        return due + step * ((now - due) // step)
    for window in (timedelta(hours=2), timedelta(days=2), timedelta(days=60), timedelta(days=800)):
        last = deque(takewhile(lambda at: at <= now, fires(max(due, now - window))), maxlen=1)
        if last:
            return last[0]
    return due


def _fire_safely(live: LiveTrigger, now: datetime) -> int:
    """A trigger that breaks something unforeseen stays due, and holds up no other."""
    try:
        return _fire(live, now)
    except DatabaseError:
        raise
    except Exception:
        logger.exception("schedule broke", extra={"live_trigger": str(live.pk)})
        return 0


def _fire(live: LiveTrigger, now: datetime) -> int:
    due = live.next_fire_at
    assert due is not None  # `due()` asks for both
    assert live.deployment is not None
    try:
        published = published_trigger(live.deployment.version_id, live.key)
        if published is None:
            raise ValueError("The published version has no such trigger. Publish the workflow again.")
        zone = published.settings.time_zone or live.tenant.time_zone
        decided = plan(published.trigger.config, zone, due, now)
        with transaction.atomic():
            count = _start(live, published, decided, due, now)
        failpoint("schedule.after_commit")
        return count
    except (ValueError, ExpressionError, WorkflowError) as error:
        logger.warning("schedule cannot fire", extra={"live_trigger": str(live.pk)}, exc_info=True)
        _switch_off(live, due, str(error), now)
        return 0


def _start(
    live: LiveTrigger, published: PublishedTrigger, decided: Plan, due: datetime, now: datetime
) -> int:
    """Claim by moving `next_fire_at`; whoever moved it starts the runs, in the same transaction."""
    changes: dict[str, Any] = {"next_fire_at": decided.next_at, "last_error": ""}
    if decided.start:
        changes["last_fired_at"] = decided.start[-1]
    claimed = LiveTrigger.objects.for_tenant(live.tenant_id).filter(
        pk=live.pk, next_fire_at=due, deployment__is_active=True
    )
    if not claimed.update(**changes):
        return 0
    assert live.deployment is not None
    results = [
        start_run(
            deployment=live.deployment,
            live_trigger=live,
            trigger=_payload(live, published, at, now),
            trigger_type=TriggerType.SCHEDULED.value,
            receipt=Receipt(dedup_key=f"at:{at.isoformat()}", body_hash=""),
        )
        for at in decided.start
    ]
    if decided.missed:
        _record_missed(live, published, decided)
    failpoint("schedule.before_commit")
    return sum(not (result.duplicate or result.is_skipped) for result in results)


def _payload(live: LiveTrigger, published: PublishedTrigger, at: datetime, now: datetime) -> dict[str, JSON]:
    trigger = published.trigger
    payload: dict[str, JSON] = {
        "type": trigger.type, "key": trigger.key, "at": now.isoformat(), "scheduled_at": at.isoformat()
    }  # fmt: skip
    given = trigger.config.get("input")
    body = (
        evaluate(given, Scope({"trigger": payload, "vars": variables_of(live)}, now=at))
        if given is not None
        else {}
    )
    return {**payload, "body": body}


def _record_missed(live: LiveTrigger, published: PublishedTrigger, decided: Plan) -> None:
    policy = published.trigger.config.get("missed", "last")
    count = f"{len(decided.missed):,}" if decided.missed_is_counted else f"More than {MAX_COUNTED:,}"
    started = "One run was started, for the newest" if decided.start else "None was started"
    message = (
        f"{count} {'fire was' if count == '1' else 'fires were'} missed from {_shown(decided.missed[0])} on, because "
        f"the scheduler was not running. {started}: the trigger says `missed: {policy}`."
    )
    RunEvent.objects.create(
        tenant_id=live.tenant_id,
        template_id=live.template_id,
        trigger_key=live.key,
        kind=RunEvent.Kind.SKIPPED,
        message=message,
        data={"missed": [at.isoformat() for at in decided.missed[:MAX_STARTS_PER_TICK]]},
    )


def _switch_off(live: LiveTrigger, due: datetime, error: str, now: datetime) -> None:
    """Keep the reason where people look, and do not try again until it is published again."""
    ours = LiveTrigger.objects.for_tenant(live.tenant_id).filter(pk=live.pk, next_fire_at=due)
    if ours.update(next_fire_at=None, last_error=error):
        RunEvent.objects.create(
            tenant_id=live.tenant_id,
            template_id=live.template_id,
            trigger_key=live.key,
            kind=RunEvent.Kind.REJECTED,
            message=f"The schedule was switched off at {_shown(now)}: {error}",
        )


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
