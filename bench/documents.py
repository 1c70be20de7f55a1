"""The workloads: documents, and the webhook bodies that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WEBHOOK = {"key": "order", "type": "webhook"}


@dataclass(frozen=True)
class Workload:
    """`steps` and `calls`: how many rows of the journal and requests at the receiver each execution makes; `items`: what
    its webhook asks for; `also`: workflows that it starts."""

    name: str
    document: dict[str, Any]
    steps: int
    calls: int
    items: int = 0
    also: tuple[dict[str, Any], ...] = ()


def webhook_to_effect(echo_url: str, effect: str) -> Workload:
    """W1: transform, condition, HTTP POST."""
    is_big = {"all": [{"left": "{{ steps.shape.total }}", "op": "greater_than", "right": 10}]}
    values = {"id": "{{ trigger.body.id }}", "total": "{{ trigger.body.total * 2 }}"}
    steps: list[dict[str, Any]] = [
        {"key": "shape", "type": "transform", "config": {"set": values}, "next": "big"},
        {"key": "big", "type": "condition", "cases": [{"key": "high", "when": is_big}], "next": {"high": ["tell"]}},
        _post("tell", f"{echo_url}/tell", {"id": "{{ steps.shape.id }}", "total": "{{ steps.shape.total }}"}, effect),
    ]  # fmt: skip
    return Workload(f"W1 webhook → 3 steps, {effect} POST", _document(f"w1-{effect}", steps), 3, 1)


def light_steps() -> Workload:
    """W2: forty steps that only compute, each with the value of the one before."""
    first = {
        "key": "s0",
        "type": "transform",
        "config": {"set": {"n": "{{ trigger.body.total }}"}},
        "next": "s1",
    }
    steps: list[dict[str, Any]] = [first]
    for number in range(1, 40):
        value = {"n": f"{{{{ steps.s{number - 1}.n + 1 }}}}"}
        step: dict[str, Any] = {"key": f"s{number}", "type": "transform", "config": {"set": value}}
        steps.append(step | ({"next": f"s{number + 1}"} if number < 39 else {}))
    return Workload("W2 40 light steps", _document("w2-light", steps), 40, 0)


def http_steps(echo_url: str, effect: str) -> Workload:
    """W2 with calls: forty POSTs one after the other, each durable before the next."""
    steps = [
        _post(f"s{number}", f"{echo_url}/s{number}", {"id": "{{ trigger.body.id }}"}, effect)
        | ({"next": f"s{number + 1}"} if number < 39 else {})
        for number in range(40)
    ]
    return Workload(f"W2 40 HTTP steps, {effect}", _document(f"w2-http-{effect}", steps), 40, 40)


def loop_of_calls(echo_url: str, delay_ms: int, items: int) -> Workload:
    """W3: a loop of HTTP calls, 32 at a time."""
    query = f"?delay_ms={delay_ms}" if delay_ms else ""
    loop = {
        "key": "items", "type": "loop", "over": "{{ range(trigger.body.items) }}", "parallel": 32, "max_items": items,
        "collect": "{{ steps.reserve.body.ok }}", "next": {"each": ["reserve"]},
    }  # fmt: skip
    post = _post("reserve", f"{echo_url}/reserve{query}", {"id": "{{ trigger.body.id }}/{{ item }}"}, "safe")
    return Workload(
        f"W3 loop of {items:,} POSTs, receiver {delay_ms} ms", _document(f"w3-{delay_ms}", [loop, post]), items + 1, items,
        items,
    )  # fmt: skip


def loop_of_light_items(items: int) -> Workload:
    """A loop whose items only compute, each kept in the journal and collected."""
    loop = {
        "key": "items", "type": "loop", "over": "{{ range(trigger.body.items) }}", "max_items": 100_000,
        "collect": "{{ steps.work.n }}", "next": {"each": ["work"]},
    }  # fmt: skip
    work = {"key": "work", "type": "transform", "config": {"set": {"n": "{{ item * 2 }}"}}}
    return Workload(
        f"Loop of {items:,} light items", _document("loop-light", [loop, work]), items + 1, 0, items
    )


def fan_out(children: int) -> Workload:
    """One run that starts many others, forty light steps each, and waits for all of them."""
    child = {
        **light_steps().document,
        "key": "fan-child",
        "triggers": [{"key": "called", "type": "workflow"}],
    }
    loop = {
        "key": "items", "type": "loop", "over": "{{ range(trigger.body.items) }}", "parallel": 32, "max_items": children,
        "next": {"each": ["sub"]},
    }  # fmt: skip
    sub = {"key": "sub", "type": "sub_workflow", "workflow": "fan-child", "input": {"total": "{{ item }}"}}
    document = _document("fan-out", [loop, sub])
    return Workload(f"Fan-out to {children:,} sub-workflows", document, children + 1, 0, children, (child,))


def body_of(number: int, prefix: str, items: int) -> dict[str, Any]:
    """The body of a webhook; ids are unique by prefix and number."""
    return {
        "id": f"{prefix}-{number}",
        "total": 100 + number,
        "items": items,
        "customer": {"name": "Ada Example", "email": "ada@example.org", "country": "DE"},
    }


def _post(key: str, url: str, given: dict[str, Any], effect: str) -> dict[str, Any]:
    return {
        "key": key, "type": "action", "integration": "http", "action": "request", "effect": effect,
        "input": {"method": "POST", "url": url, "json": given},
    }  # fmt: skip


def _document(key: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "format": "automate/1",
        "key": key,
        "triggers": [WEBHOOK],
        "start": steps[0]["key"],
        "steps": steps,
    }
