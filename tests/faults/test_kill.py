"""The main promise on the embedded default, with a workflow that uses everything a crash can hit; on PostgreSQL it is the
row `sigkill`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.faults.stage import look_again
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
@pytest.mark.parametrize("database", ["sqlite"])
def test_killed_worker_loses_nothing_and_repeats_no_ended_step(
    database: DatabaseKind, effect: Effect, products: Callable[[DatabaseKind], Product], echo: Echo
) -> None:
    product, since = products(database), echo.count()
    orders = make_orders(ORDERS, seed=42, prefix=f"{database}-{effect}")
    workflow = product.publish(order_document(echo.url, effect, key=f"killed-{effect}"))

    dice = random.Random(7)
    with sending(workflow.hooks["order"], orders) as answers:
        hit = []
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.1, 1.0))
            hit.append(kill_when_busy(product, after_s=dice.uniform(0.0, 0.3)))
    product.wait_until_done(workflow, len(orders), within_s=DRAIN_S)

    statuses, seen = product.rows().statuses(workflow.id), echo.log(since)
    print(f"{database}, {effect}: runs hit {hit}, calls repeated {repeated(seen)}, {statuses}")  # noqa: T201
    runs = product.rows().runs(workflow.id)
    assert find_faults(orders, answers, runs, seen, may_repeat=effect == "safe") == []


@contextmanager
def sending(hook: str, orders: list[dict[str, Any]]) -> Iterator[list[Answer]]:
    """The load, in a thread; the list of answers is complete when the block is left."""
    answers: list[Answer] = []
    load = threading.Thread(target=lambda: answers.extend(send_load(hook, orders, rate=RATE_PER_S)))
    load.start()
    try:
        yield answers
    finally:
        load.join()


def kill_when_busy(product: Product, *, after_s: float) -> int:
    """Kill the worker `after_s` after it has been seen with runs in hand, if it has any then; gives how many."""
    for _ in look_again(product, for_s=WORK_AGAIN_S):
        if not product.busy_pids():
            continue
        time.sleep(after_s)
        held = product.busy_pids()
        if held:
            with suppress(ProcessLookupError):  # it may be the last breath of the one before
                product.kill_worker()
                return len(held)
    raise AssertionError
