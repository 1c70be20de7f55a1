"""The steps of a document as nested lists, the way the Outline view and screen readers go through them.

Each step appears once. A chain stays on its level; every port that opens a branch (cases, `else`, `each`, `error`,
approvals), and every one of several steps that start at the same time, is a list one level deeper. A step where branches
meet comes after them, on the level of the step where they parted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workflows.engine.dominance import INLINE_PORTS, START, vertex
from workflows.engine.parts import Step, port_name, ports

if TYPE_CHECKING:  # the graph hands out its outline, so it imports this module
    from workflows.engine.graph import Graph, Link

TOGETHER = "At the same time"


@dataclass(frozen=True, slots=True)
class OutlineBranch:
    """What lies behind one port. `branches` are starts at the same time; `leads_to` are links straight to a later step.

    In branches of the start, `port` is "start". No nodes and no `leads_to` mean that the branch ends here.
    """

    port: str
    label: str
    nodes: tuple["OutlineNode", ...] = ()
    branches: tuple["OutlineBranch", ...] = ()
    leads_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutlineNode:
    """One step. `joins`: the steps that meet here, when there are several; `leads_to`: the joins it goes on to.

    `on_error` says that it is reached by error ports alone (an error path that several steps share).
    """

    step: Step
    depth: int
    branches: tuple[OutlineBranch, ...] = ()
    joins: tuple[str, ...] = ()
    leads_to: tuple[str, ...] = ()
    on_error: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """`branches` only when triggers lead to several steps; `loose` are steps nothing leads to; notes stand apart."""

    nodes: tuple[OutlineNode, ...]
    branches: tuple[OutlineBranch, ...]
    loose: tuple[OutlineNode, ...]
    notes: tuple[Step, ...]

    def walk(self) -> Iterator[OutlineNode]:
        """Every node in reading order; their places are the numbers people see."""
        waiting: list[OutlineNode | OutlineBranch] = [*self.branches, *self.nodes, *self.loose]
        waiting.reverse()
        while waiting:
            part = waiting.pop()
            if isinstance(part, OutlineNode):
                yield part
                waiting.extend(reversed(part.branches))
            else:
                waiting.extend(reversed((*part.branches, *part.nodes)))


@dataclass(slots=True)
class _Around:
    """What hangs below a vertex: the one step that goes on from it, steps side by side, and joins behind them."""

    onward: str | None = None
    side_by_side: list[str] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)

    def chain(self) -> list[str]:
        return [*([self.onward] if self.onward else []), *self.joins]


def outline(graph: "Graph") -> Outline:
    """Nested lists of a graph, also of one with faults: a link that closes a circle is a `leads_to` like any other."""
    return _Builder(graph).build()


class _Builder:
    """Works from the last step back to the first, so that what is inside exists already; no recursion."""

    def __init__(self, graph: "Graph") -> None:
        self._graph = graph
        self._reached = graph.reached()
        self._around = self._hang()
        self._level = self._levels()
        self._node: dict[str, OutlineNode] = {}
        self._tail: dict[str, tuple[OutlineNode, ...]] = {}

    def build(self) -> Outline:
        for key in reversed(self._graph.order):
            for port in self._branch_ports(key):
                self._follow(f"{key}:{port}")
            self._follow(key)
            self._node[key] = self._make(key)
        around = self._around[START]
        loose = [key for key in around.joins if self._is_loose(key)]
        around.joins = [key for key in around.joins if key not in loose]
        around.side_by_side = [key for key in around.side_by_side if key not in loose]
        self._follow(START)
        return Outline(
            nodes=self._tail[START],
            branches=tuple(self._branch("start", self._start_label(key), key) for key in around.side_by_side),
            loose=tuple(node for key in loose for node in (self._node[key], *self._tail[key])),
            notes=tuple(step for step in self._graph.steps.values() if step.type == "note"),
        )

    def _hang(self) -> dict[str, _Around]:
        around = {START: _Around()} | {key: _Around() for key in self._graph.order}
        around |= {at: _Around() for at in self._graph.parents if ":" in at}
        roots = self._graph.roots()
        for key in self._graph.order:
            sources = {vertex(link.source, link.port) for link in self._graph.incoming[key]}
            if key in roots:
                sources.add(START)
            parent = self._graph.parents[key]
            place = around[parent]
            (place.side_by_side if sources == {parent} else place.joins).append(key)
        for at, place in around.items():
            if len(place.side_by_side) == 1 and self._width(at) == 1:
                place.onward = place.side_by_side.pop()
        return around

    def _width(self, at: str) -> int:
        """How many steps a vertex leads to."""
        return len(self._graph.roots()) if at == START else len(self._flow(at))

    def _flow(self, at: str) -> "list[Link]":
        key, _, port = at.partition(":")
        links = self._graph.outgoing[key]
        return [link for link in links if (link.port == port if port else link.port in INLINE_PORTS)]

    def _levels(self) -> dict[str, int]:
        level = {START: 0}
        for key in self._graph.order:
            parent = self._graph.parents[key]
            if parent not in level:  # a port; its step is there already
                level[parent] = level[parent.partition(":")[0]] + 1
            level[key] = level[parent] + (
                key in self._around[parent].side_by_side and not self._is_loose(key)
            )
        return level

    def _is_loose(self, key: str) -> bool:
        return self._graph.parents[key] == START and key not in self._reached

    def _follow(self, at: str) -> None:
        chain = self._around[at].chain() if at in self._around else []
        self._tail[at] = tuple(node for key in chain for node in (self._node[key], *self._tail[key]))

    def _make(self, key: str) -> OutlineNode:
        incoming = self._graph.incoming[key]
        sources = tuple(dict.fromkeys(link.source for link in incoming))
        step = self._graph.steps[key]
        behind = tuple(self._port_branch(step, port) for port in self._branch_ports(key))
        together = tuple(self._branch("main", TOGETHER, other) for other in self._around[key].side_by_side)
        return OutlineNode(
            step=step,
            depth=self._level[key],
            branches=(*together, *behind),
            joins=sources if len(sources) > 1 else (),
            leads_to=self._leads_to(key),
            on_error=len(sources) > 1 and all(link.port == "error" for link in incoming),
        )

    def _branch_ports(self, key: str) -> list[str]:
        step = self._graph.steps[key]
        known = [
            port
            for port in ports(step)
            if port not in INLINE_PORTS and (port != "error" or port in step.next)
        ]
        return [*known, *(port for port in step.next if port not in known and port not in INLINE_PORTS)]

    def _port_branch(self, step: Step, port: str) -> OutlineBranch:
        at = f"{step.key}:{port}"
        side_by_side = self._around[at].side_by_side if at in self._around else []
        return OutlineBranch(
            port=port,
            label=port_name(step, port),
            nodes=self._tail[at],
            branches=tuple(self._branch(port, TOGETHER, key) for key in side_by_side),
            leads_to=self._leads_to(at),
        )

    def _branch(self, port: str, label: str, key: str) -> OutlineBranch:
        return OutlineBranch(port, label, (self._node[key], *self._tail[key]))

    def _leads_to(self, at: str) -> tuple[str, ...]:
        around = self._around.get(at)
        own = {around.onward, *around.side_by_side} if around else set()
        return tuple(dict.fromkeys(link.target for link in self._flow(at) if link.target not in own))

    def _start_label(self, key: str) -> str:
        names = [
            trigger.name
            for trigger in self._graph.document.triggers
            if key in self._graph.entries(trigger.key)
        ]
        return ", ".join(names) if 0 < len(names) < len(self._graph.document.triggers) else TOGETHER
