"""`manage.py scheduler`: fires due schedules, makes due polls, wakes due waits, takes over runs of dead workers.

Any number may run: every change is a conditional one.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection

from accounts.notifications import mail, notify
from automate.lib import clock
from automate.processes import write_pid
from workflows import news
from workflows.runs import counting, dispatch, health, notices, recovery, wiping
from workflows.runs.pruning import Pruner
from workflows.triggers import schedules
from workflows.triggers.errands import Errands
from workflows.triggers.poller import Poller

log = logging.getLogger(__name__)
TICK_S = 0.5
ERRANDS_EVERY_S = 1.0
TIDY_EVERY_S = 300.0
MAILS_EVERY_S = 5.0
UPKEEP_EVERY_S = 3600.0


@dataclass
class Chore:
    """What is done every so many seconds. One that fails keeps none of the others from being done."""

    do: Callable[[], object]
    every_s: float
    done_at: float = 0.0

    def do_if_due(self, now: float) -> None:
        if now - self.done_at < self.every_s:
            return
        try:
            self.do()
            self.done_at = now
        except (OperationalError, InterfaceError) as error:
            log.warning("the database is away (%s); the scheduler tries again", type(error).__name__)
            connection.close()
        except Exception as error:
            log.exception("the scheduler's %s failed; trying again", getattr(self.do, "__name__", "chore"))
            if isinstance(error, DatabaseError):
                connection.close()


def make_chores(poller: Poller) -> list[Chore]:
    return [
        Chore(lambda: schedules.tick(clock.now()), 0.0),
        Chore(poller.tick, 0.0),
        Chore(Errands().tick, ERRANDS_EVERY_S),
        Chore(recovery.wake_due_now, 0.0),
        Chore(recovery.sweep, recovery.SWEEP_EVERY_S),
        Chore(health.note_tick, recovery.SWEEP_EVERY_S),
        Chore(notices.ask_for_sending, 0.0),
        Chore(counting.tick, counting.EVERY_S),
        Chore(news.look, news.EVERY_S),
        Chore(_send_mails, MAILS_EVERY_S),
        Chore(_forget, UPKEEP_EVERY_S, done_at=time.monotonic()),
        Chore(recovery.tidy, TIDY_EVERY_S),
        Chore(lambda: wiping.wipe_due(clock.now()), wiping.WIPE_EVERY_S),
        Chore(Pruner().tick, 0.0),
        Chore(_look_after_connections, UPKEEP_EVERY_S, done_at=time.monotonic()),
    ]


def _send_mails() -> None:
    """Notifications go out by the mail worker, where a slow mail server keeps nobody waiting."""
    if mail.has_due():
        dispatch.queue_task(mail.TASK, queue="mail")


def _forget() -> None:
    now = clock.now()
    counting.tidy(now)
    notify.tidy(now)


def _look_after_connections() -> None:
    dispatch.queue_task("integrations.look_after_connections")


class Command(BaseCommand):
    help = "Fire schedules, wake waits, recover runs."
    requires_system_checks: list[str] = []  # they would load every page

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        write_pid("scheduler")
        poller = Poller()
        chores = make_chores(poller)
        while not stopping.wait(TICK_S):
            close_old_connections()
            for chore in chores:
                chore.do_if_due(time.monotonic())
        poller.stop()
