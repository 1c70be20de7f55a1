"""`manage.py engine`: the worker of the embedded default, where there is no broker. Exactly one per database."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import socket
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from automate.lib import clock
from automate.processes import write_pid
from workflows.models import ActiveRun
from workflows.runs import dispatch, recovery
from workflows.runs.bell import SocketEar
from workflows.runs.drain import Engine

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Run workflows (embedded: SQLite without a broker)."
    requires_system_checks: list[str] = []  # they would load every page

    def handle(self, *args: Any, **options: Any) -> None:
        self.stopping = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        write_pid("engine")
        with self._doorbell() as bell:
            self._take_over()
            try:
                self._work(Engine(ear=SocketEar(bell)))
            except Exception:
                log.exception("the engine broke")
                os._exit(1)  # run threads that wait for the journal would keep this process from ending

    def _work(self, engine: Engine) -> None:
        engine.drain(stop=lambda: self.stopping, linger_s=math.inf)
        engine.drain(stop=lambda: True)
        engine.close()

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _take_over(self) -> None:
        """There is one engine: whatever is marked as running belongs to one that is gone."""
        running = ActiveRun.objects.filter(state=ActiveRun.State.RUNNING)
        left = running.update(
            state=ActiveRun.State.READY, run_at=clock.now()
        )  # behind those that killed nobody
        if left:
            log.info("took over %s runs of an engine that stopped", left)
        recovery.sweep()

    @contextlib.contextmanager
    def _doorbell(self) -> Any:
        path = Path(dispatch.doorbell_path())
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bell.bind(str(path))
        os.chmod(path, 0o600)
        bell.setblocking(False)
        try:
            yield bell
        finally:
            bell.close()
