"""What this machine could do at best at this moment: durable writes, transactions, requests."""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.cpu import cpu_seconds, spent
from tests.support.echo import Echo
from tests.support.load import send_load
from tests.support.product import Product

THREADS = 4
_INSERT_RUN = "INSERT INTO bench_run VALUES (%s, 'PENDING', %s)"
_CLAIM = "UPDATE bench_run SET state = 'RUNNING' WHERE id = %s"
_INSERT_STEP = "INSERT INTO bench_step VALUES (%s, %s, %s)"
_FINISH = "UPDATE bench_run SET state = 'COMPLETED' WHERE id = %s"


@dataclass(frozen=True)
class Limit:
    name: str
    value: str


def physical_limits(product: Product, echo: Echo, *, seconds: float) -> list[Limit]:
    """Measured one after the other, each for about `seconds`."""
    assert product.postgres is not None
    web_rate, web_ms = _no_op_posts(product, int(1000 * seconds))
    return [
        Limit("durable write of 8 kB (median)", f"{_fsync_ms(product.postgres.folder):.2f} ms"),
        Limit(
            f"insert, claim, finish in 3 commits, plain SQL, {THREADS} connections",
            f"{_transactions(product.environment['DATABASE_URL'], seconds):,.0f} /s",
        ),
        Limit("POST that the web server turns away (404)", f"{web_rate:,.0f} /s, {web_ms:.2f} ms CPU"),
        Limit("POST to the receiver", f"{_echo_rate(echo, int(4000 * seconds)):,.0f} /s"),
    ]


def _fsync_ms(folder: Path) -> float:
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(100):
            file.write(b"x" * 8192)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def _transactions(url: str, seconds: float) -> float:
    """Executions per second if each were nothing but its rows, written one by one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE bench_run (id uuid PRIMARY KEY, state text, input jsonb)")
        connection.execute(
            "CREATE TABLE bench_step (run uuid, path text, output jsonb, PRIMARY KEY (run, path))"
        )
        counts = [0] * THREADS
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=_write_runs, args=(url, until, counts, n)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        connection.execute("DROP TABLE bench_run, bench_step")
    return sum(counts) / seconds


def _write_runs(url: str, until: float, counts: list[int], number: int) -> None:
    payload = '{"id": "x", "total": 100, "customer": {"name": "Ada Example"}}'
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < until:
            run = uuid.uuid4()
            connection.execute(_INSERT_RUN, (run, payload))
            connection.execute(_CLAIM, (run,))
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(_INSERT_STEP, [(run, path, payload) for path in "abc"])
                cursor.execute(_FINISH, (run,))
            counts[number] += 1


def _no_op_posts(product: Product, count: int) -> tuple[float, float]:
    """Requests per second, and CPU ms of the web process for each."""
    before, began = cpu_seconds(product), time.monotonic()
    send_load(f"{product.url}/hooks/none", ({"id": str(number)} for number in range(count)))
    took_s = time.monotonic() - began
    return count / took_s, spent(before, cpu_seconds(product))["web"] * 1000 / count


def _echo_rate(echo: Echo, count: int) -> float:
    began = time.monotonic()
    send_load(f"{echo.url}/limit", ({"id": str(number)} for number in range(count)))
    return count / (time.monotonic() - began)
