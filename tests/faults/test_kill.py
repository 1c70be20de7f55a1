"""The main promise: `kill -9` of the worker in mid-run loses nothing and repeats no step that has ended."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.faults.conftest import LEASE_S
from tests.support.checker import find_faults, repeated
from tests.support.echo import Echo
from tests.support.load import Answer, send_load
from tests.support.orders import Effect, make_orders, order_document
from tests.support.product import DatabaseKind, Product

ORDERS, RATE_PER_S, KILLS = 200, 20.0, 5
SWEEP_S = 2.0
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


@pytest.mark.parametrize("effect", ["safe", "unsafe"])
def test_frozen_worker_that_comes_back_cannot_write_any_more(
    effect: Effect, products: Callable[[DatabaseKind], Product], echo: Echo
) -> None:
    """One worker process stands still for longer than its lease; another takes its runs over."""
    product, since = products("postgres"), echo.count()
    orders = make_orders(ORDERS, seed=43, prefix=f"frozen-{effect}")
    workflow = product.publish(order_document(echo.url, effect, key=f"frozen-{effect}"))

    with sending(workflow.hooks["order"], orders) as answers:
        frozen = [freeze_when_busy(product, LEASE_S + 2 * SWEEP_S) for _ in range(2)]
    product.wait_until_done(workflow, len(orders), within_s=DRAIN_S)

    statuses, seen = product.rows().statuses(workflow.id), echo.log(since)
    print(f"frozen, {effect}: runs held {frozen}, calls repeated {repeated(seen)}, {statuses}")  # noqa: T201
    runs = product.rows().runs(workflow.id)
    # what it was sending when it froze arrives when it thaws, under the same key: no fence can stop that
    assert find_faults(orders, answers, runs, seen, may_repeat=effect == "safe", may_be_late=True) == []


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
    for _ in until(WORK_AGAIN_S, product):
        if not product.busy_pids():
            continue
        time.sleep(after_s)
        held = product.busy_pids()
        if held:
            with suppress(ProcessLookupError):  # it may be the last breath of the one before
                product.kill_worker()
                return len(held)
    raise AssertionError


def freeze_when_busy(product: Product, seconds: float) -> int:
    """Stop one process of the worker while it holds runs, and let it go on later; gives how many it held."""
    for _ in until(WORK_AGAIN_S, product):
        held = product.busy_pids()
        if held:
            os.kill(held[0], signal.SIGSTOP)
            time.sleep(seconds)
            os.kill(held[0], signal.SIGCONT)
            return held.count(held[0])
    raise AssertionError


def until(limit_s: float, product: Product) -> Iterator[None]:
    """Look again and again; fails with the product's log when it takes too long."""
    give_up = time.monotonic() + limit_s
    while time.monotonic() < give_up:
        yield
        time.sleep(0.02)
    raise AssertionError(f"The worker did not get to work. The product says:\n{product.log()[-3000:]}")
