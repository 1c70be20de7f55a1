"""One `up` per data folder: a second one is refused, and what a killed one left behind is ended first."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path
from typing import IO

from django.conf import settings

END_WITHIN_S = 35.0  # as long as the supervisor gives its children


class AlreadyRunning(Exception):
    """Another `up` holds the data folder; the text is a sentence for whoever started this one."""


def hold_folder() -> IO[str]:
    """Lock the data folder for as long as the returned file is open. Raises AlreadyRunning."""
    path = Path(settings.DATA_DIR) / "run" / "up.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        lock.close()
        raise AlreadyRunning(
            f"automate already runs on the data folder {settings.DATA_DIR} (process {holder}). Stop that one first, or "
            "give this one a folder and a port of its own: AUTOMATE_DATA_DIR, PORT."
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def end_leftovers() -> list[str]:
    """End the processes of an `up` that was killed itself: they hold ports and runs. Call with the folder locked."""
    found = {path.stem: pid for path in _pid_files() if (pid := _pid_in(path)) and _is_ours(pid)}
    for pid in found.values():
        _signal(pid, signal.SIGTERM)
    give_up = time.monotonic() + END_WITHIN_S
    while time.monotonic() < give_up and any(map(_is_ours, found.values())):
        time.sleep(0.1)
    for pid in found.values():
        _signal(pid, signal.SIGKILL, group=True)
    return sorted(found)


def _pid_files() -> list[Path]:
    return [path for path in (Path(settings.DATA_DIR) / "run").glob("*.pid") if path.stem != "up"]


def _pid_in(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _is_ours(pid: int) -> bool:
    """Whether the process with this number lives and was started for this folder; without /proc nobody can tell."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return state not in "ZX" and f"AUTOMATE_DATA_DIR={settings.DATA_DIR}".encode() in environment


def _signal(pid: int, number: int, *, group: bool = False) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(pid, number)  # each child leads a group of its own
        else:
            os.kill(pid, number)
