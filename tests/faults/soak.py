"""`python -m tests.faults.soak --minutes 10`: half of what this machine can do, for as long as that; nothing may grow.

Prints a line for each minute and a table of the first and the last one. Ends with 1 when something grew.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.documents import body_of, webhook_to_effect
from bench.measure import percentile
from tests.support.echo import Echo
from tests.support.load import Answer, send_load
from tests.support.product import Product, Published
from tests.support.servers import Postgres, Redis

FLOOD = 1_500  # webhooks by which the capacity is measured
MINUTE_S = 60.0
MAX_GROWTH = 1.10  # of memory
MAX_LATENCY_GROWTH, LATENCY_SLACK_MS = 2.0, 20.0  # of the 95th percentile: the machine does other things, too
_OTHERS = (
    "activerun",
    "workerlease",
    "triggerreceipt",
    "runevent",
    "sample",
    "waittoken",
    "blob",
    "stepstate",
)
_ENDED = """
SELECT count(*), count(*) FILTER (WHERE status = 'COMPLETED'),
  coalesce(percentile_disc(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - created_at) * 1000), 0)::float8
FROM workflows_workflowexecution WHERE created_at >= to_timestamp(%s)
"""


@dataclass(frozen=True)
class Minute:
    """What was seen at the end of a minute. Latencies are 95th percentiles of that minute; memory is PSS in MB."""

    accept_ms: float
    run_ms: float
    memory_mb: float
    connections: int
    files: int
    waiting: int
    rows: int


COLUMNS = {
    "accept_ms": "webhook → 202, p95 ms",
    "run_ms": "webhook → run ended, p95 ms",
    "memory_mb": "memory of all processes, MB",
    "connections": "connections to PostgreSQL",
    "files": "open files and sockets",
    "waiting": "unfinished runs",
    "rows": "rows beside runs and steps",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=10)
    minutes = parser.parse_args().minutes
    echo, postgres, redis = Echo().start(), Postgres(), Redis()
    try:
        postgres.start(), redis.start()
        with Product("postgres", postgres=postgres, redis=redis) as product:
            soak = Soak(product, echo)
            rate = soak.capacity() / 2
            print(f"{rate:.0f} webhooks a second for {minutes} minutes", flush=True)  # noqa: T201
            seen = list(soak.run(rate, minutes))
            faults = [*soak.missing(), *growth(seen[0], seen[-1])]
    finally:
        redis.remove()
        postgres.remove()
        echo.stop()
    print(table(seen[0], seen[-1], rate, len(seen), soak.sent, faults))  # noqa: T201
    sys.exit(1 if faults else 0)


class Soak:
    def __init__(self, product: Product, echo: Echo) -> None:
        self.product = product
        self.workflow: Published = product.publish(webhook_to_effect(echo.url, "safe").document)
        self.connection = psycopg.connect(product.environment["DATABASE_URL"], autocommit=True)
        self.sent = 0
        self.answers: list[Answer] = []

    def capacity(self) -> float:
        """Executions per second when webhooks come as fast as they are answered; the second try counts."""
        for _ in range(2):
            began = time.monotonic()
            self._send(FLOOD, None)
            while self._one("SELECT count(*) FROM workflows_activerun"):
                time.sleep(0.02)
            per_second = FLOOD / (time.monotonic() - began)
        return per_second

    def run(self, rate: float, minutes: int) -> Iterator[Minute]:
        """One look at the end of each minute; the first minute, in which caches fill, comes before all."""
        load = threading.Thread(target=self._send, args=(int(rate * MINUTE_S * (minutes + 1)), rate))
        load.start()
        began = time.time()
        for number in range(minutes + 1):
            since = began + number * MINUTE_S
            time.sleep(max(since + MINUTE_S - time.time(), 0.0))
            seen = self._look(since)
            print(f"minute {number}: {seen}", flush=True)  # noqa: T201
            if number:
                yield seen
        load.join()

    def missing(self) -> list[str]:
        """Everything that was accepted has come to its end."""
        give_up = time.monotonic() + 60
        while self._one("SELECT count(*) FROM workflows_activerun") and time.monotonic() < give_up:
            time.sleep(0.1)
        completed = self._one("SELECT count(*) FROM workflows_workflowexecution WHERE status = 'COMPLETED'")
        refused = sum(answer.status != 202 for answer in self.answers)
        faults = [f"{refused} webhooks were not accepted."] if refused else []
        return faults + (
            [f"{self.sent} were sent, {completed} runs completed."] if completed != self.sent else []
        )

    def _send(self, count: int, rate: float | None) -> None:
        first, self.sent = self.sent, self.sent + count
        bodies = (body_of(first + number, "soak", 1) for number in range(count))
        for answer in send_load(self.workflow.hooks["order"], bodies, rate=rate):
            self.answers.append(answer)

    def _look(self, since: float) -> Minute:
        (row,) = self.connection.execute(_ENDED, (since,)).fetchall()
        others = sum(self._one(f"SELECT count(*) FROM workflows_{name}") for name in _OTHERS)
        processes = list(_tree(self._roots()))
        return Minute(
            accept_ms=self._accepted_ms(),
            run_ms=round(row[2], 1),
            memory_mb=round(sum(map(_pss_mb, processes)), 1),
            connections=self._one(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            ),
            files=sum(map(_files, processes)),
            waiting=self._one("SELECT count(*) FROM workflows_activerun"),
            rows=others,
        )

    def _accepted_ms(self) -> float:
        """Of a few calls of its own: the load's answers are known at the end."""
        begins = []
        for _ in range(40):
            began = time.monotonic()
            self._send(1, None)
            begins.append((time.monotonic() - began) * 1000)
        return round(percentile(begins, 0.95), 1)

    def _one(self, statement: str) -> int:
        row: Any = self.connection.execute(statement).fetchone()
        return int(row[0])

    def _roots(self) -> list[int]:
        return [self.product.pid(name) for name in self.product.process_names]


