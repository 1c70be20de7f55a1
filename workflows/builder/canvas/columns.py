"""How far to the right everything stands: chains straight, branches side by side, what they meet in centred below them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from workflows.builder.canvas import sizes
from workflows.builder.canvas.contour import CELL, Contour
from workflows.builder.canvas.rows import Rows
from workflows.engine.dominance import INLINE_PORTS, START
from workflows.engine.graph import Graph
from workflows.engine.outline import Outline, OutlineBranch, OutlineNode
from workflows.engine.parts import port_name, ports


class Lane(NamedTuple):
    """A way down without cards: of a line that goes straight to a later step, or of a branch that is empty (`target` "")."""

    source: str
    port: str
    target: str = ""


Id = str | Lane


@dataclass(slots=True)
class Side:
    """A piece with its own middle at 0; `at` is where that middle goes."""

    id: Id
    contour: Contour
    at: float = 0

    def move(self, by: float) -> None:
        self.contour.moved(by)
        self.at += by


@dataclass
class Columns:
    """`middle` of every card, lane and group; `boxes`: (left, right) of every loop's box."""

    middle: dict[Id, float] = field(default_factory=dict)
    boxes: dict[str, tuple[float, float]] = field(default_factory=dict)


def columns(graph: Graph, outline: Outline, rows: Rows) -> Columns:
    return _Builder(graph, outline, rows).build()


