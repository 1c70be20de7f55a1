"""Measures W1, W2 and W3 on PostgreSQL and Redis with real web and worker processes, and prints a table."""

from __future__ import annotations

import argparse
import sys
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
    w2_http: int
    w3: int
    items: int
    limit_s: float


FULL = Sizes(w1=3000, repeats=3, paced=1000, w2=400, w2_http=60, w3=3, items=1000, limit_s=4)
QUICK = Sizes(w1=400, repeats=1, paced=200, w2=60, w2_http=10, w3=1, items=1000, limit_s=1)
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
    plan: list[tuple[Workload, int, int, int]] = [  # workload, executions, connections, repeats
        (webhook_to_effect(echo_url, "safe"), sizes.w1, 16, sizes.repeats),
        (webhook_to_effect(echo_url, "unsafe"), sizes.w1, 16, 1),
        (light_steps(echo_url), sizes.w2, 8, 1),
        (http_steps(echo_url, "safe"), sizes.w2_http, 1, 1),
        (http_steps(echo_url, "unsafe"), sizes.w2_http, 1, 1),
        (loop_of_calls(echo_url, 0, sizes.items), sizes.w3, 1, 1),
        (loop_of_calls(echo_url, 30, sizes.items), sizes.w3, 1, 1),
    ]
    rows = []
    for workload, count, connections, repeats in plan:
        if options.only and options.only.lower() not in workload.name.lower():
            continue
        rows += _rows(bench, workload, count, connections, repeats, sizes)
        if options.statements:
            print(report.statements(workload.name, bench.statements.busiest()))
    return rows


def _rows(
    bench: Bench, workload: Workload, count: int, connections: int, repeats: int, sizes: Sizes
) -> list[tuple[str, Pass]]:
    """W1 also at a fixed pace: latencies at full load say how long the queue is, not how quick the product."""
    print(f"… {workload.name}", file=sys.stderr, flush=True)
    passes = [bench.run(workload, count, connections=connections) for _ in range(repeats)]
    rows = [(workload.name, median_pass(passes))]
    if workload.name.startswith("W1"):
        paced = bench.run(workload, sizes.paced, rate=PACE_PER_S)
        rows.append((f"  the same at {PACE_PER_S:g}/s", paced))
    return rows


if __name__ == "__main__":
    main()
