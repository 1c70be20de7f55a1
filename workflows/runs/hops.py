"""Workflows that start themselves, through sub-workflows or through our own addresses: stopped by depth and by rate.

Every run knows how many runs led to it, each started by the one before. Twenty are the most. A workflow whose runs
each start several would be at millions by then, so from the fifth on its starts are counted as well.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final

from automate.lib import clock
from automate.lib.ids import first_id_at
from integrations.actions.caller import DEPTH_HEADER
from workflows.models import WorkflowExecution

__all__ = ["DEPTH_HEADER", "MAX_DEPTH", "depth_of", "objection"]

MAX_DEPTH: Final = 20
COUNTED_FROM: Final = 5
MAX_A_MINUTE: Final = 100  # starts of one workflow that are this deep
TOO_DEEP: Final = (
    f"This start comes from a chain of {MAX_DEPTH} runs, each started by the one before, so it was refused. "
    "Look for a workflow that starts itself, directly or through others."
)
TOO_OFTEN: Final = (
    f"Runs that were started by other runs have started this workflow {MAX_A_MINUTE} times within a minute, so it was "
    "refused. Look for a workflow that starts itself, directly or through others."
)


def depth_of(header: str | None) -> int:
    """How many runs led to a request, by its X-Automate-Depth; 0 for one that none of ours has sent."""
    text = (header or "").strip()
    return min(int(text), 1000) if text.isascii() and text.isdigit() and len(text) <= 4 else 0


def objection(template_id: uuid.UUID, depth: int) -> str | None:
    """Why a start this deep is refused, as a sentence; None: it may be (no SQL up to COUNTED_FROM, then one query)."""
    if depth > MAX_DEPTH:
        return TOO_DEEP
    if depth < COUNTED_FROM:
        return None
    since = first_id_at(clock.now() - timedelta(minutes=1))
    rows = WorkflowExecution.objects.filter(template_id=template_id, pk__gte=since, depth__gte=COUNTED_FROM)
    return TOO_OFTEN if rows[:MAX_A_MINUTE].count() >= MAX_A_MINUTE else None
