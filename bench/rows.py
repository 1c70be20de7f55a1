"""The rows of the table: what is measured, on which product, and what we want of it."""

from __future__ import annotations

import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from bench.documents import (
    fan_out,
    http_steps,
    light_steps,
    loop_of_calls,
    loop_of_light_items,
    webhook_to_effect,
)
from bench.grown import grow
from bench.measure import Bench, Pass, median_pass, percentile
from bench.memory import peak_mb, pss_mb
from bench.stage import Stage
from tests.support.product import OWNER

PACE_PER_S = 100.0
ITEMS = 1_000
MANY = 100_000
IDLE_S = 10.0


@dataclass(frozen=True)
class Sizes:
    """How many executions each pass makes; `stored`: runs that lie in the grown database."""

    w1: int
    repeats: int
    paced: int
    w2: int
    alone: int
    w3: int
    children: int
    stored: int
    limit_s: float


FULL = Sizes(
    w1=3000, repeats=3, paced=1500, w2=400, alone=20, w3=5, children=300, stored=1_000_000, limit_s=4
)
QUICK = Sizes(w1=400, repeats=1, paced=200, w2=100, alone=5, w3=2, children=60, stored=50_000, limit_s=1)


@dataclass(frozen=True)
class Figure:
    """One thing that is held against what we want. `at_most` False: at least."""

    name: str
    value: float
    unit: str
    wanted: float | None = None
    at_most: bool = True

    @property
    def holds(self) -> bool:
        if self.wanted is None:
            return True
        return self.value <= self.wanted if self.at_most else self.value >= self.wanted


Line = tuple[str, Pass]
Measured = Line | Figure
Measure = Callable[[Stage, Sizes], Iterator[Measured]]


