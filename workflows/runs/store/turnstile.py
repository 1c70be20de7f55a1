"""SQLite lets one writer in at a time, and whoever finds it busy sleeps 1 ms, then 2, 5, 10 … and may be overtaken for long.
Those who write for every run come through here first: threads of one process one after another, processes by a lock of
the file system that is looked at several times in a millisecond.

It is a courtesy and no guard: who waits in vain goes on to SQLite's own queue, and ends up with its error.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PATIENCE_S: Final = 2.0
PAUSES_S: Final = (0.0002, 0.001)  # between two looks: at first, and at most

_thread_at_a_time = threading.Lock()
_opened: dict[
    tuple[int, str], int
] = {}  # by process: a file that came along from a parent would share its lock


@contextmanager
def in_turn(database: str) -> Iterator[None]:
    """`database`: the path of its file. Not inside a transaction, and not inside itself."""
    with _thread_at_a_time:
        file = _lock_file(database)
        is_ours = _enter(file)
        try:
            yield
        finally:
            if is_ours:
                fcntl.flock(file, fcntl.LOCK_UN)


def _lock_file(database: str) -> int:
    place = (os.getpid(), database)
    if place not in _opened:
        _opened[place] = os.open(f"{database}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    return _opened[place]


def _enter(file: int) -> bool:
    give_up, (pause_s, longest_s) = time.monotonic() + PATIENCE_S, PAUSES_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > give_up:
                return False
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, longest_s)
