"""The five-step workflow that faults are measured with: HTTP, condition, loop of 3, delay of 2 s, HTTP.

As in orders.py every call carries `<order>/<path in the journal>`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from tests.support.orders import BIG, Effect

LINES = 3
DELAY_S = 2.0


def five_step_document(
    echo_url: str, effect: Effect, *, key: str, delay_s: float = DELAY_S
) -> dict[str, Any]:
    """The workflow; every call goes to the receiver at `echo_url`."""

    def call(key: str, path: str, next: Any = None) -> dict[str, Any]:
        given = {
            "method": "POST",
            "url": f"{echo_url}/{key}?delay_ms=20",
            "json": {"id": "{{ trigger.body.id }}/" + path},
        }
        step = {
            "key": key, "type": "action", "integration": "http", "action": "request", "effect": effect, "input": given,
        }  # fmt: skip
        return step | ({"next": next} if next else {})

    high = {"left": "{{ trigger.body.total }}", "op": "greater_than", "right": BIG}
    return {
        "format": "automate/1",
        "key": key,
        "triggers": [{"key": "order", "type": "webhook"}],
        "start": "ask",
        "steps": [
            call("ask", "ask", "big"),
            {
                "key": "big", "type": "condition", "cases": [{"key": "high", "when": high}],
                "next": {"high": ["items"], "else": ["items"]},
            },
            {
                "key": "items", "type": "loop", "over": "{{ trigger.body.lines }}", "as": "line",
                "collect": "{{ steps.reserve.body.id }}", "next": {"each": ["reserve"], "done": ["pause"]},
            },
            call("reserve", "items[{{ loop.index }}].reserve"),
            {"key": "pause", "type": "delay", "config": {"seconds": delay_s}, "next": "thanks"},
            call("thanks", "thanks"),
        ],
    }  # fmt: skip


def five_orders(*, seed: int, prefix: str) -> Iterator[dict[str, Any]]:
    """Webhook bodies with unique ids, without end."""
    dice, number = random.Random(seed), 0
    while True:
        lines = [{"sku": f"sku-{dice.randrange(100)}"} for _ in range(LINES)]
        yield {"id": f"{prefix}-{number}", "total": dice.choice((BIG - 100, BIG + 100)), "lines": lines}
        number += 1


def five_steps(order: dict[str, Any]) -> dict[str, str]:
    """Path → status in the journal of an order that has ended."""
    steps = dict.fromkeys(("ask", "big", "items", "pause", "thanks"), "COMPLETED")
    return steps | {f"items[{index}].reserve": "COMPLETED" for index in range(len(order["lines"]))}


def five_rank(path: str) -> int:
    """The calls of an order come in this order; those of the loop among themselves in any."""
    return ("ask", "reserve", "thanks").index(path.rsplit(".", 1)[-1])
