"""Waiting costs no worker: branches overlap, delays hold no thread; and a schedule fires once, however many schedulers run."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.support.echo import Echo
from tests.support.load import send_load
from tests.support.product import DatabaseKind, Product

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
both_databases = pytest.mark.parametrize("database", ["postgres", "sqlite"])


def document(key: str, trigger: dict[str, Any], start: Any, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"format": "automate/1", "key": key, "triggers": [trigger], "start": start, "steps": list(steps)}


def call(key: str, url: str, next: Any = None) -> dict[str, Any]:
    given = {"method": "POST", "url": url, "json": {"id": "{{ trigger.body.id }}"}}
    step = {
        "key": key,
        "type": "action",
        "integration": "http",
        "action": "request",
        "effect": "safe",
        "input": given,
    }
    return step | ({"next": next} if next else {})


WEBHOOK = {"key": "order", "type": "webhook"}


@both_databases
def test_two_branches_that_wait_a_second_each_take_a_second_together(
    database: DatabaseKind, start_product: Callable[..., Product], echo: Echo
) -> None:
    product = start_product(database)
    workflow = product.publish(
        document(
            "overlap", WEBHOOK, ["left", "right"],
            call("left", f"{echo.url}/left?delay_ms=1000", "both"),
            call("right", f"{echo.url}/right?delay_ms=1000", "both"),
            {"key": "both", "type": "merge", "join": "all"},
        )
    )  # fmt: skip

    send_load(workflow.hooks["order"], [{"id": "one"}])
    product.wait_until_done(1, within_s=30)

    [run] = product.rows().runs()
    left, right = (seen.at for seen in echo.log())
    assert run.status == "COMPLETED"
    assert abs(left - right) < 0.5
    assert run.took_ms is not None
    assert 1000 <= run.took_ms < 1900


@both_databases
def test_delays_hold_no_thread_of_the_worker(
    database: DatabaseKind, start_product: Callable[..., Product], echo: Echo
) -> None:
    count, delay_s = 60, 4
    product = start_product(database, AUTOMATE_SLOTS="2", AUTOMATE_WORKERS="1")
    workflow = product.publish(
        document(
            "delays", WEBHOOK, "pause",
            {"key": "pause", "type": "delay", "config": {"seconds": delay_s}, "next": "thanks"},
            call("thanks", f"{echo.url}/thanks"),
        )
    )  # fmt: skip

    send_load(workflow.hooks["order"], [{"id": str(number)} for number in range(count)])
    until_all_wait(product, count)
    held = product.runs_under_way()
    product.wait_until_done(count, within_s=60)

    runs = product.rows().runs()
    assert [run.status for run in runs] == ["COMPLETED"] * count
    assert held == 0
    assert len(echo.log()) == count
    ends = [run.completed_at or 0.0 for run in runs]
    # two slots, held for four seconds each, would take two minutes
    assert max(ends) - min(run.started_at or 0.0 for run in runs) < 4 * delay_s


def until_all_wait(product: Product, count: int) -> None:
    give_up = time.monotonic() + 4
    while product.rows().statuses() != {"WAITING": count} and time.monotonic() < give_up:
        time.sleep(0.05)


@both_databases
def test_two_schedulers_fire_a_schedule_once(
    database: DatabaseKind, start_product: Callable[..., Product], echo: Echo
) -> None:
    product = start_product(database)
    product.run_beside("scheduler")
    product.publish(
        document(
            "every-second", {"key": "tick", "type": "schedule", "config": {"every_s": 1}}, "note",
            {"key": "note", "type": "transform", "config": {"set": {"at": "{{ trigger.scheduled_at }}"}}},
        )
    )  # fmt: skip

    product.wait_until_done(12, within_s=60)

    assert_no_fire_is_missing_or_doubled(product, every_s=1)


@both_databases
def test_a_cron_schedule_fires_every_minute(
    database: DatabaseKind, start_product: Callable[..., Product]
) -> None:
    """With a clock in which a minute passes in a second."""
    clock = {"DEBUG": "true", "AUTOMATE_CLOCK": f"rate=60,start={time.time()}"}
    product = start_product(database, **clock)
    product.run_beside("scheduler")
    product.publish(
        document(
            "every-minute", {"key": "tick", "type": "schedule", "config": {"cron": "* * * * *"}}, "note",
            {"key": "note", "type": "transform", "config": {"set": {"at": "{{ trigger.scheduled_at }}"}}},
        )
    )  # fmt: skip

    product.wait_until_done(6, within_s=60)

    fires = assert_no_fire_is_missing_or_doubled(product, every_s=60)
    assert all(fire.second == 0 for fire in fires)


def assert_no_fire_is_missing_or_doubled(product: Product, *, every_s: int) -> list[datetime]:
    fires = sorted(datetime.fromisoformat(run.trigger["scheduled_at"]) for run in product.rows().runs())
    gaps = {(later - earlier).total_seconds() for earlier, later in pairwise(fires)}
    assert gaps == {float(every_s)}
    return fires
