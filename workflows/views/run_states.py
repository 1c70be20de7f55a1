"""What became of each step of a run, from its journal and from what its worker says is under way. No queries here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.html import format_html

from automate.templatetags.formats import duration
from workflows.engine.graph import Graph
from workflows.views.run_paths import Place, is_settled, parse, place_of

FINISHED = "COMPLETED"


class StepRow(NamedTuple):
    """A finished step, without its data. `ports` are those it took."""

    path: str
    key: str
    status: str
    ports: str
    duration_ms: int


class LoopFacts(NamedTuple):
    """A loop in one place: how many items it has (None: not known yet), has finished, has failed."""

    items: int | None
    done: int
    failed: int = 0


@dataclass
class Tally:
    """What became of a step inside a loop, over all items. `paths`: one of each status."""

    counts: dict[str, int] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    def add(self, status: str, path: str, count: int = 1) -> None:
        self.counts[status] = self.counts.get(status, 0) + count
        self.paths.setdefault(status, path)

    @property
    def worst(self) -> str:
        """The status that says most about the step: what goes on now, then what went wrong."""
        order = (
            "NEEDS_ATTENTION",
            "RUNNING",
            "RETRYING",
            "WAITING",
            "FAILED",
            "CANCELLED",
            FINISHED,
            "SKIPPED",
        )
        return next((status for status in order if status in self.counts), "")

    @property
    def ended(self) -> int:
        return sum(self.counts.get(status, 0) for status in (FINISHED, "FAILED"))


class State(NamedTuple):
    """A step as its card shows it. `status` is empty before it has begun; `time` is text or one element."""

    status: str = ""
    time: str = ""
    ports: tuple[str, ...] = ()


@dataclass(frozen=True)
class States:
    """`progress` is ActiveRun.progress; `asked`: the places that wait for a person to say what happened."""

    graph: Graph
    rows: Mapping[str, StepRow]
    tallies: Mapping[str, Tally]
    loops: Mapping[str, LoopFacts]
    progress: Mapping[str, Mapping[str, Any]]
    asked: frozenset[str]
    now: datetime

    def at(self, path: str) -> State:
        """The step that ran, or runs, at this path."""
        row = self.rows.get(path)
        if row is not None:
            took = duration(row.duration_ms) if row.duration_ms and row.status in (FINISHED, "FAILED") else ""
            return State(
                row.status, self._loop_words(path) or took, tuple(filter(None, row.ports.split(",")))
            )
        live = self.progress.get(path)
        if live is None:
            return State()
        if path in self.asked:
            return State("NEEDS_ATTENTION")
        return State(str(live.get("state", "RUNNING")), self._loop_words(path) or self._live_words(live))

    def of(self, key: str, chosen: dict[str, int]) -> State:
        """The step in the chosen items; where none is chosen, over all items."""
        if is_settled(key, self.graph, chosen):
            return self.at(place_of(key, self.graph, chosen).path)
        tally = self.tallies.get(key)
        if tally is None:
            return State()
        total = self._items_around(key)
        count = f"{tally.ended:,} of {total:,}" if total else f"{tally.ended:,} times"
        return State(tally.worst, count if tally.ended or total else "")

    def link(self, key: str, chosen: dict[str, int]) -> Place:
        """Where a click on the step leads: its place in the chosen items, else where it says most."""
        tally = self.tallies.get(key)
        if not is_settled(key, self.graph, chosen) and tally and tally.worst:
            place = parse(tally.paths[tally.worst], self.graph)
            if place is not None:
                return place
        return place_of(key, self.graph, chosen)

    def items_of(self, loop_path: str) -> int:
        """How many items a loop has, as far as anybody knows."""
        facts = self.loops.get(loop_path)
        return (facts.items if facts.items is not None else facts.done) if facts else 0

    def _items_around(self, key: str) -> int | None:
        loop = self.graph.loop_of[key]
        facts = self.loops.get(loop) if loop else None
        return facts.items if facts else None

    def _loop_words(self, path: str) -> str:
        facts = self.loops.get(path)
        if facts is None:
            return ""
        if path in self.rows:
            count = facts.done or facts.items or 0
            failed = f", {facts.failed:,} failed" if facts.failed else ""
            return f"{count:,} {'item' if count == 1 else 'items'}{failed}"
        return f"{facts.done:,} of {facts.items:,}" if facts.items else f"{facts.done:,} done"

    def _live_words(self, live: Mapping[str, Any]) -> str:
        if live.get("state") == "RETRYING":
            return f"try {live.get('attempt', 2)}"
        started = moment(live.get("started_at"))
        if started is None:
            return ""
        ms = max(int((self.now - started).total_seconds() * 1000), 0)
        return format_html('<span data-ticks="{}">{}</span>', ms, duration(ms))


def moment(text: object) -> datetime | None:
    """An ISO moment as the engine writes it; None for anything else."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
