"""The processes of an installation: their pid files, and the supervisor that keeps them running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from django.conf import settings

from automate.lib import clock

QUICK_DEATH_S = 5.0  # a process that dies sooner than this is started again with a growing pause
SPARING = {"MALLOC_ARENA_MAX": "2"}  # glibc would take memory for each of the many threads apart
STOP_AFTER_S = 35.0  # longer than a step's default time-out: what is under way may finish


def pid_file(name: str) -> Path:
    return Path(settings.DATA_DIR) / "run" / f"{name}.pid"


def write_pid(name: str) -> None:
    """Say who runs as `name`; tests and people who stop single processes read it."""
    path = pid_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(os.getpid()))


def child_environment() -> dict[str, str]:
    """Ours, with the data folder by its full name, and the start of a simulated clock so that all agree on the time."""
    simulated = clock.for_children()
    folder = {"AUTOMATE_DATA_DIR": str(settings.DATA_DIR)}
    return SPARING | os.environ | folder | ({clock.VARIABLE: simulated} if simulated else {})


@dataclass
class Child:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    deaths: int = 0
    start_again_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=settings.BASE_DIR,
            env=child_environment(),
        )
        path = pid_file(self.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(self.process.pid))
        assert self.process.stdout is not None
        threading.Thread(target=self._relay, args=(self.process.stdout,), daemon=True).start()

    def _relay(self, stream: IO[bytes]) -> None:
        for line in stream:
            sys.stderr.write(f"{self.name:>9} | {line.decode(errors='replace')}")
            sys.stderr.flush()

    def look(self, now: float) -> None:
        """Start again what died; what keeps dying waits longer each time, up to half a minute."""
        if self.process is not None and self.process.poll() is not None:
            quick = now - self.started_at < QUICK_DEATH_S
            self.deaths = self.deaths + 1 if quick else 0
            self.start_again_at = now + (min(0.5 * 2**self.deaths, 30.0) if quick else 0.2)
            sys.stderr.write(f"{self.name:>9} | ended with {self.process.returncode}; starting again\n")
            self._end_group(self.process.pid)
            self.process = None
        if self.process is None and now >= self.start_again_at:
            self.start()

    def _end_group(self, pid: int) -> None:
        """Children of a process that was killed would go on holding its port, or runs that nobody feeds any more."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)

    def ask_to_end(self) -> None:
        """SIGTERM to the main process alone: it knows what to tell its own children."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def end_now(self) -> None:
        """SIGKILL to the process and all its children."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)


@dataclass
class Supervisor:
    """Runs child processes, restarts what dies, and stops all of them together."""

    children: list[Child] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        for child in self.children:
            child.start()
        while not self.stopping.wait(0.2):
            now = time.monotonic()
            for child in self.children:
                child.look(now)
        self.stop()

    def stop(self) -> None:
        """Ask all to end, give them time for what is under way, then end them."""
        for child in self.children:
            child.ask_to_end()
        give_up = time.monotonic() + STOP_AFTER_S
        for child in self.children:
            if child.process is not None:
                try:
                    child.process.wait(max(give_up - time.monotonic(), 0.1))
                except subprocess.TimeoutExpired:
                    child.end_now()
            pid_file(child.name).unlink(missing_ok=True)


def children_to_run() -> list[Child]:
    """The processes of this installation, by its settings."""
    python, manage = sys.executable, str(settings.BASE_DIR / "manage.py")
    queues = "engine,mail,default" if settings.HAS_BROKER else "mail,default"
    workers = settings.AUTOMATE_WORKERS or os.cpu_count() or 2
    web = [
        python, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(settings.PORT),
        "--workers", "1", "--blocking-threads", "12", "--backlog", "1024", "--no-access-log",
        "--log-level", "error", "automate.wsgi:application",
    ]  # fmt: skip
    worker = [
        python, "-m", "celery", "--quiet", "-A", "automate.celery", "worker", "-Q", queues,
        *(["-c", str(workers)] if settings.HAS_BROKER else ["-P", "solo"]),  # without runs, one process does
        "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR",
    ]  # fmt: skip
    found = [Child("web", web), Child("worker", worker), Child("scheduler", [python, manage, "scheduler"])]
    if not settings.HAS_BROKER:
        found.append(Child("engine", [python, manage, "engine"]))
    return found
