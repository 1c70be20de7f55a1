"""The lines between cards, with their labels and the "+" on them, as SVG paths and points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from workflows.builder.canvas import sizes
from workflows.builder.canvas.columns import Lane
from workflows.builder.canvas.layout import START, TRIGGER, Layout, Spot
from workflows.engine.graph import Graph
from workflows.engine.parts import Document, Step, port_name, ports

MAIN: Final = ("main", "done")


class Point(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True)
class Line:
    """One line. `target` "" leads nowhere yet. `label` stands at `label_at`, the "+" has its middle at `add_at`, "End" at `end_at`."""

    source: str
    port: str
    target: str
    path: str
    label: str = ""
    label_at: Point | None = None
    add_at: Point | None = None
    end_at: Point | None = None
    side: bool = False  # one of several from this port


def lines(document: Document, graph: Graph, layout: Layout) -> list[Line]:
    """Every line of the document in reading order, and a stump for every way out that leads nowhere."""
    return _Drawer(document, graph, layout).draw()


class _Drawer:
    def __init__(self, document: Document, graph: Graph, layout: Layout) -> None:
        self._document, self._graph, self._layout = document, graph, layout

    def draw(self) -> list[Line]:
        found = list(self._from_triggers())
        for key in self._graph.order:
            step = self._graph.steps[key]
            for port in ports(step):
                found += self._from_port(step, port)
        return found

    # -- triggers

    def _from_triggers(self) -> Iterable[Line]:
        ids = [trigger.key for trigger in self._document.triggers]
        added: set[str] = set()
        for key in ids or [""]:
            id = f"{TRIGGER}{key}" if key else START
            card = self._layout.spots[id]
            targets = self._graph.entries(key or None)
            for target in targets:
                goal = self._layout.spots[target]
                at = Point(goal.middle, goal.y - sizes.ROW_GAP // 2) if target not in added else None
                added.add(target)
                path = self._path(card, goal, None, fans=len(targets) > 1)
                yield Line(id, "main", target, path, add_at=self._mid(card, goal, at))
            if not targets:
                yield self._open(id, card, "main")

    def _mid(self, card: Spot, goal: Spot, at: Point | None) -> Point | None:
        if at is None or not self._layout.is_free:
            return at
        return _half(card, goal)

    # -- steps

    def _from_port(self, step: Step, port: str) -> list[Line]:
        card = self._layout.spots[step.key]
        links = [link for link in self._graph.outgoing[step.key] if link.port == port]
        if links:
            return [
                self._line(step, card, link.port, link.target, len(links), at)
                for at, link in enumerate(links)
            ]
        if port == "error":
            return []
        return [self._open(step.key, card, port, self._label_of(step, port))]

    def _label_of(self, step: Step, port: str) -> str:
        if port == "main":
            return ""
        return "Each item" if port == "each" else port_name(step, port)

    def _line(self, step: Step, card: Spot, port: str, target: str, count: int, number: int) -> Line:
        goal = self._layout.spots[target]
        label = self._label_of(step, port) if number == 0 else ""
        lane = self._lane(step.key, port, target, goal)
        fans = count > 1 or bool(self._label_of(step, port))
        path = self._path(card, goal, lane, fans=fans, from_side=port == "error")
        if self._layout.is_free:
            return self._free_line(step, card, goal, port, target, path, label, count > 1)
        at = lane if lane is not None else goal.middle if fans else card.middle
        add = self._add_depth(port, target, count)
        label_at = Point(at, card.bottom + sizes.LABEL_AT) if label else None
        return Line(
            step.key,
            port,
            target,
            path,
            label,
            label_at,
            Point(at, card.bottom + add),
            side=count > 1,
        )

    def _add_depth(self, port: str, target: str, count: int) -> int:
        if port != "main":
            return sizes.ADD_AT
        if count > 1:
            return sizes.ROW_GAP - 18
        joins = len(self._graph.incoming[target]) > 1
        return 20 if joins else sizes.ROW_GAP // 2

    def _lane(self, source: str, port: str, target: str, goal: Spot) -> int | None:
        lanes = self._layout.lanes
        own = lanes.get(Lane(source, port, target))
        if own is None and port == "done":  # the lane beside the box, whatever follows
            own = lanes.get(Lane(source, port, ""))
        return own

    def _open(self, id: str, card: Spot, port: str, label: str = "") -> Line:
        """A way out that leads nowhere yet."""
        lane = self._layout.lanes.get(Lane(id, port, "")) if label else None
        if lane is None and self._layout.is_free and label:
            lane = self._fanned(id, card, port)
        if not label:
            at = Point(card.middle, card.bottom + sizes.ADD_OPEN)
            end = Point(card.middle, card.bottom + sizes.END_AT) if self._may_end(id) else None
            foot = end.y - 11 if end else at.y
            return Line(id, port, "", f"M{at.x} {card.bottom}V{foot}", add_at=at, end_at=end)
        x = card.middle if lane is None else lane
        at = Point(x, card.bottom + sizes.ADD_AT)
        bend = card.bottom + sizes.BEND
        path = bent([(card.middle, card.bottom), (card.middle, bend), (x, bend), (x, at.y)])
        end = Point(x, at.y + sizes.END_AT - sizes.ADD_OPEN) if port == "done" and self._may_end(id) else None
        return Line(id, port, "", path, label, Point(x, card.bottom + sizes.LABEL_AT), at, end)

    def _may_end(self, id: str) -> bool:
        """Whether the workflow itself ends behind this card, and not only a loop's item."""
        return id in self._graph.steps and self._graph.loop_of.get(id) is None

    # -- paths

    def _path(self, card: Spot, goal: Spot, lane: int | None, *, fans: bool, from_side: bool = False) -> str:
        if self._layout.is_free:
            return curve(card, goal, from_side=from_side)
        if goal.y < card.bottom:  # only in a draft with a circle
            return self._around(card, goal)
        at = lane if lane is not None else goal.middle if fans else card.middle
        meet = [(at, goal.y - sizes.JOIN), (goal.middle, goal.y - sizes.JOIN), (goal.middle, goal.y)]
        if from_side and at > card.right:
            beside = card.y + card.h // 2
            return bent([(card.right, beside), (at, beside), *meet])
        bend = card.bottom + sizes.BEND
        return bent([(card.middle, card.bottom), (card.middle, bend), (at, bend), *meet])

    def _around(self, card: Spot, goal: Spot) -> str:
        out = max(card.right, goal.right) + sizes.COLUMN_GAP // 2
        y = goal.y - sizes.JOIN
        return f"M{card.middle} {card.bottom}v12H{out}V{y}H{goal.middle}V{goal.y}"

    # -- free-form

    def _free_line(
        self, step: Step, card: Spot, goal: Spot, port: str, target: str, path: str, label: str, side: bool
    ) -> Line:
        add = _half(
            card, goal, port == "error"
        )  # labels stand near what they lead to: there is room, as cards never lie on each other
        label_at = _along(card, goal, 0.76, port == "error") if label else None
        return Line(step.key, port, target, path, label, label_at, add, side=side)

    def _fanned(self, id: str, card: Spot, port: str) -> int:
        """Ways out that lead nowhere, side by side below their card."""
        own = [one for one in ports(self._graph.steps[id]) if one != "error"]
        return card.middle + (2 * own.index(port) - len(own) + 1) * 64


