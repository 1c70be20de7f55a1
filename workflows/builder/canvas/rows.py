"""How far down everything stands: each step below all that leads to it (longest path), what follows a loop below its box."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from workflows.builder.canvas import sizes
from workflows.engine.dominance import INLINE_PORTS
from workflows.engine.graph import Graph
from workflows.engine.outline import Outline, OutlineNode
from workflows.engine.parts import ports

FIRST: Final = sizes.CARD_H + sizes.ROW_GAP  # below the triggers


@dataclass
class Rows:
    """`top` of every card by its key; `boxes`: (top, bottom) of every loop's box; `gap` below every card."""

    top: dict[str, int] = field(default_factory=dict)
    boxes: dict[str, tuple[int, int]] = field(default_factory=dict)
    gap: dict[str, int] = field(default_factory=dict)

    def bottom(self, key: str) -> int:
        return self.top[key] + sizes.CARD_H


def rows(graph: Graph, outline: Outline) -> Rows:
    """Goes through the outline in reading order, in which everything comes after what leads to it."""
    found, ends = Rows(), list[int]()
    for node in outline.walk():
        key = node.step.key
        found.gap[key] = sizes.LABEL_GAP if has_labels(node) else sizes.ROW_GAP
        top = max((_below(graph, found, link) for link in graph.incoming[key]), default=FIRST)
        found.top[key] = _clear_of(ends, max(top, FIRST)) if len(graph.incoming[key]) > 1 else max(top, FIRST)
        if node.step.next.get("main") is None and "main" in ports(node.step):
            ends.append(found.bottom(key))
        _widen_boxes(graph, found, node)
    return found


def _clear_of(ends: list[int], top: int) -> int:
    """Lines that meet above a card run across: not through the "+" and the "End" of a path that ends just there."""
    for bottom in sorted(ends):
        if bottom < top < bottom + sizes.OPEN_DEPTH + sizes.JOIN:
            top = bottom + sizes.OPEN_DEPTH + sizes.JOIN
    return top


def has_labels(node: OutlineNode) -> bool:
    return node.step.type == "loop" or any(branch.port not in INLINE_PORTS for branch in node.branches)


def _below(graph: Graph, found: Rows, link: tuple[str, str, str]) -> int:
    """Where the target may begin because of one line to it; lines that come from below count for nothing."""
    source, port, target = link
    if source not in found.top:
        return 0
    edge = found.bottom(source) + found.gap[source]
    if source in found.boxes and port != "each":
        edge = max(edge, found.boxes[source][1] + sizes.BOX_GAP)
    inside = graph.loop_of.get(source)
    if inside and graph.loop_of.get(target) != inside and inside in found.boxes:
        edge = max(edge, found.boxes[inside][1] + sizes.BOX_GAP)  # a draft whose body leads out of its loop
    return edge


def _widen_boxes(graph: Graph, found: Rows, node: OutlineNode) -> None:
    key, bottom = node.step.key, found.bottom(node.step.key)
    if any(branch.port not in INLINE_PORTS and not branch.nodes for branch in node.branches):
        bottom += sizes.ADD_AT + sizes.ADD  # the "+" of an empty branch hangs below
    if node.step.type == "loop":
        top = found.bottom(key) + sizes.LABEL_GAP - sizes.BOX_HEAD
        found.boxes[key] = (top, top + sizes.EMPTY_BOX)
        bottom = top + sizes.EMPTY_BOX
    for depth, loop in enumerate(graph.loops_around(key)):
        if loop in found.boxes:
            top, old = found.boxes[loop]
            found.boxes[loop] = (top, max(old, bottom + (depth + 1) * sizes.BOX_FOOT))
