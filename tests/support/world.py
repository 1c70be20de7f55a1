"""An installation in memory, where every moment of a run can be stopped, killed, or happen in another order.

The planner, the segment and the journal are the product's; the queue, the writer, the services and the clock are played
here, by the rules of the tables (workflows/runs/store). Each worker is a greenlet: wherever the product would wait for
the writer or for a service it comes back here, and the test says what happens next.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import Empty
from types import SimpleNamespace
from typing import Any
from unittest import mock

from greenlet import getcurrent, greenlet

from automate.lib import clock
from workflows.engine.names import RunData
from workflows.engine.outcome import Done, Failed, Record, StepError
from workflows.runs import segment as segment_module
from workflows.runs.facts import Facts
from workflows.runs.perform import Call, Performed
from workflows.runs.program import Program, compile_program
from workflows.runs.segment import Segment
from workflows.runs.services import Services
from workflows.runs.shapes import Claimed, Entry, Lease

FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})
LEGAL = {
    "PENDING": {"RUNNING", "CANCELLED"},
    "RUNNING": {"RUNNING", "WAITING", "NEEDS_ATTENTION", *FINAL},
    "WAITING": {"RUNNING", "CANCELLED"},
    "NEEDS_ATTENTION": {"RUNNING", "CANCELLED"},
}


class Broken(AssertionError):
    """An invariant does not hold."""


class Died(BaseException):
    """The worker was killed here."""


@dataclass
class Row:
    """A run as its rows have it: `workflows_workflowexecution`, `_activerun` (state None: gone) and `_stepexecution`."""

    id: uuid.UUID
    program: Program
    input: dict[str, Any]
    status: str = "PENDING"
    state: str | None = "READY"
    run_at: datetime | None = None
    attempt: int = 0
    signals: int = 0
    barren: int = 0
    inflight: str = "[]"
    cursor: str = "{}"
    is_cancelled: bool = False
    had_errors: bool = False
    output: Any = None
    error: Any = None
    steps: dict[str, Record] = field(default_factory=dict)

    def become(self, status: str) -> None:
        if status not in LEGAL.get(self.status, set()):
            raise Broken(f"The run went from {self.status} to {status}.")
        self.status = status


@dataclass(frozen=True)
class Sent:
    """A call that reached the service."""

    path: str
    key: str
    effect: str


class World:
    """`free`: nothing is stopped, everything happens at once, for those who only want to know what comes of a run."""

    def __init__(self, document: dict[str, Any], body: Any, *, free: bool = False) -> None:
        self.now = datetime(2027, 1, 1, tzinfo=UTC)
        self.free = free
        trigger = {"type": "manual", "key": "go", "at": self.now.isoformat(), "body": body}
        self.run = Row(uuid.uuid4(), compile_program(uuid.uuid4(), document), trigger, run_at=self.now)
        self.workers: list[Worker] = []
        self.sent: list[Sent] = []
        self.first_answers: dict[str, Done | Failed] = {}
        self.lost: set[str] = set()  # keys whose first answer was lost on its way
        self.reruns: Counter[str] = Counter()  # how often a person said "send again", by path
        self.breaches: list[str] = []  # of invariants, by calls: the engine would swallow an exception there

    # --- the tables ----------------------------------------------------------------------------
    def claim(self) -> Worker | None:
        """A worker for the run, if it is ready."""
        run = self.run
        if run.state != "READY" or run.run_at is None or run.run_at > self.now:
            return None
        run.state, run.attempt, run.barren = "RUNNING", run.attempt + 1, run.barren + 1
        run.become("RUNNING")
        worker = Worker(self, run)
        self.workers.append(worker)
        return worker

    def write(self, entry: Entry) -> None:
        """Commit one entry, fenced."""
        run, lease = self.run, entry.lease
        if run.state != "RUNNING" or run.attempt != lease.attempt:
            lease.lost = True
        elif entry.ending:
            self._add_steps(entry)
            run.become(entry.ending.status)
            run.state, run.output, run.error = None, entry.ending.output, entry.ending.error
            run.had_errors = entry.ending.had_errors
        else:
            self._add_steps(entry)
            self._advance(entry)
        entry.written.set()

    def _advance(self, entry: Entry) -> None:
        run = self.run
        run.inflight = run.inflight if entry.inflight is None else json.dumps(entry.inflight)
        run.cursor = run.cursor if entry.cursor is None else json.dumps(entry.cursor)
        run.barren = 0 if entry.records or entry.suspend else run.barren
        entry.lease.cancelled = entry.lease.cancelled or run.is_cancelled
        if entry.suspend:
            again = run.is_cancelled or run.signals > entry.lease.signals
            run.state, run.run_at = ("READY", self.now) if again else (entry.suspend, entry.wake_at)
            run.become("NEEDS_ATTENTION" if entry.suspend == "ATTENTION" else "WAITING")

    def _add_steps(self, entry: Entry) -> None:
        for record in entry.records:
            if record.path in self.run.steps:
                raise Broken(f"The step {record.path} had ended and was recorded again.")
            self.run.steps[record.path] = record

    def sweep(self) -> None:
        """The workers of the run are taken for dead; what is due becomes ready."""
        run = self.run
        if run.state == "RUNNING":
            run.state, run.run_at = "READY", self.now
        self.wake()

    def wake(self) -> None:
        run = self.run
        if run.state in ("WAITING", "ATTENTION") and run.run_at is not None and run.run_at <= self.now:
            run.state = "READY"

    def cancel(self) -> None:
        run = self.run
        if run.state == "RUNNING":
            run.is_cancelled = True
        elif run.state is not None:
            run.become("CANCELLED")
            run.state = None

    def questions(self) -> list[str]:
        """The paths a person is asked about and has not answered."""
        if self.run.state in (None, "RUNNING"):
            return []
        cursor = json.loads(self.run.cursor)
        asked = [path for path, note in cursor.get("waits", {}).items() if note["kind"] == "ask"]
        return sorted(set(asked) - cursor.get("answers", {}).keys())

    def answer(self, path: str, answer: str, output: Any = None) -> None:
        run, cursor = self.run, json.loads(self.run.cursor)
        cursor.setdefault("answers", {})[path] = {"answer": answer, "output": output}
        run.cursor, run.signals = json.dumps(cursor), run.signals + 1
        self.reruns[path] += answer == "rerun"
        if run.state in ("WAITING", "ATTENTION"):
            run.state, run.run_at = "READY", self.now

    # --- the service ---------------------------------------------------------------------------
    def serve(self, call: Call, key: str) -> Done | Failed:
        """What the service does. It replays its first answer for a repeated key; `lost` answers get lost once."""
        self._check(call, key)
        self.sent.append(Sent(call.path, key, call.effect))
        if key not in self.first_answers:
            self.first_answers[key] = self._judge(call, key)
            if call.input["lost"] and key not in self.lost:
                self.lost.add(key)
                error = StepError("It did not answer.", "timeout", call.step.key, retryable=True)
                return Failed(error, dict(call.input), outcome_unknown=True)
        return self.first_answers[key]

    def _judge(self, call: Call, key: str) -> Done | Failed:
        tries = len({sent.key for sent in self.sent if sent.path == call.path})
        if call.input["fail"] or tries <= int(str(call.input["flaky"])):
            return Failed(
                StepError("No.", "http_503", call.step.key, retryable=True, status=503), dict(call.input)
            )
        return Done({"v": call.input["v"]}, input=dict(call.input))

    def _check(self, call: Call, key: str) -> None:
        """A call that begins now must be one that has not ended and, unsafe, one that was never sent before."""
        worker = current_worker()
        is_ours = self.run.state == "RUNNING" and worker.lease.attempt == self.run.attempt
        if is_ours and call.path in self.run.steps:
            self.breaches.append(f"The step {call.path} had ended and was sent again.")
        if key.split(":")[0] != str(self.run.id):
            self.breaches.append(f"The key {key} is not the run's.")
        same = [sent for sent in self.sent if sent.key == key]
        if any(sent.path != call.path for sent in same):
            self.breaches.append(f"The key {key} was used for two steps.")
        if call.effect == "unsafe" and len(same) > self.reruns[call.path]:
            self.breaches.append(f"The unsafe step {call.path} was sent {len(same) + 1} times under one key.")


def current_worker() -> Worker:
    worker: Worker = getcurrent().worker
    return worker


class Worker:
    """One claim under way: a greenlet for its segment and one for each call in the pool. `pending`: what its writer has
    not committed yet."""

    def __init__(self, world: World, run: Row) -> None:
        self.world = world
        self.pending: deque[Entry] = deque()
        self.lease = Lease(
            run.id, uuid.UUID(int=1), uuid.UUID(int=2), run.attempt, run.signals, cancelled=run.is_cancelled
        )
        claimed = Claimed(
            self.lease, run.program.version_id, None, run.input, 1, False, run.id, None, 0, {}, json.loads(run.inflight),
            json.loads(run.cursor), run.barren, world.now, records=_copies(run, run.program.graph.members(None)),
        )  # fmt: skip
        names: dict[str, Any] = {
            "id": str(run.id),
            "number": 1,
            "started_at": "",
            "url": "",
            "workflow": "",
            "is_test": False,
        }
        records = {record.path: record for record in claimed.records}
        data = RunData(run.program.graph, run.input, names, records)
        self.services = _Services(self)
        self.segment = Segment(claimed, run.program, data, self.services)
        self.segment.calls._results = _Results(self)  # type: ignore[assignment]  # as much of a queue as is used
        self.greenlets: list[greenlet] = []
        self.spawn(self.segment.run)

    def spawn(self, job: Callable[[], object]) -> None:
        made = greenlet(job)
        made.worker = self
        self.greenlets.append(made)

    @property
    def is_alive(self) -> bool:
        return bool(self.greenlets)

    def step(self, number: int) -> None:
        """Let one of its threads go on until it waits again."""
        chosen = self.greenlets[number % len(self.greenlets)]
        chosen.parent = getcurrent()
        chosen.switch()
        self.greenlets = [one for one in self.greenlets if not one.dead]

    def commit(self, count: int) -> None:
        """Its writer commits so many entries, in order."""
        for _ in range(min(count, len(self.pending))):
            self.world.write(self.pending.popleft())

    def die(self) -> None:
        """SIGKILL: what was not committed is gone."""
        self.pending.clear()
        for one in self.greenlets:
            one.parent = getcurrent()
            try:
                if one:
                    one.throw(Died)
            except Died:
                pass
        self.greenlets = []

    def pause(self) -> None:
        """Called in its threads: somebody else goes first."""
        if self.world.free:
            self.commit(len(self.pending))
        else:
            getcurrent().parent.switch()


class _Results:
    """The queue on which a segment waits for its calls."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.results: deque[Performed] = deque()

    def put(self, result: Performed) -> None:
        self.results.append(result)

    def get(self, timeout: float) -> Performed:
        if not self.results:
            self.worker.pause()
        return self.get_nowait()

    def get_nowait(self) -> Performed:
        if not self.results:
            raise Empty
        return self.results.popleft()


