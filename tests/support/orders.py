"""An order workflow that uses everything a crash can hit, and what each order must have done when it has ended.

A webhook, a condition, two parallel branches that join, a call that may fail with its `on_error` path, a loop with
calls, a delay, a last call. Every call carries `<order>/<path in the journal>` as its id, so that the receiver's log
can be held against the journal.
"""

from __future__ import annotations

import random
from typing import Any, Literal

BIG = 500
DELAY_S = 1.5  # longer than a worker waits in its thread: it becomes a row
Effect = Literal["safe", "unsafe"]


def order_document(echo_url: str, effect: Effect, *, key: str) -> dict[str, Any]:
    """The workflow; every call goes to the receiver at `echo_url`."""

    def call(key: str, query: str, next: Any = None, **more: Any) -> dict[str, Any]:
        path = more.pop("path", key)
        return {
            "key": key, "type": "action", "integration": "http", "action": "request", "effect": effect, **more,
            "input": {
                "method": "POST",
                "url": f"{echo_url}/{key}{query}",
                "json": {"id": "{{ trigger.body.id }}/" + path},
            },
        } | ({"next": next} if next else {})  # fmt: skip

    high = {"all": [{"left": "{{ trigger.body.total }}", "op": "greater_than", "right": BIG}]}
    return {
        "format": "automate/1",
        "key": key,
        "triggers": [{"key": "order", "type": "webhook"}],
        "start": "big",
        "steps": [
            {
                "key": "big", "type": "condition", "cases": [{"key": "high", "when": high}],
                "next": {"high": ["left", "right"], "else": ["small"]},
            },
            call("left", "?delay_ms=40", "both"),
            call("right", "?delay_ms=20", "both"),
            {
                "key": "small", "type": "transform", "config": {"set": {"total": "{{ trigger.body.total }}"}},
                "next": "both",
            },
            {"key": "both", "type": "merge", "join": "all", "next": "risky"},
            call("risky", "?status={{ trigger.body.risky_status }}", "items", on_error=["sorry"]),
            call("sorry", "", "items"),
            {
                "key": "items", "type": "loop", "over": "{{ trigger.body.lines }}", "as": "line", "parallel": 3,
                "collect": "{{ steps.reserve.body.id }}", "next": {"each": ["reserve"], "done": ["pause"]},
            },
            call("reserve", "?delay_ms=10", path="items[{{ loop.index }}].reserve"),
            {"key": "pause", "type": "delay", "config": {"seconds": DELAY_S}, "next": "thanks"},
            call("thanks", ""),
        ],
    }  # fmt: skip


def make_orders(count: int, *, seed: int, prefix: str) -> list[dict[str, Any]]:
    """Webhook bodies with unique ids: big and small ones, some of whose risky call fails, with one to five lines."""
    dice = random.Random(seed)
    return [
        {
            "id": f"{prefix}-{number}",
            "total": dice.choice((BIG - 100, BIG + 100)),
            "risky_status": dice.choice((200, 200, 500)),
            "lines": [{"sku": f"sku-{dice.randrange(100)}"} for _ in range(dice.randint(1, 5))],
        }
        for number in range(count)
    ]


def expected_steps(order: dict[str, Any]) -> dict[str, str]:
    """Path → status in the journal of an order that has ended."""
    is_big, fails = order["total"] > BIG, order["risky_status"] >= 400
    steps = dict.fromkeys(("big", "both", "items", "pause", "thanks"), "COMPLETED")
    steps |= dict.fromkeys(("left", "right"), "COMPLETED" if is_big else "SKIPPED")
    steps["small"] = "SKIPPED" if is_big else "COMPLETED"
    steps["risky"] = "FAILED" if fails else "COMPLETED"
    steps["sorry"] = "COMPLETED" if fails else "SKIPPED"
    return steps | {f"items[{index}].reserve": "COMPLETED" for index in range(len(order["lines"]))}


def is_call(path: str) -> bool:
    """Whether the step at this path calls the receiver."""
    return path.rsplit(".", 1)[-1] in ("ask", "left", "right", "risky", "sorry", "reserve", "thanks")