def w1(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    """Flooded: as many as it takes; the latencies then say how long the queue gets."""
    yield from _flooded(stage.servers(), "W1", sizes, stage.echo.url, 500)


def paced(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    """At a fixed pace: how quick it is while it is not full."""
    yield from _paced(stage.servers(), "W1", sizes, stage.echo.url)


def unsafe(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    bench, workload = stage.servers(), webhook_to_effect(stage.echo.url, "unsafe")
    yield workload.name, bench.run(workload, sizes.w1)
    yield f"  the same at {PACE_PER_S:g}/s", bench.run(workload, sizes.paced, rate=PACE_PER_S)


def w2(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    bench = stage.servers()
    yield light_steps().name, bench.run(light_steps(), sizes.w2)
    alone = bench.run(light_steps(), sizes.alone, alone=True)
    yield f"{light_steps().name}, alone", alone
    yield Figure("W2 40 light steps, alone, p50", percentile(alone.run_ms, 0.5), "ms", 20)


def w2_http(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    bench = stage.servers()
    for effect in ("safe", "unsafe"):
        workload = http_steps(stage.echo.url, effect)
        alone = bench.run(workload, sizes.alone, alone=True)
        yield f"{workload.name}, alone", alone
        if effect == "safe":
            over = percentile(alone.run_ms, 0.5) / 40 - stage.call_ms()
            yield Figure("W2 HTTP step, over the call itself, p50", over, "ms", 2)


def w3(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    bench = stage.servers()
    for delay_ms, wanted_s in ((0, 0.6), (30, 2.0)):
        workload = loop_of_calls(stage.echo.url, delay_ms, ITEMS)
        alone = bench.run(workload, sizes.w3, alone=True)
        yield f"{workload.name}, alone", alone
        yield Figure(
            f"W3 {ITEMS:,} POSTs, receiver {delay_ms} ms, p50",
            percentile(alone.run_ms, 0.5) / 1000,
            "s",
            wanted_s,
        )


def loop(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    bench, workload = stage.servers(), loop_of_light_items(MANY)
    alone = bench.run(workload, 1, alone=True)
    yield f"{workload.name}, alone", alone
    yield Figure(f"Loop of {MANY:,} light items", alone.run_ms[0] / 1000, "s", 60)
    yield Figure("  memory of its worker at most", peak_mb(bench.product, bench.product.worker), "MB", 300)


def fan(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    """The same with one worker process and with two."""
    workload, times = fan_out(sizes.children), []
    for workers in (1, 2):
        bench = stage.servers(AUTOMATE_WORKERS=str(workers))
        alone = bench.run(workload, 2, alone=True)
        yield f"{workload.name}, {workers} worker{'s' if workers > 1 else ''}", alone
        times.append(percentile(alone.run_ms, 0.5))
    yield Figure("Fan-out: two workers against one", times[0] / times[1], "times as fast")


def embedded(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    bench = stage.embedded()
    yield from _flooded(bench, "Embedded W1", sizes, stage.echo.url, 400)
    yield from _paced(bench, "Embedded W1", sizes, stage.echo.url)


def memory(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    """Of all processes of a fresh start, when nothing has been asked of them for a while."""
    for name, product in (("embedded", stage.embedded), ("with servers", stage.servers)):
        bench = product(fresh=True)
        time.sleep(IDLE_S)
        yield Figure(f"Idle memory (PSS), {name}", pss_mb(bench.product), "MB", 350)


def start(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    """From `manage.py up` on a prepared installation to the first answer of /healthz."""
    product = stage.embedded().product
    times = []
    for _ in range(3):
        product.stop()
        began = time.monotonic()
        product.start_again()
        times.append(time.monotonic() - began)
    yield Figure("Start to the first healthy answer", statistics.median(times), "s", 5)


def grown(stage: Stage, sizes: Sizes) -> Iterator[Measured]:
    """W1 before and after, and the list of runs, with many stored runs."""
    bench, workload = stage.servers(), webhook_to_effect(stage.echo.url, "safe")
    before = bench.run(workload, sizes.w1)
    took_s = grow(bench.ledger, bench.published(workload).id, sizes.stored)
    yield f"W1, {sizes.stored:,} runs stored", (after := bench.run(workload, sizes.w1))
    yield f"  the same at {PACE_PER_S:g}/s", bench.run(workload, sizes.paced, rate=PACE_PER_S)
    yield Figure(f"CPU of W1 with {sizes.stored:,} stored runs, each", after.cpu_total_ms, "ms", 3.2)
    yield Figure("  against none", after.cpu_total_ms / before.cpu_total_ms, "times")
    yield Figure("  storing them took", took_s, "s")
    yield Figure("  size of the database", bench.database_mb(), "MB")
    yield Figure("  newest page of runs through the API, p50", _list_ms(bench), "ms")


def _flooded(bench: Bench, name: str, sizes: Sizes, url: str, wanted: float) -> Iterator[Measured]:
    workload = webhook_to_effect(url, "safe")
    middle = median_pass([bench.run(workload, sizes.w1) for _ in range(sizes.repeats)])
    yield f"{name} webhook → 3 steps, safe POST", middle
    yield Figure(f"{name} runs", middle.per_second, "/s", wanted, at_most=False)
    yield Figure(f"{name} CPU of all servers, each", middle.cpu_total_ms, "ms", 3.2)


def _paced(bench: Bench, name: str, sizes: Sizes, url: str) -> Iterator[Measured]:
    one = bench.run(webhook_to_effect(url, "safe"), sizes.paced, rate=PACE_PER_S)
    yield f"{name} at {PACE_PER_S:g}/s", one
    yield Figure(f"{name} at {PACE_PER_S:g}/s, webhook → 202, p95", percentile(one.accept_ms, 0.95), "ms", 15)
    yield Figure(
        f"{name} at {PACE_PER_S:g}/s, webhook → effect, p95", percentile(one.effect_ms, 0.95), "ms", 25
    )


def _list_ms(bench: Bench) -> float:
    token = bench.product.manage("create_token", OWNER).split()[-1]
    ask = urllib.request.Request(
        f"{bench.product.url}/api/v1/executions?limit=50", headers={"Authorization": f"Bearer {token}"}
    )
    times = []
    for _ in range(10):
        began = time.perf_counter()
        with suppress(TimeoutError), urllib.request.urlopen(ask, timeout=30) as answer:
            answer.read()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


ROWS: dict[str, Measure] = {
    "w1": w1, "w1-paced": paced, "w1-unsafe": unsafe, "w2": w2, "w2-http": w2_http, "w3": w3, "loop": loop,
    "grown": grown, "fan-out": fan, "embedded": embedded, "start": start, "memory": memory,
}  # fmt: skip
