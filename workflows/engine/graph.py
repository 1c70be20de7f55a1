"""The graph of a document, worked out once and then only read: order, links, loops, what came before what.

It never raises, also not for drafts with faults: dangling links are left out, and circles are cut at their first step.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from workflows.engine import dominance
from workflows.engine.outline import Outline, outline
from workflows.engine.parts import Document, Step, ports


class Link(NamedTuple):
    source: str
    port: str
    target: str


class Graph:
    """Notes are in `steps` alone; they have no links and never run. Tuples of steps are in topological order."""

    __slots__ = (
        *(
            "document",
            "steps",
            "outgoing",
            "incoming",
            "links",
            "order",
            "position",
            "circular",
            "parents",
            "loop_of",
        ),
        *("_entries", "_loop_entries", "_members", "_before"),
    )

    def __init__(self, document: Document) -> None:
        self.document = document
        self.steps: dict[str, Step] = {step.key: step for step in document.steps}
        running = {key: index for index, (key, step) in enumerate(self.steps.items()) if step.type != "note"}
        links = _links(self.steps, running)
        self.outgoing: dict[str, tuple[Link, ...]] = _grouped(running, links, lambda link: link.source)
        self.incoming: dict[str, tuple[Link, ...]] = _grouped(running, links, lambda link: link.target)
        self.order: tuple[str, ...]
        self.circular: frozenset[str]  # steps that lie in a circle
        self.order, self.circular = _topological(running, self.incoming, self.outgoing)
        self.position: dict[str, int] = {key: index for index, key in enumerate(self.order)}
        self.links: tuple[Link, ...] = tuple(link for key in self.order for link in self.outgoing[key])
        self._entries = _entries(document, running)
        self._loop_entries = _loop_entries(self.steps, self.outgoing)
        self.parents: dict[str, str] = dominance.parents(self.order, self.incoming, self.roots())
        self.loop_of: dict[str, str | None] = dominance.loops(self.order, self.parents)
        self._members = _members(self.order, self.loop_of)
        self._before: dict[str, int] | None = None

    def members(self, loop_key: str | None = None) -> tuple[str, ...]:
        """The steps directly in a loop's body, or in none; inner bodies are members of the inner loop."""
        return self._members.get(loop_key, ())

    def entries(self, trigger_key: str | None = None) -> tuple[str, ...]:
        """The steps a trigger leads to: its own `next`, else `start`."""
        return self._entries.get(trigger_key) or self._entries[None]

    def loop_entries(self, loop_key: str) -> tuple[str, ...]:
        """The targets of the loop's port `each`."""
        return self._loop_entries.get(loop_key, ())

    def loops_around(self, key: str) -> tuple[str, ...]:
        """The loops a step lies in, innermost first."""
        found: list[str] = []
        loop = self.loop_of.get(key)
        while loop is not None:
            found.append(loop)
            loop = self.loop_of.get(loop)
        return tuple(found)

    def ancestors(self, key: str) -> tuple[str, ...]:
        """The steps whose output the step may use: those before it in its own body, and before each loop around it.

        Loops around it and the insides of other loops are not among them. Worked out at the first question, then kept.
        """
        if self._before is None:
            self._before = self._work_out_before()
        seen = 0
        for at in (key, *self.loops_around(key)):
            seen |= self._before.get(at, 0)
        return tuple(at for number, at in enumerate(self.order) if seen >> number & 1)

    def roots(self) -> tuple[str, ...]:
        """Every step some trigger, or `start`, leads to."""
        return tuple(dict.fromkeys(target for targets in self._entries.values() for target in targets))

    def reached(self) -> set[str]:
        """The steps that can be reached from any trigger or from `start`."""
        return reachable(self.roots(), lambda key: (link.target for link in self.outgoing[key]))

    def outline(self) -> Outline:
        """The steps as nested lists, see outline.py. Built anew at each call."""
        return outline(self)

    def _work_out_before(self) -> dict[str, int]:
        """For each step the earlier steps of its own body, as bits by position."""
        before: dict[str, int] = {}
        for key in self.order:
            scope = self.loop_of[key]
            seen = 0
            for link in self.incoming[key]:
                if link.source in before and self.loop_of[link.source] == scope:
                    seen |= before[link.source] | 1 << self.position[link.source]
            before[key] = seen
        return before


