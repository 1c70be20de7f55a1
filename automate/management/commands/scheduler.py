"""`manage.py scheduler`: fires due schedules, wakes due waits, takes over runs of dead workers.

Any number may run: every change is a conditional one.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections, connection

from automate.lib import clock
from automate.processes import write_pid
from workflows.runs import dispatch, health, recovery
from workflows.triggers import schedules

log = logging.getLogger(__name__)
TICK_S = 0.5
TIDY_EVERY_S = 300.0
UPKEEP_EVERY_S = 3600.0


class Command(BaseCommand):
    help = "Fire schedules, wake waits, recover runs."

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        write_pid("scheduler")
        swept_at = tidied_at = 0.0
        upkeep_at = time.monotonic()
        while not stopping.wait(TICK_S):
            now = time.monotonic()
            try:
                close_old_connections()
                schedules.tick(clock.now())
                recovery.wake_due_now()
                if now - swept_at >= recovery.SWEEP_EVERY_S:
                    recovery.sweep()
                    health.note_tick()
                    swept_at = now
                if now - tidied_at >= TIDY_EVERY_S:
                    recovery.tidy()
                    tidied_at = now
                if now - upkeep_at >= UPKEEP_EVERY_S:
                    dispatch.queue_task("integrations.look_after_connections")
                    upkeep_at = now
            except DatabaseError:
                log.exception("a scheduler tick failed; trying again")
                connection.close()
