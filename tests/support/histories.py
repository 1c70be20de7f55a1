"""Random histories of a run: workers are killed, frozen and taken for dead, wake-ups get lost, come twice and too late,
writers lag, clocks jump, people cancel and answer. Whatever happens, the invariants of world.py hold, and the run comes to what
its document means.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.support.compare import differences
from tests.support.graphs import Draw, Wishes
from tests.support.reference import Ambiguous, Interpreter, Meaning
from tests.support.world import FINAL, Broken, Worker, World, finish, time_of

WISHES = Wishes(effects=("safe", "unsafe"), waits=True, lost_answers=True)
numbers = st.integers(0, 7)


class History(RuleBasedStateMachine):
    """`compares`: nothing has happened that changes what the run comes to."""

    world: World
    meaning: Meaning | None = None
    compares = True
    ended_as: str | None = None

    @initialize(number=st.integers(0, 2**32))
    def start(self, number: int) -> None:
        draw = Draw(number, WISHES)
        document, body = draw.document(), draw.body()
        self.world = World(document, body)
        try:
            self.meaning = Interpreter(document, body).run()
        except Ambiguous:
            self.compares = False

    # --- what goes its usual way ---------------------------------------------------------------
    @rule()
    def wake_up(self) -> None:
        """A wake-up arrives, wanted or not."""
        with time_of(self.world):
            self.world.claim()
        self.check()

    @precondition(lambda self: self.alive())
    @rule(which=numbers, thread=numbers, times=st.integers(1, 12), commits=st.booleans())
    def go_on(self, which: int, thread: int, times: int, commits: bool) -> None:
        """A thread of some worker goes on; its writer keeps up with it or not."""
        worker = self.pick(which)
        with time_of(self.world):
            for _ in range(times):
                if worker.is_alive:
                    worker.step(thread)
                if commits:
                    worker.commit(len(worker.pending))
        self.check()

    @precondition(lambda self: self.alive())
    @rule(which=numbers, count=st.integers(1, 4))
    def commit(self, which: int, count: int) -> None:
        with time_of(self.world):
            self.pick(which).commit(count)
        self.check()

    @rule(seconds=st.sampled_from((0.1, 1.0, 30.0, 3600.0)))
    def time_passes(self, seconds: float) -> None:
        self.world.now += timedelta(seconds=seconds)
        self.world.wake()

    # --- faults --------------------------------------------------------------------------------
    @precondition(lambda self: self.alive())
    @rule(which=numbers, thread=numbers, times=st.integers(0, 3), written=st.integers(0, 3))
    def worker_is_killed(self, which: int, thread: int, times: int, written: int) -> None:
        """Its writer may have fallen behind, or have committed something that its threads have not heard of."""
        worker = self.pick(which)
        with time_of(self.world):
            for _ in range(times):
                if worker.is_alive:
                    worker.step(thread)
            worker.commit(written)
            worker.die()
        self.world.sweep()
        self.check()

    @precondition(lambda self: self.alive())
    @rule()
    def lease_runs_out(self) -> None:
        """Every worker is taken for dead and lives on."""
        for worker in self.world.workers:
            worker.lease.is_doubted = True  # it was silent for that long, and knows
        self.world.sweep()

    # --- people --------------------------------------------------------------------------------
    @precondition(lambda self: self.alive() or self.world.run.status == "WAITING")
    @rule(sure=st.integers(0, 9))
    def somebody_cancels(self, sure: int) -> None:
        if sure == 0:
            self.compares = False
            self.world.cancel()
        self.check()

    @precondition(lambda self: self.world.questions())
    @rule(which=numbers, answer=st.sampled_from(("rerun", "done", "done", "fail")))
    def somebody_answers(self, which: int, answer: str) -> None:
        self.answer(which, answer)
        self.check()

    # --- what must hold ------------------------------------------------------------------------
    def check(self) -> None:
        """Final states are final; every unfinished run has somebody or something that moves it."""
        run = self.world.run
        if self.world.breaches:
            raise Broken(self.world.breaches[0])
        if self.ended_as is not None and run.status != self.ended_as:
            raise Broken(f"The run had ended as {self.ended_as} and is {run.status}.")
        if run.status in FINAL:
            self.ended_as = run.status
            if run.state is not None:
                raise Broken("The run has ended and is still in the queue.")
        elif run.state == "WAITING" and run.run_at is None:
            raise Broken("The run waits for nothing.")
        elif run.state == "ATTENTION" and not self.world.questions():
            raise Broken("The run asks, but nothing that anybody could answer.")

    def teardown(self) -> None:
        """The faults are over: the run comes to its end, and to what it means."""
        if not hasattr(self, "world"):
            return
        for _ in range(200):
            run = finish(self.world)
            self.check()
            if not self.world.questions():
                break
            self.answer(0, "done")
        if run.status not in FINAL:
            raise Broken(f"The run is stuck: {run.status}, {run.state}, {run.cursor}")
        if self.compares and self.meaning is not None:
            found = differences(self.meaning, run)
            if found:
                raise Broken("\n".join(found))

    # --- help ----------------------------------------------------------------------------------
    def alive(self) -> list[Worker]:
        return [worker for worker in self.world.workers if worker.is_alive or worker.pending]

    def pick(self, which: int) -> Worker:
        alive = self.alive()
        return alive[which % len(alive)]

    def answer(self, which: int, answer: str) -> None:
        """`done` comes with what the service would have answered; a step that was to fail is answered so."""
        asked = self.world.questions()
        path = asked[which % len(asked)]
        status, output = (
            self.meaning.steps.get(path, ("COMPLETED", {"v": 0})) if self.meaning else ("COMPLETED", None)
        )
        if answer == "fail" or (answer == "done" and status != "COMPLETED"):
            self.compares = False
        self.world.answer(path, answer, output if answer == "done" else None)


def run_histories(count: int, *, steps: int = 30, shrink: bool = True, **more: Any) -> None:
    """Raises Broken with the shortest history that breaks something."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    wanted = settings(
        max_examples=count, stateful_step_count=steps, deadline=None, database=None, phases=phases,
        suppress_health_check=list(HealthCheck), print_blob=False, **more,
    )  # fmt: skip
    run_state_machine_as_test(History, settings=wanted)