class _Services(Services):
    """What a segment may ask of this world."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.world = worker.world
        self.facts = Facts()
        self.is_closing = False

    def write(self, entry: Entry) -> None:
        self.worker.pending.append(entry)
        self.worker.pause()

    def await_written(self, entry: Entry) -> None:
        while not entry.written.is_set():
            self.worker.pause()

    def submit(self, job: Callable[[], None]) -> None:
        if self.world.free:
            job()
        else:
            self.worker.spawn(job)

    def effect_of(self, step: Any, given: Any, tenant_id: uuid.UUID) -> Any:
        return "unsafe"

    def run_action(self, call: Call, claimed: Claimed, key: str, timeout_s: float) -> Performed:
        outcome = self.world.serve(call, key)
        self.worker.pause()
        return Performed(call, outcome)

    def guard(self, record: Record, data: RunData) -> None:
        """There are no secrets here."""

    def count_rows(self, claimed: Claimed) -> tuple[int, bool, bool]:
        steps = self.world.run.steps.values()
        return len(steps), any(record.status == "FAILED" for record in steps), False

    def records_at(self, claimed: Claimed, paths: list[str]) -> list[Record]:
        return _copies(self.world.run, paths)

    def store(self, record: Record, claimed: Claimed) -> StepError | None:
        return None

    def store_run_output(self, output: Any, claimed: Claimed) -> str | None:
        return None

    def failure_runs(self, *args: Any) -> list[Any]:
        return []

    def why_stopped(self, lease: Lease) -> str:
        return "It was stopped."


def _copies(run: Row, paths: Any) -> list[Record]:
    """Records as they come out of the table: what is not kept there is gone."""
    found = [run.steps[path] for path in paths if path in run.steps]
    return [
        Record(
            one.path,
            one.key,
            one.status,
            one.ports,
            output=json.loads(json.dumps(one.output)),
            error=one.error,
        )
        for one in found
    ]


@contextmanager
def time_of(world: World) -> Iterator[None]:
    """Inside, the product's time is the world's."""

    def sleep(seconds: float) -> None:
        world.now += timedelta(seconds=seconds)

    with (
        mock.patch.object(clock, "now", new=lambda: world.now),  # noqa: PT008 - it moves on
        mock.patch.object(segment_module, "time", SimpleNamespace(sleep=sleep)),
    ):
        yield


def finish(world: World) -> Row:
    """Let the run go on undisturbed until it has ended, or only waits for a person."""
    run = world.run
    with time_of(world):
        for _ in range(10_000):
            alive = [worker for worker in world.workers if worker.is_alive]
            for worker in alive:
                worker.commit(len(worker.pending))
                for number in range(len(worker.greenlets)):
                    worker.step(number) if number < len(worker.greenlets) else None
                worker.commit(len(worker.pending))
            if not alive and world.claim() is None:
                if run.state is None or run.run_at is None:
                    return run
                world.now = max(world.now, run.run_at)
                world.sweep()
    raise Broken(f"The run does not come to an end: {run.status}, {run.state}, {run.cursor}")
