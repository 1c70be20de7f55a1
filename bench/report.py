"""The tables that `python -m bench` prints."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence

from bench.limits import Limit
from bench.measure import Pass, percentile
from bench.rows import Figure, Line

NAME = 48  # characters for a workload's name
ROLES = ("web", "worker", "scheduler", "postgres", "redis")


def machine() -> str:
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, load average before: {load}. "
        "PostgreSQL with fsync and synchronous_commit on, SQLite with synchronous=FULL. Load generator and receiver share "
        "the machine.\n"
    )


def limits(found: Sequence[Limit]) -> str:
    return "At best here\n" + "\n".join(f"  {limit.name:<72} {limit.value:>24}" for limit in found) + "\n"


def table(rows: Sequence[Line]) -> str:
    head = (
        f"{'':<{NAME}} {'exec/s':>7} {'→202 ms':>13} {'→effect ms':>13} {'run ms':>15} "
        f"{'CPU ms':>7} = {' '.join(f'{role:>9}' for role in ROLES)} {'SQL':>7} {'commits':>8}"
    )
    under = (
        f"{'':<{NAME}} {'':>7} {'p50 / p95':>13} {'p50 / p95':>13} {'p50 / p95':>15} {'each':>7}   "
        f"{'':>{10 * len(ROLES) - 1}} {'each':>7} {'each':>8}"
    )
    return "\n".join([head, under, *(_line(name, one) for name, one in rows)])


def figures(found: Sequence[Figure]) -> str:
    """What is held against what we want."""
    head = f"\n{'':<62} {'measured':>12} {'':<14} {'wanted':>12}"
    return "\n".join([head, *map(_figure, found)])


def _figure(one: Figure) -> str:
    if one.wanted is None:
        return f"{one.name:<62} {_number(one.value):>12} {one.unit:<14}"
    wanted = f"{'≤' if one.at_most else '≥'} {_number(one.wanted)}"
    return f"{one.name:<62} {_number(one.value):>12} {one.unit:<14} {wanted:>12}  {'' if one.holds else 'NOT HELD'}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value < 1 else f"{value:.1f}"


def _line(name: str, one: Pass) -> str:
    roles = {**one.cpu_ms, "worker": one.cpu_ms.get("worker", 0.0) + one.cpu_ms.get("engine", 0.0)}
    cpu = " ".join(f"{roles.get(role, 0.0):>9.2f}" for role in ROLES)
    return (
        f"{name:<{NAME}} {one.per_second:>7.1f} {_pair(one.accept_ms, 13)} {_pair(one.effect_ms, 13)} "
        f"{_pair(one.run_ms, 15)} {one.cpu_total_ms:>7.2f} = {cpu} {_count(one.statements, 7)} {_count(one.commits, 8)}"
    )


def _count(value: float, width: int) -> str:
    """SQLite counts no statements."""
    return f"{'-':>{width}}" if math.isnan(value) else f"{value:>{width}.2f}"


def _pair(values: Sequence[float], width: int) -> str:
    if not values:
        return f"{'-':>{width}}"
    middle, high = percentile(values, 0.5), percentile(values, 0.95)
    digits = 1 if high < 1000 else 0
    return f"{middle:.{digits}f} / {high:.{digits}f}".rjust(width)


def statements(name: str, found: Sequence[tuple[int, float, str]]) -> str:
    lines = [f"  {calls:>8,} calls {total_ms:>9.1f} ms  {text}" for calls, total_ms, text in found]
    return "\n".join([f"\nBusiest statements of {name}", *lines, ""])