def curve(card: Spot, goal: Spot, *, from_side: bool = False) -> str:
    """The line of a free-form canvas; canvas_edit.js draws the same while a card is dragged."""
    (x1, y1), (a, b), (c, d), (x2, y2) = _bezier(card, goal, from_side)
    return f"M{x1} {y1}C{a} {b} {c} {d} {x2} {y2}"


def _bezier(card: Spot, goal: Spot, from_side: bool) -> list[tuple[int, int]]:
    x2, y2 = goal.middle, goal.y
    if from_side:
        x1, y1 = card.right, card.y + card.h // 2
        return [(x1, y1), (x1 + 60, y1), (x2, y2 - 60), (x2, y2)]
    x1, y1 = card.middle, card.bottom
    reach = max(40, abs(y2 - y1) // 2)
    return [(x1, y1), (x1, y1 + reach), (x2, y2 - reach), (x2, y2)]


def _along(card: Spot, goal: Spot, t: float, from_side: bool = False) -> Point:
    points = _bezier(card, goal, from_side)
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    return Point(
        round(sum(weight * x for weight, (x, _) in zip(weights, points, strict=True))),
        round(sum(weight * y for weight, (_, y) in zip(weights, points, strict=True))),
    )


def _half(card: Spot, goal: Spot, from_side: bool = False) -> Point:
    return _along(card, goal, 0.48, from_side)


def bent(points: list[tuple[int, int]]) -> str:
    """Straight from corner to corner, down or across, with the corners made round. Written short: a page has hundreds."""
    corners = _plain(points)
    path = f"M{corners[0][0]} {corners[0][1]}"
    for before, here, after in zip(corners, corners[1:], corners[2:], strict=False):
        path += _corner(before, here, after)
    return path + _straight(corners[-2], corners[-1])


def _plain(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without points that stand twice or in the middle of a straight piece."""
    kept: list[tuple[int, int]] = []
    for at, point in enumerate(points):
        if kept and kept[-1] == point:
            continue
        after = points[at + 1] if at + 1 < len(points) else None
        if kept and after and (kept[-1][0] == point[0] == after[0] or kept[-1][1] == point[1] == after[1]):
            continue
        kept.append(point)
    return kept


def _corner(before: tuple[int, int], here: tuple[int, int], after: tuple[int, int]) -> str:
    into = (abs(here[0] - before[0]) + abs(here[1] - before[1])) // 2
    out = (abs(after[0] - here[0]) + abs(after[1] - here[1])) // 2
    radius = min(sizes.CORNER, into, out)
    (a, b), (c, d) = _step(before, here, radius), _step(here, after, radius)
    return f"{_straight(before, (here[0] - a, here[1] - b))}q{a} {b} {a + c} {b + d}"


def _straight(before: tuple[int, int], here: tuple[int, int]) -> str:
    return f"V{here[1]}" if here[0] == before[0] else f"H{here[0]}"


def _step(before: tuple[int, int], here: tuple[int, int], by: int) -> tuple[int, int]:
    """`by` pixels on the way from one point to another, which lies straight down or across."""

    def sign(value: int) -> int:
        return (value > 0) - (value < 0)

    return sign(here[0] - before[0]) * by, sign(here[1] - before[1]) * by
