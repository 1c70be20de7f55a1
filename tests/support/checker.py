"""Holds three accounts of the same orders against each other: what was accepted, what the journal says, what was received.

Every function gives the sentences of what is wrong; none when all is well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tests.support.database import RunRow
from tests.support.echo import Seen
from tests.support.load import Answer
from tests.support.orders import expected_steps, is_call


def find_faults(
    orders: Sequence[dict[str, Any]],
    answers: Sequence[Answer],
    runs: Sequence[RunRow],
    seen: Iterable[Seen],
    *,
    may_repeat: bool,
) -> list[str]:
    """`may_repeat`: calls are safe, so that one may come twice under one key; else none may come twice, and a run may
    stop to ask (NEEDS_ATTENTION) instead of ending."""
    calls = _by_order(seen)
    by_order = {order["id"]: order for order in orders}
    faults = [*_acceptance(orders, answers, runs), *_strangers(by_order, calls), *_shared_keys(calls)]
    for run in runs:
        order = by_order.get(run.body["id"])
        if order is None:
            continue
        faults += _status(run, may_ask=not may_repeat)
        faults += _journal(run, expected_steps(order))
        faults += _calls(run, calls.get(order["id"], {}), may_repeat=may_repeat)
        faults += _late(run, calls.get(order["id"], {}))
    return faults


def repeated(seen: Iterable[Seen]) -> int:
    """How many calls came once more than once: after a crash in mid-call nobody knows whether it arrived."""
    return sum(len(times) - 1 for paths in _by_order(seen).values() for times in paths.values())


def _by_order(seen: Iterable[Seen]) -> dict[str, dict[str, list[Seen]]]:
    """Order → path → calls."""
    found: dict[str, dict[str, list[Seen]]] = defaultdict(lambda: defaultdict(list))
    for call in seen:
        order, _, path = call.id.partition("/")
        found[order][path].append(call)
    return found


def _acceptance(
    orders: Sequence[dict[str, Any]], answers: Sequence[Answer], runs: Sequence[RunRow]
) -> Iterator[str]:
    """Every order was answered with 202 and is exactly the run that the answer named."""
    accepted = {answer.execution: answer.id for answer in answers if answer.status == 202}
    for answer in answers:
        if answer.status != 202:
            yield f"{answer.id} was answered with {answer.status}, not 202."
    stored = {run.id: run.body["id"] for run in runs}
    for execution, order in accepted.items():
        if stored.get(str(execution)) != order:
            yield f"{order} was accepted as run {execution}, which is not there or is another order's."
    for execution in stored.keys() - accepted.keys():
        yield f"The run {execution} ({stored[execution]}) was never answered with 202."
    for order, times in Counter(stored.values()).items():
        if times > 1:
            yield f"{order} has {times} runs."
    if len(answers) != len(orders):
        yield f"{len(orders)} orders were sent, {len(answers)} answers came."


def _strangers(orders: dict[str, dict[str, Any]], calls: dict[str, dict[str, list[Seen]]]) -> Iterator[str]:
    for order in calls.keys() - orders.keys():
        yield f"A call came for {order!r}, which was never sent."


def _shared_keys(calls: dict[str, dict[str, list[Seen]]]) -> Iterator[str]:
    """An Idempotency-Key belongs to one call: a service would swallow the second."""
    owners: dict[str, set[str]] = defaultdict(set)
    for paths in calls.values():
        for times in paths.values():
            for call in times:
                owners[call.key].add(call.id)
    for key, ids in owners.items():
        if not key:
            yield f"{len(ids)} calls came without an Idempotency-Key, such as {min(ids)}."
        elif len(ids) > 1:
            yield f"The key {key} was used for {sorted(ids)}."


def _status(run: RunRow, *, may_ask: bool) -> Iterator[str]:
    allowed = ("COMPLETED", "NEEDS_ATTENTION") if may_ask else ("COMPLETED",)
    if run.status not in allowed:
        yield f"{run.body['id']} ended as {run.status} ({run.error}), not {' or '.join(allowed)}."


def _journal(run: RunRow, expected: dict[str, str]) -> Iterator[str]:
    """Each step once, as it had to end; a run that asks may have steps to come."""
    name = run.body["id"]
    for path, times in Counter(step.path for step in run.steps).items():
        if times > 1:
            yield f"{name}: {path} is {times} times in the journal."
    found = {step.path: step.status for step in run.steps}
    for path, status in found.items():
        if expected.get(path) != status:
            yield f"{name}: {path} is {status} in the journal, expected {expected.get(path)}."
    if run.status == "COMPLETED":
        for path in expected.keys() - found.keys():
            yield f"{name}: {path} is missing in the journal of a run that ended."


def _calls(run: RunRow, calls: dict[str, list[Seen]], *, may_repeat: bool) -> Iterator[str]:
    name = run.body["id"]
    journal = {step.path: step for step in run.steps if is_call(step.path)}
    made = {path for path, step in journal.items() if step.status in ("COMPLETED", "FAILED")}
    for path in made - calls.keys():
        yield f"{name}: {path} is {journal[path].status} in the journal, but no call was received."
    for path, times in calls.items():
        if len(times) > 1 and not may_repeat:
            yield f"{name}: {path} was called {len(times)} times, and it may not be repeated."
        if len({call.key for call in times}) > 1:
            yield f"{name}: {path} was called under {len({call.key for call in times})} keys."
        if path not in made and run.status == "COMPLETED":
            yield f"{name}: {path} was called, but the journal does not have it."


def _late(run: RunRow, calls: dict[str, list[Seen]]) -> Iterator[str]:
    """A step that has ended is not begun again, safe or not."""
    for step in run.steps:
        for call in calls.get(step.path, ()):
            if call.at > step.completed_at:
                late_s = call.at - step.completed_at
                yield f"{run.body['id']}: {step.path} was called again {late_s:.3f} s after it had ended."
