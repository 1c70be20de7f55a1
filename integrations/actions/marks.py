"""Where an item stands in a list that is asked for "from here on": a time, a number or a text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from automate.lib.jsontypes import JSON
from integrations.errors import ActionError
from integrations.manifest import Cursor
from integrations.values import Mark

TIMES: Final = ("iso", "epoch", "epoch_ms", "jql")
OVERLAP_S: Final = 120.0  # an item may show up this long after the time it carries
FIRST_S: Final = 24 * 3600.0  # how far back a first look goes where nothing older is wanted
SKEW_S: Final = (
    300.0  # how far a service's clock may be from ours, where a query counts back from its own now
)
_ORDER_BY: Final = re.compile(r"\border\s+by\b.*$", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Marks:
    """The reading and writing of one cursor. `path`: the keys that lead to the field of an item."""

    cursor: Cursor
    path: tuple[str, ...]

    def of(self, item: JSON) -> Mark:
        """Raises ActionError when the field does not hold what the cursor's format says."""
        value: JSON = item
        for key in self.path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is None:
            return None
        found = _read(value, self.cursor.format)
        if found is None:
            raise ActionError(
                f"The items' {'.'.join(self.path)} is “{str(value)[:60]}”, by which they cannot be put in order.",
                code="bad_cursor",
                sent=True,
            )
        return found

    def floor(self, at: Mark, *, is_time: bool) -> Mark:
        """The lowest place that is asked for again once `at` has been seen."""
        if at is None or isinstance(at, str):
            return at
        overlap = self.cursor.overlap
        if overlap is None:
            overlap = OVERLAP_S if is_time else 0.0
        return at - overlap

    def first(self, now: datetime) -> Mark:
        """Where a first look begins that is to start nothing; None: everywhere, where the place is no time."""
        return now.timestamp() - FIRST_S if self.cursor.format in TIMES else None

    def written(self, floor: Mark, *, is_time: bool, now: datetime) -> JSON:
        """The place as the service wants to read it; null before anything was seen."""
        kind = self.cursor.format
        if floor is None or isinstance(floor, str):
            return floor
        if kind in ("epoch", "epoch_ms"):
            return math.floor(floor * (1000 if kind == "epoch_ms" else 1))
        if kind == "jql":
            return f"-{math.ceil((now.timestamp() - floor + SKEW_S) / 60)}m"
        if kind == "iso":
            return _moment(math.floor(floor)).strftime("%Y-%m-%dT%H:%M:%SZ")
        if is_time:
            return _moment(floor).isoformat()
        return int(floor) if float(floor).is_integer() else floor

    def query(self, given: JSON, floor: JSON) -> JSON:
        """What goes into the query parameter. JQL is a sentence: the person's own, and ours about the time.

        It counts back in minutes, because times in JQL are read in the zone of whoever asks.
        """
        if self.cursor.format != "jql":
            return floor
        own = _ORDER_BY.sub("", str(given or "")).strip()
        field, order = self.path[-1], self.cursor.order.upper()
        clauses = [f"({own})"] if own else []
        clauses += [f'{field} >= "{floor}"'] if floor is not None else []
        return f"{' AND '.join(clauses)} ORDER BY {field} {order}".strip()


def is_time(cursor: Cursor, kind: str) -> bool:
    """`kind` is what the first item of an `auto` cursor turned out to be."""
    return cursor.format in TIMES or (cursor.format == "auto" and kind == "time")


def kind_of(value: JSON) -> str:
    if isinstance(value, (int, float)):
        return "number"
    return "time" if isinstance(value, str) and _seconds(value) is not None else "text"


def _read(value: JSON, kind: str) -> Mark:
    if kind == "auto":
        kind = {"number": "number", "time": "iso", "text": "text"}[kind_of(value)]
    if kind in ("iso", "jql"):
        return _seconds(value) if isinstance(value, str) else None
    if kind == "text":
        return str(value)
    number = _number(value)
    return number / 1000 if kind == "epoch_ms" and number is not None else number


def _number(value: JSON) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float, str)) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
