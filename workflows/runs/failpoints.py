"""Named places where a test may make the process die: `AUTOMATE_FAILPOINTS=drain.after_commit=3` kills it at the
third time it comes by. Does nothing unless armed, which settings allow on test machines only.
"""

from __future__ import annotations

import os
import signal

from django.conf import settings

NAMES = (
    "drain.before_commit",
    "drain.after_commit",
    "perform.before_send",
    "perform.after_send",
    "start.after_commit",
    "schedule.before_commit",
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
            os.kill(os.getpid(), signal.SIGKILL)
