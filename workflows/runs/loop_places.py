"""Where loops of a run stand, kept in its cursor so that a later attempt reads no more of the journal than it must."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from workflows.runs.scopes import LoopRun

if TYPE_CHECKING:
    from workflows.runs.segment import Segment

UNKNOWN: Final = sys.maxsize  # any item may have records
PATHS: Final = 2_000  # of the journal that are read in one query


class LoopPlaces:
    """`{path: [items that may have records, items all of which have ended, how many of those failed]}` of open loops.

    A run whose steps were copied from another one, and one taken up from an older cursor, know nothing of the kind:
    then every item is looked up.
    """

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        claimed = segment.claimed
        found = claimed.cursor.get("loops")
        self.is_resumed = claimed.is_resumed
        self.is_known = found is not None or not claimed.is_resumed
        self._kept: dict[str, list[int]] = dict(found or {})
        self._open: dict[str, LoopRun] = {}

    def opened(self, loop: LoopRun) -> None:
        """Take up a loop where an earlier attempt left it."""
        self._open[loop.path] = loop
        if not self.is_resumed:
            return
        nothing = [0, 0, 0] if self.is_known else [UNKNOWN, 0, 0]
        loop.journaled, passed, failed = self._kept.get(loop.path, nothing)
        if "collect" not in loop.step.config and not loop.is_while:
            loop.passed = loop.next_index = loop.loaded = passed
            loop.failed_passed = loop.failed = failed

    def closed(self, loop: LoopRun) -> None:
        self._open.pop(loop.path, None)
        for path in [path for path in self._kept if path == loop.path or path.startswith(f"{loop.path}[")]:
            del self._kept[path]

    def write(self, cursor: dict[str, Any]) -> None:
        if not self.is_known:
            return
        for path, loop in self._open.items():
            self._kept[path] = [max(loop.journaled, loop.next_index), loop.passed, loop.failed_passed]
        cursor["loops"] = dict(self._kept)

    def load(self, loop: LoopRun, index: int) -> None:
        """Have the journal's records of this item, and of those after it, in memory: one SQL query for many items."""
        if index < loop.loaded or index >= loop.journaled:
            return
        segment = self.segment
        members = segment.program.shape(loop.step.key, None).members
        end = index + max(PATHS // max(len(members), 1), 1)
        end = min(end, loop.journaled, UNKNOWN if loop.is_while else len(loop.items))
        paths = [loop.path_of(at) + key for at in range(index, end) for key in members]
        for record in segment.services.records_at(segment.claimed, paths):
            segment.data.records[record.path] = record
        loop.loaded = end
