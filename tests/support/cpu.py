"""CPU time of a running product, by the role of its processes, as the kernel counts it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from tests.support.product import Product

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(product: Product) -> dict[str, float]:
    """Role → seconds so far, children included, also those that have ended."""
    return {role: _of_tree(pid) for role, pid in _roots(product).items()}


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Role → seconds between two looks; the processes must be the same."""
    return {role: after[role] - before.get(role, 0.0) for role in after}


def _roots(product: Product) -> dict[str, int]:
    roots = {name: product.pid(name) for name in product.process_names}
    for name, server in (("postgres", product.postgres), ("redis", product.redis)):
        if server is not None and server.process is not None:
            roots[name] = server.process.pid
    return roots


def _of_tree(root: int) -> float:
    children: dict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended while we looked
        # after the name: state, parent, …; user and system time of itself and of children it has waited for
        ticks[int(entry.name)] = sum(map(int, fields[11:15]))
        children[int(fields[1])].append(int(entry.name))
    total, queue = 0, [root]
    while queue:
        pid = queue.pop()
        total += ticks.get(pid, 0)
        queue += children[pid]
    return total / _TICKS_PER_S
