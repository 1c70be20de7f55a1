"""The servers the product leans on go away and come back."""

from __future__ import annotations

import random
import re
import time

import redis

from tests.faults.stage import Stage, rush
from tests.faults.verdict import Verdict, row
from tests.support.checker import Fault

_CUT_OFF = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_LAST_LINE = re.compile(r"^[^|\n]*\| +((?:\w+\.)*\w*(?:Error|Exception|Interrupt)\b.*)$", re.MULTILINE)


@row("redis", "Redis flushed, full, stalled, killed and back empty")
def redis_away(stage: Stage) -> Verdict:
    """Nothing is lost and nothing repeated: Redis holds wake-ups alone."""
    down_s = 30.0 if stage.full else 4.0
    stalled_s = down_s / 3
    product = stage.fragile()
    server = product.redis
    assert server is not None
    with rush(stage, product, name="redis", rate=10, at_least_s=5.0) as traffic:
        client = redis.Redis.from_url(server.url)
        client.flushall()
        time.sleep(2.0)
        client.config_set("maxmemory", "1")
        time.sleep(3.0)
        client.config_set("maxmemory", "0")
        client.client_pause(int(stalled_s * 1000))
        time.sleep(stalled_s + 1.0)
        server.stop(kill=True)
        time.sleep(down_s)
        server.start()
        time.sleep(2.0)
    done = f"flushed, no memory for 3 s, stalled for {stalled_s:.0f} s, killed, away for {down_s:.0f} s, back empty"
    return traffic.verdict(done, asks="never", may_repeat=False)


@row("postgres", "PostgreSQL: connections cut, restarted with `immediate`")
def postgres_away(stage: Stage) -> Verdict:
    """Answers meanwhile are 503 with Retry-After or none; safe calls in flight may come again under their key, unsafe ones
    whose record could not be written in time may ask."""
    times, down_s = (10, 3.0) if stage.full else (2, 1.0)
    product, dice = stage.fragile(), random.Random(3)
    server, said = product.postgres, len(product.log())
    assert server is not None
    with rush(stage, product, name="postgres", rate=10, at_least_s=5.0) as traffic:
        for _ in range(times):
            time.sleep(dice.uniform(1.0, 3.0))
            product.rows().query(_CUT_OFF)
            time.sleep(dice.uniform(0.5, 1.0))
            server.stop(immediately=True)
            time.sleep(dice.uniform(0.0, down_s))
            server.start()
        time.sleep(2.0)
    verdict = traffic.verdict(
        f"{times} times all connections cut, {times} immediate restarts, up to {down_s:.0f} s away each"
    )
    verdict.faults += tracebacks(product.log()[said:])
    return verdict


def tracebacks(log: str) -> list[Fault]:
    """What was away and is back is no news that fills a screen."""
    if "Traceback (most recent call last)" not in log:
        return []
    kinds = sorted(set(_LAST_LINE.findall(log)))[:5]
    count = log.count("Traceback (most recent call last)")
    return [Fault("other", f"{count} tracebacks in the log, such as {'; '.join(kinds)[:600]}")]
