"""Places in a run as addresses name them: `alert`, `items[0].reserve`, `outer[2].inner[0].x`, and `items[0]` for an item."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from workflows.engine.graph import Graph

TRIGGER: Final = "trigger"
_PART: Final = re.compile(r"([a-z][a-z0-9_]{0,39})(?:\[(\d{1,6})\])?\Z")


@dataclass(frozen=True)
class Place:
    """A step where it ran. `items`: the loops around it, outermost first, with the item taken in each (from 0).

    With `index` it is no step but one item of the loop `key`.
    """

    key: str
    items: tuple[tuple[str, int], ...] = ()
    index: int | None = None

    @property
    def prefix(self) -> str:
        return "".join(f"{loop}[{index}]." for loop, index in self.items)

    @property
    def path(self) -> str:
        return self.step_path + ("" if self.index is None else f"[{self.index}]")

    @property
    def step_path(self) -> str:
        """The path of the step, of the loop itself where this is one of its items."""
        return self.prefix + self.key

    @property
    def chosen(self) -> dict[str, int]:
        """The item that is looked at in each loop around, and in the loop itself."""
        own = {} if self.index is None else {self.key: self.index}
        return dict(self.items) | own

    def at(self, loop: str, index: int) -> Place:
        """The same place in another item of one of its loops."""
        if loop == self.key:
            return replace(self, index=index)
        items = tuple((name, index if name == loop else other) for name, other in self.items)
        return replace(self, items=items)

    def loop_path(self, loop: str) -> str:
        """The path of one of the loops around this place, or of the place's own loop."""
        found = ""
        for name, index in self.items:
            if name == loop:
                return found + name
            found += f"{name}[{index}]."
        return self.step_path


def parse(text: str, graph: Graph) -> Place | None:
    """The place, or None where the workflow has none of that name, or not inside those loops."""
    parts = [_PART.match(part) for part in text.split(".")]
    found = [(match[1], None if match[2] is None else int(match[2])) for match in parts if match]
    if len(found) != len(parts):
        return None
    *around, (key, index) = found
    if key not in graph.loop_of or (index is not None and graph.steps[key].type != "loop"):
        return None
    if [loop for loop, _ in around] != list(reversed(graph.loops_around(key))):
        return None
    items = tuple((loop, at) for loop, at in around if at is not None)
    return Place(key, items, index) if len(items) == len(around) else None


def place_of(key: str, graph: Graph, chosen: dict[str, int]) -> Place:
    """Where a step ran in the chosen items; the first item of a loop in which none is chosen."""
    around = reversed(graph.loops_around(key))
    return Place(key, tuple((loop, chosen.get(loop, 0)) for loop in around))


def is_settled(key: str, graph: Graph, chosen: dict[str, int]) -> bool:
    """Whether an item is chosen in every loop around the step."""
    return all(loop in chosen for loop in graph.loops_around(key))


@dataclass(frozen=True)
class Window:
    """The items a chooser shows, numbers from 1 as people count; `before` and `after` are where the arrows lead."""

    numbers: tuple[int, ...]
    before: int | None
    after: int | None


def window(current: int | None, count: int) -> Window:
    """The row of items around `current` (from 1; None: the first); fewer fit when the numbers are long."""
    size = 10 if count < 100 else 7 if count < 1000 else 5
    first = ((current or 1) - 1) // size * size + 1
    last = min(first + size - 1, count)
    numbers = tuple(range(first, last + 1))
    return Window(numbers, first - 1 if first > 1 else None, last + 1 if last < count else None)
