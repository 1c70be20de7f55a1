"""Memory of a running product as the kernel counts it, over all its processes."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from tests.support.product import Product


def pss_mb(product: Product) -> float:
    """What the product takes from the machine: shared pages are counted once, divided among those who share them."""
    assert product.process is not None
    return sum(_kilobytes(pid, "smaps_rollup", "Pss") for pid in tree(product.process.pid)) / 1024


def peak_mb(product: Product, name: str) -> float:
    """The most that any one process of this role has had in memory."""
    return max(_kilobytes(pid, "status", "VmHWM") for pid in tree(product.pid(name))) / 1024


def tree(root: int) -> list[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
                children[int(parent)].append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children[pid]
    return found


def _kilobytes(pid: int, file: str, name: str) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return 0  # it ended while we looked
