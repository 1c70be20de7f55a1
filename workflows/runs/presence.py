"""Whether somebody writes the journal of this process: the drain, which comes and goes.

Whoever waits for the writer waits here, so that a thread whose run was given to another worker never waits for a
drain that has nothing left to do: it would outlive the process's last task and keep the process from ending.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

GRACE_S = 5.0  # a drain that returned is called again within the scheduler's tick if there is work
LOOK_EVERY_S = 0.5


class WriterGone(Exception):
    """Nobody writes the journal any more; whatever was under way is for the next worker."""


class Presence:
    """`thread`: the writer's thread ident, None before the first drain. `beat_at`: when it last renewed the lease."""

    def __init__(self, lease_s: float = math.inf) -> None:
        self.thread: int | None = None
        self.beat_at = time.monotonic()
        self._lease_s = lease_s
        self._left_at: float | None = None

    def is_overdue(self) -> bool:
        """The process stood still, or the database was away, for so long that others may have taken over its runs."""
        return time.monotonic() - self.beat_at > self._lease_s

    @contextmanager
    def here(self) -> Iterator[None]:
        """The writer is at work inside."""
        self.thread, self._left_at = threading.get_ident(), None
        try:
            yield
        finally:
            self._left_at = time.monotonic()

    def wait(self, event: threading.Event) -> None:
        """Wait until the writer has set the event. Raises WriterGone when there has been no writer for GRACE_S."""
        while not event.wait(LOOK_EVERY_S):
            left_at = self._left_at
            if left_at is not None and time.monotonic() - left_at > GRACE_S and not event.is_set():
                raise WriterGone
