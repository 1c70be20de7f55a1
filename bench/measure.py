"""Runs a workload against a running product, and holds what came of it against what had to come."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.documents import Workload, body_of
from bench.ledger import Ledger
from bench.statements import Statements
from tests.support.cpu import cpu_seconds, spent
from tests.support.echo import Echo
from tests.support.load import Answer, send_load
from tests.support.product import Product, Published

WITHIN_S = 300.0


@dataclass
class Pass:
    """One pass of a workload. Times in ms; `cpu_ms` by role and `statements`, `commits` are per execution."""

    executions: int
    seconds: float
    cpu_ms: Mapping[str, float]
    statements: float
    commits: float
    run_ms: Sequence[float]
    accept_ms: Sequence[float]
    effect_ms: Sequence[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return self.executions / self.seconds

    @property
    def cpu_total_ms(self) -> float:
        return sum(self.cpu_ms.values())


def percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)] if values else float("nan")


class Bench:
    """One product, one receiver; workloads are published once and run as often as wanted."""

    def __init__(self, product: Product, echo: Echo) -> None:
        self.product = product
        self.echo = echo
        self.ledger = Ledger(product.rows())
        connection = self.ledger.connection
        self.statements = Statements(connection) if connection else None
        self._published: dict[str, Published] = {}
        self._passes = 0

    def run(
        self,
        workload: Workload,
        count: int,
        *,
        connections: int = 16,
        rate: float | None = None,
        alone: bool = False,
    ) -> Pass:
        """Send `count` webhooks, wait until every run has ended, and check that all of it was recorded.

        `rate`: so many a second; `alone`: each only when the one before has ended; else as fast as they are answered.
        Raises AssertionError when a run did not complete, or a step or a call is missing or double.
        """
        workflow = self._publish(workload)
        self._passes += 1
        bodies = [body_of(number, f"p{self._passes}", workload.items) for number in range(count)]
        since, began = self.echo.count(), time.time()
        if self.statements:
            self.statements.reset()
        before = cpu_seconds(self.product)
        hook, answers = workflow.hooks["order"], list[Answer]()
        for batch in [[body] for body in bodies] if alone else [bodies]:
            answers += send_load(hook, batch, connections=1 if alone else connections, rate=rate)
            self._wait()
        cpu = spent(before, cpu_seconds(self.product))
        statements, commits = self.statements.counts() if self.statements else (math.nan, math.nan)
        last, run_ms = self._check(workload, workflow, answers, began)
        effects = self._effects(workload, answers, since)
        return Pass(
            count, last - began, {role: s * 1000 / count for role, s in cpu.items()}, statements / count,
            commits / count, run_ms, [answer.latency_ms for answer in answers], effects,
        )  # fmt: skip

    def _publish(self, workload: Workload) -> Published:
        if workload.name not in self._published:
            for other in workload.also:
                self.product.publish(other)
            self._published[workload.name] = self.product.publish(workload.document)
            self.run(workload, 1 if workload.items else 40)  # caches and connections get warm
        return self._published[workload.name]

    def published(self, workload: Workload) -> Published:
        return self._published[workload.name]

    def database_mb(self) -> float:
        """On PostgreSQL."""
        return float(self.ledger.query("SELECT pg_database_size(current_database())")[0][0]) / 1e6

    def _wait(self) -> None:
        give_up = time.monotonic() + WITHIN_S
        while self.ledger.left():
            if time.monotonic() > give_up:
                raise TimeoutError(
                    f"Runs are still under way after {WITHIN_S} s:\n{self.product.log()[-3000:]}"
                )
            time.sleep(0.02)

    def _check(
        self, workload: Workload, workflow: Published, answers: Sequence[Answer], began: float
    ) -> tuple[float, list[float]]:
        refused = [answer for answer in answers if answer.status != 202]
        assert not refused, f"{len(refused)} webhooks were not accepted, such as {refused[0]}."
        ended = self.ledger.ended(workflow.id, began)
        assert ended.completed == ended.found == len(answers), (
            f"{ended.completed} of {ended.found} runs completed, {len(answers)} accepted."
        )
        steps = self.ledger.steps(workflow.id, began)
        assert steps == len(answers) * workload.steps, f"{steps} steps were recorded for {len(answers)} runs."
        return ended.last, ended.run_ms

    def _effects(self, workload: Workload, answers: Sequence[Answer], since: int) -> list[float]:
        """Milliseconds from each webhook to its first call at the receiver."""
        seen = self.echo.log(since)
        wanted = len(answers) * workload.calls
        assert len(seen) == wanted, f"The receiver saw {len(seen)} calls, not {wanted}."
        first: dict[str, float] = {}
        for call in seen:
            first.setdefault(call.id.partition("/")[0], call.at)
        return [(first[answer.id] - answer.due_at) * 1000 for answer in answers] if first else []


def median_pass(passes: Sequence[Pass]) -> Pass:
    """The pass whose rate is the median."""
    middle = statistics.median_low(one.per_second for one in passes)
    return next(one for one in passes if one.per_second == middle)
