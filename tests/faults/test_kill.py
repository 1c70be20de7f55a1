"""The main promise: `kill -9` of the worker in mid-run loses nothing and repeats no step that has ended."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.support.checker import find_faults, repeated
from tests.support.echo import Echo
from tests.support.load import Answer, send_load
from tests.support.orders import Effect, make_orders, order_document
from tests.support.product import DatabaseKind, Product

ORDERS, RATE_PER_S, KILLS = 200, 20.0, 5
WORK_AGAIN_S = 45.0  # longest wait for a worker that is up and holds runs
DRAIN_S = 90.0

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.mark.parametrize("effect", ["safe", "unsafe"])
@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_killed_worker_loses_nothing_and_repeats_no_ended_step(
    database: DatabaseKind, effect: Effect, products: Callable[[DatabaseKind], Product], echo: Echo
) -> None:
    product, since = products(database), echo.count()
    orders = make_orders(ORDERS, seed=42, prefix=f"{database}-{effect}")
    workflow = product.publish(order_document(echo.url, effect))

    answers, hit = send_while_killing(product, workflow.hooks["order"], orders, seed=7)
    product.wait_until_done(workflow, len(orders), within_s=DRAIN_S)

    statuses, seen = product.rows().statuses(workflow.id), echo.log(since)
    print(f"{database}, {effect}: runs hit {hit}, calls repeated {repeated(seen)}, {statuses}")  # noqa: T201
    runs = product.rows().runs(workflow.id)
    assert find_faults(orders, answers, runs, seen, may_repeat=effect == "safe") == []
    assert min(hit) > 0, "A kill came when nothing was running, so it proved nothing."


def send_while_killing(
    product: Product, hook: str, orders: list[dict[str, Any]], *, seed: int
) -> tuple[list[Answer], list[int]]:
    """The load, and five kills at random moments in which the worker is at work. Gives how many runs each one hit."""
    answers: list[Answer] = []
    load = threading.Thread(target=lambda: answers.extend(send_load(hook, orders, rate=RATE_PER_S)))
    load.start()
    dice, hit = random.Random(seed), []
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.2, 1.5))
        hit.append(kill_when_busy(product))
    load.join()
    return answers, hit


def kill_when_busy(product: Product) -> int:
    """Kill as soon as the worker holds runs; gives how many it held."""
    give_up = time.monotonic() + WORK_AGAIN_S
    while time.monotonic() < give_up:
        held = product.runs_under_way()
        if held:
            with suppress(ProcessLookupError):  # it may be the last breath of the one before
                product.kill_worker()
                return held
        time.sleep(0.05)
    raise AssertionError(f"The worker did not come back. The product says:\n{product.log()[-3000:]}")
