"""A worker that stands still for longer than its lease has lost its runs, also when it comes back to itself."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.conftest import LEASE_S, look_again
from tests.support.echo import Echo, Seen
from tests.support.load import send_load
from tests.support.orders import Effect
from tests.support.product import DatabaseKind, Product

RUNS, STEPS, STEP_MS, SWEEP_S = 8, 10, 800, 2.0
pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.mark.parametrize("effect", ["safe", "unsafe"])
def test_worker_that_was_taken_for_dead_writes_and_calls_no_more(
    effect: Effect, products: Callable[[DatabaseKind], Product], echo: Echo
) -> None:
    product, since = products("postgres"), echo.count()
    workflow = product.publish(chain_of_calls(echo.url, effect))

    send_load(workflow.hooks["order"], [{"id": str(number)} for number in range(RUNS)])
    held = freeze_when_busy(product, LEASE_S + SWEEP_S + 1)
    product.wait_until_done(workflow, RUNS, within_s=60)

    runs, twice = product.rows().runs(workflow.id), calls_made_twice(echo.log(since))
    assert held > 0
    if effect == "safe":
        # what was on its way when the worker froze is sent again by the other; nothing after that is
        assert {run.status for run in runs} == {"COMPLETED"}
        assert max(Counter(call.split("/")[0] for call in twice).values(), default=0) <= 1
        assert sum(run.attempt > 1 for run in runs) == held
    else:
        assert twice == []
        assert sum(run.status == "NEEDS_ATTENTION" for run in runs) == held
        assert sum(run.status == "COMPLETED" for run in runs) == RUNS - held
    for run in runs:
        paths = [step.path for step in run.steps]
        assert paths == [f"s{number}" for number in range(len(paths))]
        assert len(paths) == STEPS or run.status == "NEEDS_ATTENTION"


def chain_of_calls(echo_url: str, effect: Effect) -> dict[str, Any]:
    """Slow calls one after the other: long enough to be in the middle of it when the frozen worker wakes."""
    steps = [
        {
            "key": f"s{number}", "type": "action", "integration": "http", "action": "request", "effect": effect,
            "input": {
                "method": "POST",
                "url": f"{echo_url}/s{number}?delay_ms={STEP_MS}",
                "json": {"id": f"{{{{ trigger.body.id }}}}/s{number}"},
            },
            "next": f"s{number + 1}" if number + 1 < STEPS else [],
        }
        for number in range(STEPS)
    ]  # fmt: skip
    trigger = {"key": "order", "type": "webhook"}
    return {
        "format": "automate/1",
        "key": f"chain-{effect}",
        "triggers": [trigger],
        "start": "s0",
        "steps": steps,
    }


def freeze_when_busy(product: Product, seconds: float) -> int:
    """Stop one process of the worker in the middle of its runs, and let it go on later; gives how many it held."""
    for _ in look_again(product, for_s=30):
        if len(product.busy_pids()) == RUNS:
            break
    time.sleep(1.5 * STEP_MS / 1000)
    pid, held = Counter(product.busy_pids()).most_common(1)[0]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)
    return held


def calls_made_twice(seen: list[Seen]) -> list[str]:
    times = Counter(call.id for call in seen)
    assert len({(call.id, call.key) for call in seen}) == len(times), (
        "A repeated call came under another key."
    )
    return [call for call, count in times.items() if count > 1]
