"""Holds three accounts of the same orders against each other: what was accepted, what the journal says, what was received.

Every function gives what is wrong; nothing when all is well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from typing import Any, Literal, NamedTuple

from tests.support.database import RunRow
from tests.support.echo import Seen
from tests.support.load import Answer
from tests.support.orders import expected_steps, is_call

# accepted and lost · a completed step run again · an unsafe effect run again · does not go on · everything else
Kind = Literal["lost", "repeated", "unsafe", "stuck", "other"]
# what a sender may be told while something is down: nothing, or to come again
REFUSALS = frozenset({"0", "503"})
Calls = dict[str, dict[str, list[Seen]]]  # order → path → calls
Steps = Callable[[dict[str, Any]], dict[str, str]]
Rank = Callable[[str], int]  # by path: a call of a higher rank begins when those of lower ones have ended


class Fault(NamedTuple):
    kind: Kind
    said: str

    def __str__(self) -> str:
        return self.said


def find_faults(
    orders: Sequence[dict[str, Any]],
    answers: Sequence[Answer],
    runs: Sequence[RunRow],
    seen: Iterable[Seen],
    *,
    may_repeat: bool,
    may_ask: bool | None = None,
    late_ok: int = 0,
    expected: Steps = expected_steps,
    rank: Rank = lambda path: 0,
) -> list[Fault]:
    """`may_repeat`: calls are safe, so that one in flight at a crash may come twice under one key; else none may come
    twice. `may_ask`: a run may stop to ask (NEEDS_ATTENTION) instead of ending; by default where calls may not repeat.
    `late_ok`: how many safe calls of a run may arrive after its step ended elsewhere: those that were being sent when
    their process was stopped.
    """
    calls = _by_order(seen)
    by_order = {order["id"]: order for order in orders}
    asks = (not may_repeat) if may_ask is None else may_ask
    faults = [*_acceptance(orders, answers, runs), *_strangers(by_order, calls), *_shared_keys(calls)]
    for run in runs:
        order = by_order.get(run.body["id"])
        if order is None:
            continue
        faults += _status(run, may_ask=asks)
        faults += _journal(run, expected(order))
        faults += _calls(run, calls.get(order["id"], {}), may_repeat=may_repeat)
        late = list(_late(run, calls.get(order["id"], {}), rank))
        faults += late if len(late) > (late_ok if may_repeat else 0) else []
    return faults


def repeated(seen: Iterable[Seen]) -> int:
    """How many calls came once more than once: after a crash in mid-call nobody knows whether it arrived."""
    return sum(len(times) - 1 for paths in _by_order(seen).values() for times in paths.values())


def _by_order(seen: Iterable[Seen]) -> Calls:
    found: Calls = defaultdict(lambda: defaultdict(list))
    for call in seen:
        order, _, path = call.id.partition("/")
        found[order][path].append(call)
    return found


def _acceptance(
    orders: Sequence[dict[str, Any]], answers: Sequence[Answer], runs: Sequence[RunRow]
) -> Iterator[Fault]:
    """Every order was accepted, and is exactly the run that the answer named."""
    accepted = {answer.execution: answer.id for answer in answers if answer.status == 202}
    for answer in answers:
        if answer.status != 202:
            yield Fault("other", f"{answer.id} was answered with {answer.status}, not 202.")
        for word in sorted(set(answer.refused) - REFUSALS):
            meant = "503 without Retry-After" if word == "503!" else word
            yield Fault("other", f"{answer.id} was refused with {meant}.")
    stored = {run.id: run.body["id"] for run in runs}
    for execution, order in accepted.items():
        if stored.get(str(execution)) != order:
            yield Fault(
                "lost", f"{order} was accepted as run {execution}, which is not there or is another order's."
            )
    for execution in stored.keys() - accepted.keys():
        yield Fault("other", f"The run {execution} ({stored[execution]}) was never answered with 202.")
    for order, times in Counter(stored.values()).items():
        if times > 1:
            yield Fault("repeated", f"{order} has {times} runs.")
    if len(answers) != len(orders):
        yield Fault("lost", f"{len(orders)} orders were sent, {len(answers)} answers came.")


def _strangers(orders: dict[str, dict[str, Any]], calls: Calls) -> Iterator[Fault]:
    for order in calls.keys() - orders.keys():
        yield Fault("other", f"A call came for {order!r}, which was never sent.")


def _shared_keys(calls: Calls) -> Iterator[Fault]:
    """An Idempotency-Key belongs to one call: a service would swallow the second."""
    owners: dict[str, set[str]] = defaultdict(set)
    for paths in calls.values():
        for times in paths.values():
            for call in times:
                owners[call.key].add(call.id)
    for key, ids in owners.items():
        if not key:
            yield Fault("other", f"{len(ids)} calls came without an Idempotency-Key, such as {min(ids)}.")
        elif len(ids) > 1:
            yield Fault("lost", f"The key {key} was used for {sorted(ids)}.")


def _status(run: RunRow, *, may_ask: bool) -> Iterator[Fault]:
    allowed = ("COMPLETED", "NEEDS_ATTENTION") if may_ask else ("COMPLETED",)
    if run.status not in allowed:
        kind: Kind = "stuck" if run.status in ("PENDING", "RUNNING", "WAITING") else "lost"
        yield Fault(
            kind, f"{run.body['id']} ended as {run.status} ({run.error}), not {' or '.join(allowed)}."
        )


def _journal(run: RunRow, expected: dict[str, str]) -> Iterator[Fault]:
    """Each step once, as it had to end; a run that asks may have steps to come."""
    name = run.body["id"]
    for path, times in Counter(step.path for step in run.steps).items():
        if times > 1:
            yield Fault("repeated", f"{name}: {path} is {times} times in the journal.")
    found = {step.path: step.status for step in run.steps}
    for path, status in found.items():
        if expected.get(path) != status:
            yield Fault("other", f"{name}: {path} is {status} in the journal, expected {expected.get(path)}.")
    if run.status == "COMPLETED":
        for path in expected.keys() - found.keys():
            yield Fault("lost", f"{name}: {path} is missing in the journal of a run that ended.")


def _calls(run: RunRow, calls: dict[str, list[Seen]], *, may_repeat: bool) -> Iterator[Fault]:
    name = run.body["id"]
    journal = {step.path: step for step in run.steps if is_call(step.path)}
    made = {path for path, step in journal.items() if step.status in ("COMPLETED", "FAILED")}
    for path in made - calls.keys():
        yield Fault(
            "lost", f"{name}: {path} is {journal[path].status} in the journal, but no call was received."
        )
    for path, times in calls.items():
        if len(times) > 1 and not may_repeat:
            yield Fault(
                "unsafe", f"{name}: {path} was called {len(times)} times, and it may not be repeated."
            )
        if len({call.key for call in times}) > 1:
            yield Fault(
                "unsafe", f"{name}: {path} was called under {len({call.key for call in times})} keys."
            )
        if path not in made and run.status == "COMPLETED":
            yield Fault("other", f"{name}: {path} was called, but the journal does not have it.")


def _late(run: RunRow, calls: dict[str, list[Seen]], rank: Rank) -> Iterator[Fault]:
    """A step that has ended is not begun again, safe or not; once a later one has begun it had ended."""
    ended = {step.path: step.completed_at for step in run.steps}
    for path, times in calls.items():
        later = [call.at for other, seen in calls.items() if rank(other) > rank(path) for call in seen]
        over_at = min([*later, ended.get(path, inf)])
        for call in times:
            if call.at > over_at:
                said = (
                    f"{run.body['id']}: {path} was called again {call.at - over_at:.3f} s after it had ended."
                )
                yield Fault("repeated", said)
