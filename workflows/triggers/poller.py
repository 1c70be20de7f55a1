"""Makes due polls in a few threads of the scheduler's process, so that a slow service holds up nothing else."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from automate.lib import clock
from workflows.triggers.claims import Claim, claim, due_polls, lease
from workflows.triggers.polling import poll_safely

THREADS: Final = 8  # polls of one process under way at once
OF_ONE_WORKSPACE: Final = 4  # of these, so that nobody's slow services hold up everybody else's
LOOKED_AT: Final = 64  # due polls that are considered at a time

log = logging.getLogger(__name__)


class Poller:
    """`tick` returns at once. Safe with any number of processes: a poll is claimed before it is made."""

    def __init__(self, threads: int = THREADS) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._under_way: dict[uuid.UUID, Claim] = {}
        self._is_stopping = False

    def tick(self, now: datetime | None = None) -> int:
        """Renew what is under way, and begin what is due; gives how many polls were begun. One SQL query when idle."""
        now = now or clock.now()
        with self._lock:
            claims = list(self._under_way.values())
        for held in claims:
            if held.until - now < lease() * 2 / 3:
                held.renew(now)
        return self._begin(now, claims) if len(claims) < self._threads and not self._is_stopping else 0

    def _begin(self, now: datetime, busy: list[Claim]) -> int:
        per_tenant = Counter(held.live.tenant_id for held in busy)
        begun = 0
        for live in due_polls(now, LOOKED_AT, without=[held.live.pk for held in busy]):
            if len(busy) + begun >= self._threads:
                break
            if per_tenant[live.tenant_id] >= max(1, min(OF_ONE_WORKSPACE, self._threads)):
                continue
            taken = claim(live, now)
            if taken is not None:
                per_tenant[live.tenant_id] += 1
                begun += 1
                self._start(taken)
        return begun

    def _start(self, taken: Claim) -> None:
        with self._lock:
            self._under_way[taken.live.pk] = taken
        # a daemon: a service that does not answer must not keep the process from ending
        threading.Thread(target=self._poll, args=(taken,), name="poll", daemon=True).start()

    def _poll(self, taken: Claim) -> None:
        try:
            poll_safely(taken)
        except Exception:
            log.exception("a poll could not be ended; its claim runs out")
        finally:
            connection.close()
            with self._lock:
                self._under_way.pop(taken.live.pk, None)
                self._idle.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Until nothing is under way; False when the time was up first."""
        with self._lock:
            return self._idle.wait_for(lambda: not self._under_way, timeout_s)

    def stop(self, patience_s: float = 5.0) -> None:
        """Begin nothing more; give back what does not end in time, so that others ask at once."""
        self._is_stopping = True
        if self.wait(patience_s):
            return
        with self._lock:
            left = list(self._under_way.values())
        for held in left:
            held.give_back(clock.now() + timedelta(milliseconds=1))
