"""Named places where a test may make the process die: `AUTOMATE_FAILPOINTS=drain.after_commit=3` kills it at the
third time it comes by. Does nothing unless armed, which settings allow on test machines only.

Each name kills once per data folder, whichever process gets there first: `run/failpoints/<name>` says that it has.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

NAMES = (
    "hook.read",
    "start.before_commit",
    "start.after_commit",
    "hook.started",
    "dispatch.marked",
    "dispatch.sent",
    "drain.woken",
    "drain.before_commit",
    "drain.written",
    "drain.after_commit",
    "drain.claimed",
    "perform.announced",
    "perform.before_send",
    "perform.after_send",
    "sweep.before_commit",
    "sweep.after_commit",
    "wake.after_commit",
    "schedule.before_commit",
    "schedule.after_commit",
    "poll.claimed",
    "poll.asked",
    "poll.before_commit",
    "poll.after_commit",
)


def _parse(text: str) -> dict[str, int]:
    armed = {}
    for part in filter(None, text.split(",")):
        name, _, count = part.partition("=")
        armed[name.strip()] = int(count or 1)
    return armed


_armed = _parse(settings.AUTOMATE_FAILPOINTS)


def failpoint(name: str) -> None:
    """Die here (SIGKILL) if this place is armed and its count is used up."""
    if name in _armed:
        _armed[name] -= 1
        if _armed[name] <= 0:
            if _death is not None:
                raise _death
            if _is_first(name):
                os.kill(os.getpid(), signal.SIGKILL)


def _is_first(name: str) -> bool:
    marks = settings.DATA_DIR / "run" / "failpoints"
    marks.mkdir(parents=True, exist_ok=True)
    try:
        (marks / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


_death: type[BaseException] | None = None


@contextmanager
def dying_at(name: str, count: int, death: type[BaseException]) -> Iterator[None]:
    """For tests within one process: raise `death` where the process would be killed."""
    global _death
    _armed[name], _death = count, death
    try:
        yield
    finally:
        _armed.pop(name, None)
        _death = None
