"""Measures W1, W2 and W3 on PostgreSQL and Redis with real web and worker processes, and prints a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench import report
from bench.documents import Workload, http_steps, light_steps, loop_of_calls, webhook_to_effect
from bench.limits import physical_limits
from bench.measure import Bench, Pass, median_pass
from bench.statements import SETTINGS
from tests.support.echo import Echo
from tests.support.product import Product
from tests.support.servers import Postgres


@dataclass(frozen=True)
class Sizes:
    """How many executions each pass makes."""

    w1: int
    repeats: int
    paced: int
    w2: int
    alone: int
    w3: int
    limit_s: float


FULL = Sizes(w1=3000, repeats=3, paced=1000, w2=400, alone=20, w3=5, limit_s=4)
QUICK = Sizes(w1=400, repeats=1, paced=200, w2=100, alone=5, w3=2, limit_s=1)
ITEMS = 1000
PACE_PER_S = 100.0


def main() -> None:
    options = _options()
    sizes = QUICK if options.quick else FULL
    echo = Echo().start()
    postgres = Postgres(settings=SETTINGS)
    try:
        postgres.start()
        with Product("postgres", postgres=postgres) as product:
            bench = Bench(product, echo)
            print(report.machine())
            if not options.only:
                print(report.limits(physical_limits(product, echo, seconds=sizes.limit_s)), flush=True)
            rows = _measure(bench, echo.url, sizes, options)
            print(report.table(rows))
    finally:
        postgres.remove()
        echo.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short try; figures are rough")
    parser.add_argument("--only", metavar="W1|W2|W3", help="workloads whose name contains this")
    parser.add_argument("--statements", action="store_true", help="show the busiest SQL statements of each")
    return parser.parse_args()


def _measure(
    bench: Bench, echo_url: str, sizes: Sizes, options: argparse.Namespace
) -> list[tuple[str, Pass]]:
    plan: list[tuple[Workload, Callable[[Workload], Iterator[tuple[str, Pass]]]]] = [
        (webhook_to_effect(echo_url, "safe"), lambda w: _flood(bench, w, sizes.w1, sizes.repeats)),
        (webhook_to_effect(echo_url, "safe"), lambda w: _pace(bench, w, sizes.paced)),
        (webhook_to_effect(echo_url, "unsafe"), lambda w: _flood(bench, w, sizes.w1, 1)),
        (webhook_to_effect(echo_url, "unsafe"), lambda w: _pace(bench, w, sizes.paced)),
        (light_steps(), lambda w: _flood(bench, w, sizes.w2, 1)),
        (light_steps(), lambda w: _alone(bench, w, sizes.alone)),
        (http_steps(echo_url, "safe"), lambda w: _alone(bench, w, sizes.alone)),
        (http_steps(echo_url, "unsafe"), lambda w: _alone(bench, w, sizes.alone)),
        (loop_of_calls(echo_url, 0, ITEMS), lambda w: _alone(bench, w, sizes.w3)),
        (loop_of_calls(echo_url, 30, ITEMS), lambda w: _alone(bench, w, sizes.w3)),
    ]
    rows: list[tuple[str, Pass]] = []
    for workload, measure in plan:
        if options.only and options.only.lower() not in workload.name.lower():
            continue
        print(f"… {workload.name}", file=sys.stderr, flush=True)
        rows += measure(workload)
        if options.statements:
            print(report.statements(workload.name, bench.statements.busiest()))
    return rows


def _flood(bench: Bench, workload: Workload, count: int, repeats: int) -> Iterator[tuple[str, Pass]]:
    """As many as it takes; the latencies here say how long the queue gets."""
    yield workload.name, median_pass([bench.run(workload, count) for _ in range(repeats)])


def _pace(bench: Bench, workload: Workload, count: int) -> Iterator[tuple[str, Pass]]:
    """At a fixed pace: how quick it is while it is not full."""
    yield f"  the same at {PACE_PER_S:g}/s", bench.run(workload, count, rate=PACE_PER_S)


def _alone(bench: Bench, workload: Workload, count: int) -> Iterator[tuple[str, Pass]]:
    """One run at a time."""
    yield f"{workload.name}, alone", bench.run(workload, count, alone=True)


if __name__ == "__main__":
    main()
