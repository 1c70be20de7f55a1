"""The children of one worker process: started when first needed, kept warm for a while, replaced when they end."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import cache
from typing import Final

from automate.lib.sandbox.process import Child, NotTaken
from automate.lib.sandbox.shapes import CodeFault, CodeResult, Job, Stopped

IDLE_S: Final = 60.0  # an idle child holds about 30 MB
AT_ONCE: Final = 2
TRIES: Final = 3
LOOK_EVERY_S: Final = 0.1


class Sandbox:
    """At most `at_once` programs run at the same time; who comes then waits, and waiting costs none of their time."""

    def __init__(self, at_once: int = AT_ONCE, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._free = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._resting: list[Child] = []
        self._busy: set[Child] = set()
        self._closed = False
        weakref.finalize(self, _end_all, self._resting)

    def run(self, job: Job, *, stop: Callable[[], bool] = lambda: False) -> CodeResult:
        """Run a program; whatever goes wrong in it comes back as a fault. `stop` is asked ten times a second.

        Raises Stopped.
        """
        while not self._free.acquire(timeout=LOOK_EVERY_S):
            if stop() or self._closed:
                raise Stopped
        try:
            return self._run(job, stop)
        finally:
            self._free.release()

    def _run(self, job: Job, stop: Callable[[], bool]) -> CodeResult:
        for _ in range(TRIES):
            child = self._take(job.language)
            try:
                result = child.run(job, stop)
            except NotTaken:
                self._drop(child)
                continue
            except BaseException:
                child.kill()
                self._drop(child)
                raise
            self._give_back(child)
            return result
        return CodeResult(
            fault=CodeFault(
                "No process could be started to run the program. Try again later.", "code_unavailable"
            )
        )

    def _take(self, language: str) -> Child:
        """A resting child of this language, or a new one."""
        with self._lock:
            if self._closed:
                raise Stopped
            found = next((child for child in reversed(self._resting) if child.language == language), None)
            if found is not None:
                self._resting.remove(found)
            if found is not None and not found.is_alive:
                found.kill()  # it ended by itself: close what is left of it
                found = None
            child = found or Child(language, self._idle_s)
            self._busy.add(child)
            return child

    def _give_back(self, child: Child) -> None:
        """Keep it warm, unless it was killed: what a program left behind goes with its own small world."""
        with self._lock:
            self._busy.discard(child)
            keep = child.is_alive and not self._closed
            if keep:
                self._resting.append(child)
        if not keep:
            child.kill()

    def _drop(self, child: Child) -> None:
        with self._lock:
            self._busy.discard(child)

    def close(self) -> None:
        """End every child; programs under way are stopped."""
        with self._lock:
            self._closed = True
            children = [*self._resting, *self._busy]
            self._resting.clear()
        for child in children:
            child.kill()


def _end_all(children: list[Child]) -> None:
    for child in children:
        child.kill()


@cache
def shared() -> Sandbox:
    """The one of this process, for programs outside runs such as the test of a step."""
    return Sandbox()