def reachable(starts: Iterable[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    """Everything reached from `starts`, these included."""
    found = set(starts)
    waiting = list(found)
    while waiting:
        for key in following(waiting.pop()):
            if key not in found:
                found.add(key)
                waiting.append(key)
    return found


def _links(steps: Mapping[str, Step], running: Collection[str]) -> list[Link]:
    return [
        Link(key, port, target)
        for key in running
        for port in _port_order(steps[key])
        for target in dict.fromkeys(steps[key].next[port])
        if target in running and target != key
    ]


def _port_order(step: Step) -> list[str]:
    if len(step.next) < 2:
        return list(step.next)
    known = ports(step)
    return sorted(step.next, key=lambda port: known.index(port) if port in known else len(known))


def _grouped(
    keys: Iterable[str], links: Iterable[Link], end: Callable[[Link], str]
) -> dict[str, tuple[Link, ...]]:
    groups: dict[str, list[Link]] = {key: [] for key in keys}
    for link in links:
        groups[end(link)].append(link)
    return {key: tuple(group) for key, group in groups.items()}


def _topological(
    running: Mapping[str, int],
    incoming: Mapping[str, tuple[Link, ...]],
    outgoing: Mapping[str, tuple[Link, ...]],
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The order, nearest to the document's own, and the steps that lie in circles, each cut at its first step."""
    open_links = {key: len(incoming[key]) for key in running}
    ready = [(index, key) for key, index in running.items() if not open_links[key]]
    heapq.heapify(ready)
    order: dict[str, None] = {}
    circular: set[str] = set()
    while len(order) < len(running):
        if not ready:
            first, knot = _knot([key for key in running if key not in order], incoming, outgoing)
            circular |= knot
            ready.append((running[first], first))
        _, key = heapq.heappop(ready)
        order[key] = None
        for link in outgoing[key]:
            open_links[link.target] -= 1
            if not open_links[link.target] and link.target not in order:
                heapq.heappush(ready, (running[link.target], link.target))
    return tuple(order), frozenset(circular)


def _knot(
    held: list[str], incoming: Mapping[str, tuple[Link, ...]], outgoing: Mapping[str, tuple[Link, ...]]
) -> tuple[str, set[str]]:
    """The first step that lies in a circle nothing else holds back, with all steps tangled up in it."""
    among = set(held)
    at, before = held[0], set[str]()
    while True:
        behind = reachable((at,), lambda key: (link.source for link in incoming[key] if link.source in among))
        ahead = reachable((at,), lambda key: (link.target for link in outgoing[key] if link.target in among))
        knot = behind & ahead
        if behind == knot:
            return next(key for key in held if key in knot), knot
        before |= knot
        at = next(key for key in held if key in behind and key not in before)


def _entries(document: Document, running: Collection[str]) -> dict[str | None, tuple[str, ...]]:
    entries: dict[str | None, tuple[str, ...]] = {None: _existing(document.start, running)}
    for trigger in document.triggers:
        if trigger.next:
            entries[trigger.key] = _existing(trigger.next, running)
    return entries


def _existing(targets: Iterable[str], running: Collection[str]) -> tuple[str, ...]:
    return tuple(target for target in dict.fromkeys(targets) if target in running)


def _loop_entries(
    steps: Mapping[str, Step], outgoing: Mapping[str, tuple[Link, ...]]
) -> dict[str, tuple[str, ...]]:
    return {
        key: tuple(link.target for link in links if link.port == "each")
        for key, links in outgoing.items()
        if steps[key].type == "loop"
    }


def _members(order: Iterable[str], loop_of: Mapping[str, str | None]) -> dict[str | None, tuple[str, ...]]:
    groups: dict[str | None, list[str]] = {}
    for key in order:
        groups.setdefault(loop_of[key], []).append(key)
    return {loop: tuple(members) for loop, members in groups.items()}