class _Builder:
    """Works from the last step to the first, so that every piece is whole before it is placed; no recursion."""

    def __init__(self, graph: Graph, outline: Outline, rows: Rows) -> None:
        self._graph, self._outline, self._rows = graph, outline, rows
        self._whole: dict[Id, Contour] = {}  # a step with all that comes after it in its list
        self._inner: dict[Id, list[tuple[Id, float]]] = {}
        self._box: dict[str, tuple[float, float]] = {}
        self._next: dict[str, str] = {}

    def build(self) -> Columns:
        nodes = list(self._outline.walk())
        self._chain(self._outline.nodes)
        for node in nodes:
            for branch in node.branches:
                self._chain_branch(branch)
        for branch in self._outline.branches:
            self._chain_branch(branch)
        loose = list(_split(self._outline.loose, self._graph))
        for chain in loose:
            self._chain(chain)
        for node in reversed(nodes):
            self._place(node)
        self._start([chain[0].step.key for chain in loose])
        return self._absolute()

    def _chain_branch(self, branch: OutlineBranch) -> None:
        self._chain(branch.nodes)
        for inner in branch.branches:
            self._chain(inner.nodes)

    def _chain(self, nodes: Iterable[OutlineNode]) -> None:
        before = ""
        for node in nodes:
            if before:
                self._next[before] = node.step.key
            before = node.step.key

    # -- one step with its branches and what follows

    def _place(self, node: OutlineNode) -> None:
        key = node.step.key
        own = Contour()
        top, bottom = self._rows.top[key], self._rows.bottom(key)
        own.add(-sizes.HALF, sizes.HALF, top - 12, bottom + 12)
        middle, beside = self._sides(node)
        rest = self._rest(key)
        if node.step.type == "loop":
            self._arrange_loop(node, middle, rest)
        else:
            self._stand_below(node, own)
            _spread(middle)
            _clear(middle, rest)
        placed = [*middle, *([rest] if rest else [])]
        _append([Side(key, own), *placed], beside)
        self._bus(own, key, [side.at for side in middle], [side.at for side in beside])
        self._inner[key] = [(side.id, side.at) for side in (*placed, *beside)]
        for side in (*placed, *beside):
            own = own.join(side.contour)
        self._whole[key] = own

    def _rest(self, key: str) -> Side | None:
        after = self._next.get(key)
        return Side(after, self._whole.pop(after)) if after else None

    def _bus(self, own: Contour, key: str, middle: list[float], beside: list[float]) -> None:
        """The lines across below a card, and at its side, are nobody else's place."""
        top, bottom = self._rows.top[key], self._rows.bottom(key)
        if middle:
            own.add(min(*middle, 0), max(*middle, 0), bottom, bottom + sizes.BEND)
        if beside:
            own.add(0, max(beside) + sizes.LANE / 2, top + sizes.CARD_H // 2, bottom + sizes.BEND)

    def _sides(self, node: OutlineNode) -> tuple[list[Side], list[Side]]:
        """What parts below the card, and what leaves it to the right."""
        inline = any(port in INLINE_PORTS for port in ports(node.step))
        middle, beside = [], []
        for branch in node.branches:
            if branch.port == "main":
                middle.append(Side(branch.nodes[0].step.key, self._whole.pop(branch.nodes[0].step.key)))
            elif branch.port == "each":
                middle = [*self._branch(node, branch), *middle]
            elif branch.port == "error" or inline:
                beside += self._branch(node, branch)
            else:
                middle += self._branch(node, branch)
        if middle and inline and node.step.type != "loop":
            middle += [self._lane(node, _inline(node), target) for target in node.leads_to]
        return middle, beside

    def _branch(self, node: OutlineNode, branch: OutlineBranch) -> list[Side]:
        found = []
        if branch.branches:
            found.append(self._group(node, branch))
        elif branch.nodes:
            first = branch.nodes[0].step.key
            found.append(Side(first, self._whole.pop(first)))
        targets = branch.leads_to or (() if found else ("",))
        found += [self._lane(node, branch.port, target) for target in targets]
        self._label(found[0].contour, node, branch.port)
        return found

    def _group(self, node: OutlineNode, branch: OutlineBranch) -> Side:
        """Several steps that one port starts at the same time, and the step they meet in."""
        sides = [
            Side(inner.nodes[0].step.key, self._whole.pop(inner.nodes[0].step.key))
            for inner in branch.branches
        ]
        first = branch.nodes[0].step.key if branch.nodes else ""
        rest = Side(first, self._whole.pop(first)) if first else None
        _spread(sides)
        _clear(sides, rest)
        whole = Contour()
        bottom = self._rows.bottom(node.step.key)
        whole.add(min(side.at for side in sides), max(side.at for side in sides), bottom, bottom + 2)
        placed = [*sides, *([rest] if rest else [])]
        id = Lane(node.step.key, branch.port, "*")
        self._inner[id] = [(side.id, side.at) for side in placed]
        for side in placed:
            whole = whole.join(side.contour)
        return Side(id, whole)

    def _lane(self, node: OutlineNode, port: str, target: str) -> Side:
        bottom = self._rows.bottom(node.step.key)
        end = self._above(target) if target else 0
        contour = Contour()
        contour.add(-sizes.LANE / 2, sizes.LANE / 2, bottom, max(end, bottom + sizes.ADD_AT + sizes.ADD))
        return Side(Lane(node.step.key, port, target), contour)

    def _above(self, target: str) -> int:
        """Where lines to a card turn towards it."""
        return self._rows.top.get(target, 0) - sizes.JOIN - CELL

    def _label(self, contour: Contour, node: OutlineNode, port: str) -> None:
        bottom, half = self._rows.bottom(node.step.key), sizes.label_width(port_name(node.step, port)) / 2
        contour.add(-half, half, bottom + sizes.LABEL_AT - 11, bottom + sizes.LABEL_AT + 11)

    def _stand_below(self, node: OutlineNode, own: Contour) -> None:
        """The line straight down from a card: to a later step, or to its "+" and "End"."""
        key, bottom = node.step.key, self._rows.bottom(node.step.key)
        if "main" not in ports(node.step):
            return
        targets = node.step.next.get("main", ())
        if not targets:
            own.add(-sizes.LANE, sizes.LANE, bottom, bottom + sizes.OPEN_DEPTH)
        elif node.leads_to and not any(branch.port == "main" for branch in node.branches):
            ends = [self._above(target) for target in node.leads_to]
            own.add(-sizes.LANE / 2, sizes.LANE / 2, bottom, max(*ends, self._rows.bottom(key)))

    # -- loops

    def _arrange_loop(self, node: OutlineNode, middle: list[Side], rest: Side | None) -> None:
        """The box at the left, "After the last item" beside it; what follows stands below that."""
        key = node.step.key
        body = middle[0]
        top, bottom = self._rows.boxes[key]
        left, right = body.contour.left - sizes.BOX_SIDE, body.contour.right + sizes.BOX_SIDE
        body.contour.add(left, right, top + CELL, bottom)  # its label and the one beside it stand above
        if len(middle) == 1:  # nothing, or one step, after the last item
            middle.append(self._done_lane(node, rest))
        else:
            self._label(middle[1].contour, node, "done")
        _spread(middle)
        if rest and len(middle) == 2 and isinstance(middle[1].id, Lane):
            rest.move(middle[1].at)
            over = (body.contour.gap_to(rest.contour) or -sizes.COLUMN_GAP) + sizes.COLUMN_GAP
            if over > 0:
                body.move(-over)
        else:
            _clear(middle, rest)
        self._box[key] = (left + body.at, right + body.at)

    def _done_lane(self, node: OutlineNode, rest: Side | None) -> Side:
        key, targets = node.step.key, node.step.next.get("done", ())
        bottom = self._rows.bottom(key)
        ends = [self._above(target) for target in targets if target in self._rows.top]
        contour = Contour()
        floor = bottom + sizes.ADD_AT + sizes.OPEN_DEPTH
        contour.add(-sizes.LANE / 2, sizes.LANE / 2, bottom, max([*ends, floor if not ends else 0]))
        side = Side(Lane(key, "done", targets[0] if targets else ""), contour)
        self._label(contour, node, "done")
        return side

    # -- the start, and everything at its place

    def _start(self, loose: list[str]) -> None:
        sides = [
            Side(branch.nodes[0].step.key, self._whole.pop(branch.nodes[0].step.key))
            for branch in self._outline.branches
        ]
        first = self._outline.nodes[0].step.key if self._outline.nodes else ""
        rest = Side(first, self._whole.pop(first)) if first else None
        _spread(sides)
        _clear(sides, rest)
        placed = [*sides, *([rest] if rest else [])]
        right = max((side.contour.right for side in placed), default=-float(sizes.HALF))
        for key in loose:
            side = Side(key, self._whole.pop(key))
            side.move(right + sizes.LOOSE_GAP - side.contour.left)
            right = side.contour.right
            placed.append(side)
        self._inner[START] = [(side.id, side.at) for side in placed]

    def _absolute(self) -> Columns:
        found = Columns()
        waiting: list[tuple[Id, float]] = [(START, 0.0)]
        while waiting:
            id, at = waiting.pop()
            found.middle[id] = at
            if isinstance(id, str) and id in self._box:
                left, right = self._box[id]
                found.boxes[id] = (left + at, right + at)
            waiting += [(inner, at + by) for inner, by in self._inner.get(id, ())]
        return found


def _inline(node: OutlineNode) -> str:
    return "done" if node.step.type == "loop" else "main"


def _split(nodes: Iterable[OutlineNode], graph: Graph) -> Iterable[list[OutlineNode]]:
    """The list of loose steps, one chain for each that begins by itself."""
    chain: list[OutlineNode] = []
    for node in nodes:
        if graph.parents[node.step.key] == START and chain:
            yield chain
            chain = []
        chain.append(node)
    if chain:
        yield chain


def _spread(sides: list[Side]) -> None:
    """Side by side as near as they fit, the first and the last as far left as right of the middle."""
    for number, side in enumerate(sides):
        before = sides[:number]
        gaps = [gap for gap in (other.contour.gap_to(side.contour) for other in before) if gap is not None]
        side.move(max([gap + sizes.COLUMN_GAP for gap in gaps], default=float(sizes.LANE) if before else 0.0))
    if len(sides) > 1:
        middle = (sides[0].at + sides[-1].at) / 2
        for side in sides:
            side.move(-middle)


def _clear(sides: list[Side], rest: Side | None) -> None:
    """Make room in the middle for what goes on below, where a branch is longer than the way to the step they meet in."""
    if rest is None:
        return
    left, right = ([s for s in sides if s.at < 0], [s for s in sides if s.at >= 0])
    over = _over((side.contour, rest.contour) for side in left)
    for side in left:
        side.move(-over)
    over = _over((rest.contour, side.contour) for side in right)
    for side in right:
        side.move(over)


def _over(pairs: Iterable[tuple[Contour, Contour]]) -> float:
    gaps = (one.gap_to(other) for one, other in pairs)
    return max([0.0, *(gap + sizes.COLUMN_GAP for gap in gaps if gap is not None)])


def _append(placed: list[Side], beside: list[Side]) -> None:
    """To the right of all that is there, one after the other."""
    for number, side in enumerate(beside):
        others = [*placed, *beside[:number]]
        gaps = [gap for gap in (other.contour.gap_to(side.contour) for other in others) if gap is not None]
        least = float(sizes.HALF + sizes.COLUMN_GAP)  # its line leaves the card at the right
        side.move(max([least, *(gap + sizes.COLUMN_GAP for gap in gaps)]))
