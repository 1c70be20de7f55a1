"""Whatever happens to workers, writers, wake-ups and clocks: a run comes to what its document means, and nothing twice.

The full measure, 10,000 histories and 1,000 graphs, is `make faults ROW=histories` and `ROW=reference`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.compare import faults_of_graph
from tests.support.histories import run_histories
from tests.support.reference import Ambiguous
from tests.support.world import Broken, World
from workflows.engine.outcome import Ended
from workflows.engine.plan import Plan, plan
from workflows.runs import segment, waits
from workflows.runs.journal import Journal
from workflows.runs.perform import Call

GRAPHS, HISTORIES, TRIES = 60, 40, 2_000
Patch = pytest.MonkeyPatch


def faults_of(number: int) -> list[str]:
    try:
        return faults_of_graph(number)
    except Ambiguous:
        return []


def test_random_graphs_come_to_what_a_naive_interpreter_makes_of_them() -> None:
    assert {number: found for number in range(GRAPHS) if (found := faults_of(number))} == {}


def test_random_histories_break_no_invariant() -> None:
    run_histories(HISTORIES, derandomize=True)


def joins_take_the_first_branch(patch: Patch) -> None:
    def hasty(shape: Any, ended: Any) -> Plan:
        found = plan(shape, ended)
        waiting = [
            key for key in shape.members if key not in ended and key not in found.ready + found.skipped
        ]
        early = [key for key in waiting if any(ended.get(source) for source, _ in shape.incoming[key])]
        return Plan((*found.ready, *early), found.skipped)

    patch.setattr(segment, "plan", hasty)


def dead_branches_run(patch: Patch) -> None:
    patch.setattr(segment, "plan", lambda shape, ended: Plan(*_swapped(plan(shape, ended))))


def _swapped(found: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (*found.ready, *found.skipped), ()


@pytest.mark.parametrize("remove", [joins_take_the_first_branch, dead_branches_run])
def test_a_broken_planner_differs_from_the_interpreter(
    remove: Callable[[Patch], None], monkeypatch: Patch
) -> None:
    remove(monkeypatch)

    assert any(_breaks(number) for number in range(GRAPHS))


def _breaks(number: int) -> bool:
    try:
        return bool(faults_of(number))
    except (Broken, KeyError):
        return True


def ended_steps_are_planned_again(patch: Patch) -> None:
    patch.setattr(segment, "plan", lambda shape, ended: plan(shape, _without_one(ended)))


def _without_one(ended: dict[str, Ended]) -> dict[str, Ended]:
    return dict(list(ended.items())[:-1])


def effects_do_not_wait_for_the_journal(patch: Patch) -> None:
    def before(self: Journal, call: Call) -> None:
        if call.effect == "unsafe":
            self.announced.add(call.path)
        self.flush(wait=False)

    patch.setattr(Journal, "before", before)


def unsafe_calls_are_not_announced(patch: Patch) -> None:
    patch.setattr(Journal, "before", lambda self, call: self.flush(wait=True))


def writes_are_not_fenced(patch: Patch) -> None:
    real = World.write

    def write(self: World, entry: Any) -> None:
        entry.lease.attempt = self.run.attempt
        real(self, entry)

    patch.setattr(World, "write", write)


def unknown_outcomes_are_tried_again(patch: Patch) -> None:
    def unknown(self: waits.Waits, scope: Any, step: Any, path: str, why: str, note: waits.Note) -> None:
        self.resume(scope, step, path, {**note, "kind": "retry", "until": None})

    patch.setattr(waits.Waits, "unknown", unknown)


def keys_do_not_change_after_a_definite_answer(patch: Patch) -> None:
    patch.setattr(Call, "key", lambda self, root: f"{root}:{self.path}")


@pytest.mark.parametrize(
    "remove",
    [
        ended_steps_are_planned_again,
        unknown_outcomes_are_tried_again,
        # it takes seconds to come upon what these would have kept
        pytest.param(keys_do_not_change_after_a_definite_answer, marks=pytest.mark.faults),
        pytest.param(effects_do_not_wait_for_the_journal, marks=pytest.mark.faults),
        pytest.param(unsafe_calls_are_not_announced, marks=pytest.mark.faults),
        pytest.param(writes_are_not_fenced, marks=pytest.mark.faults),
    ],
)
def test_histories_find_a_guard_that_is_gone(remove: Callable[[Patch], None], monkeypatch: Patch) -> None:
    remove(monkeypatch)

    with pytest.raises((Broken, ExceptionGroup)):
        run_histories(TRIES, shrink=False, derandomize=True, report_multiple_bugs=False)