def _tree(roots: Sequence[int]) -> Iterator[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(stat.read_text().rsplit(")", 1)[1].split()[1]), []).append(
                int(stat.parent.name)
            )
        except OSError:
            continue
    queue = list(roots)
    while queue:
        pid = queue.pop()
        yield pid
        queue += parents.get(pid, [])


def _pss_mb(pid: int) -> float:
    """Memory of a process, what it shares with others counted by its part."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def growth(first: Minute, last: Minute) -> list[str]:
    """A sentence for everything that is not flat."""
    faults = []
    if last.memory_mb > first.memory_mb * MAX_GROWTH:
        faults.append(f"Memory grew from {first.memory_mb} to {last.memory_mb} MB.")
    for name in ("accept_ms", "run_ms"):
        before, after = getattr(first, name), getattr(last, name)
        if after > before * MAX_LATENCY_GROWTH + LATENCY_SLACK_MS:
            faults.append(f"{COLUMNS[name]} grew from {before} to {after}.")
    for name, slack in (("connections", 2), ("files", 20), ("waiting", 200), ("rows", 100)):
        before, after = getattr(first, name), getattr(last, name)
        if after > before + slack:
            faults.append(f"{COLUMNS[name]} grew from {before} to {after}.")
    return faults


def table(first: Minute, last: Minute, rate: float, minutes: int, sent: int, faults: list[str]) -> str:
    lines = ["| | first minute | last minute |", "| --- | --- | --- |"]
    lines += [
        f"| {title} | {getattr(first, name)} | {getattr(last, name)} |" for name, title in COLUMNS.items()
    ]
    word = "nothing grew" if not faults else " ".join(faults)
    return "\n".join([*lines, "", f"SUMMARY: {minutes} minutes at {rate:.0f}/s, {sent:,} runs: {word}"])


if __name__ == "__main__":
    main()
