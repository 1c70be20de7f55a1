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
from tests.support.product import DatabaseKind, Product, Published

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
    database: DatabaseKind, products: Callable[[DatabaseKind], Product], echo: Echo
) -> None:
    product, since = products(database), echo.count()
    workflow = product.publish(
        document(
            "overlap", WEBHOOK, ["left", "right"],
            call("left", f"{echo.url}/left?delay_ms=1000", "both"),
            call("right", f"{echo.url}/right?delay_ms=1000", "both"),
            {"key": "both", "type": "merge", "join": "all"},
        )
    )  # fmt: skip

    send_load(workflow.hooks["order"], [{"id": "one"}])
    product.wait_until_done(workflow, 1, within_s=30)

    [run] = product.rows().runs(workflow.id)
    left, right = (seen.at for seen in echo.log(since))
    assert run.status == "COMPLETED"
    assert abs(left - right) < 0.5
    assert run.took_ms is not None
    assert 1000 <= run.took_ms < 1900


@both_databases
def test_delays_hold_no_thread_of_the_worker(
    database: DatabaseKind, products: Callable[[DatabaseKind], Product], echo: Echo
) -> None:
    count, delay_s = 200, 6  # several times the slots of all worker processes
    product, since = products(database), echo.count()
    workflow = product.publish(
        document(
            "delays", WEBHOOK, "pause",
            {"key": "pause", "type": "delay", "config": {"seconds": delay_s}, "next": "thanks"},
            call("thanks", f"{echo.url}/thanks"),
        )
    )  # fmt: skip

    send_load(workflow.hooks["order"], [{"id": str(number)} for number in range(count)])
    until_all_wait(product, workflow, count, within_s=delay_s)
    held = product.busy_pids()
    product.wait_until_done(workflow, count, within_s=60)

    runs = product.rows().runs(workflow.id)
    assert held == []
    assert [run.status for run in runs] == ["COMPLETED"] * count
    assert len(echo.log(since)) == count
    waited_s = [(run.completed_at or 0.0) - (run.started_at or 0.0) for run in runs]
    # threads that slept would take the delays of a slot one after another: seven times as long
    assert delay_s <= min(waited_s) <= max(waited_s) < 5 * delay_s


def until_all_wait(product: Product, workflow: Published, count: int, *, within_s: float) -> None:
    give_up = time.monotonic() + within_s
    while product.rows().statuses(workflow.id) != {"WAITING": count}:
        assert time.monotonic() < give_up, product.rows().statuses(workflow.id)
        time.sleep(0.05)


@both_databases
def test_two_schedulers_fire_each_instant_once(
    database: DatabaseKind, start_product: Callable[..., Product]
) -> None:
    """With a clock in which a minute passes in two seconds."""
    clock = {"DEBUG": "true", "AUTOMATE_CLOCK": f"rate=30,start={time.time()}"}
    product = start_product(database, **clock)
    product.run_beside("scheduler")
    note = {"key": "note", "type": "transform", "config": {"set": {"at": "{{ trigger.scheduled_at }}"}}}
    tick = {"key": "tick", "type": "schedule"}
    every = product.publish(document("every", tick | {"config": {"every_s": 60}}, "note", note))
    cron = product.publish(document("cron", tick | {"config": {"cron": "* * * * *"}}, "note", note))

    product.wait_until_done(every, 6, within_s=60)
    product.wait_until_done(cron, 6, within_s=60)

    assert gaps_s(fires(product, every)) == {60.0}
    assert gaps_s(fires(product, cron)) == {60.0}
    assert all(fire.second == 0 for fire in fires(product, cron))


def fires(product: Product, workflow: Published) -> list[datetime]:
    """The instants for which runs were started, one for each run."""
    runs = product.rows().runs(workflow.id)
    return sorted(datetime.fromisoformat(run.trigger["scheduled_at"]) for run in runs)


def gaps_s(moments: list[datetime]) -> set[float]:
    return {(later - earlier).total_seconds() for earlier, later in pairwise(moments)}
