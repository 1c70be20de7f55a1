"""Hearing of new work at once: an ear tells an idle drain, which then need not look every few milliseconds.

A ring that nobody hears costs a quarter of a second: rows are the truth, and a drain looks by itself.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings

from workflows.runs.dispatch import BELL_KEY, BREAK_S

log = logging.getLogger(__name__)
LISTEN_S: Final = 1.0  # then it looks whether it is still wanted


class Ear(ABC):
    """One thread per process. It listens while it is `wanted`, and once it has heard something until it is wanted again."""

    def __init__(self) -> None:
        self.is_working = True
        self._wanted = threading.Event()
        self._ring: Callable[[], None] = lambda: None
        self._thread: threading.Thread | None = None

    def listen(self, ring: Callable[[], None]) -> None:
        """Call `ring`, in the ear's own thread, when there is something to do; returns at once."""
        if self._thread is None:
            self._ring = ring
            self._thread = threading.Thread(target=self._run, name="ear", daemon=True)
            self._thread.start()
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            try:
                heard = self._hear()
                self.is_working = True
            except Exception as error:  # noqa: BLE001 - whatever the client raises: the drain looks by itself meanwhile
                if self.is_working:
                    log.warning("the bell cannot be heard: %s", type(error).__name__)
                self.is_working = False
                time.sleep(BREAK_S)
                continue
            if heard:
                self._wanted.clear()
                self._ring()

    @abstractmethod
    def _hear(self) -> bool:
        """Wait for a ring, at most LISTEN_S."""


class RedisEar(Ear):
    """Of the processes that listen, one hears each ring."""

    def __init__(self) -> None:
        super().__init__()
        self._connection: Any = None

    def _hear(self) -> bool:
        if self._connection is None:
            import redis

            pool = redis.ConnectionPool.from_url(settings.REDIS_URL, socket_timeout=5 * LISTEN_S)
            self._connection = pool.make_connection()
        try:
            self._connection.send_command("BLPOP", BELL_KEY, str(LISTEN_S), check_health=False)
            return self._connection.read_response() is not None
        except Exception:
            self._connection.disconnect()
            raise


class SocketEar(Ear):
    """The doorbell of the embedded engine."""

    def __init__(self, bell: socket.socket) -> None:
        super().__init__()
        self._bell = bell

    def _hear(self) -> bool:
        ready, _, _ = select.select([self._bell], [], [], LISTEN_S)
        try:
            while ready:
                self._bell.recv(64)
        except BlockingIOError:
            pass
        return bool(ready)


def ear_of_worker() -> Ear | None:
    """For a Celery worker; None where there is no Redis to hear from."""
    return RedisEar() if settings.REDIS_URL else None
