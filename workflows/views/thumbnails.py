"""A small picture of a workflow: boxes in layers and the lines between them. Pure; `_thumbnail.html` draws it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from workflows.engine.document import Document
from workflows.engine.graph import Graph

BOX_W: Final = 76
BOX_H: Final = 24
GAP_X: Final = 14
GAP_Y: Final = 18
MARGIN: Final = 2
MAX_LAYERS: Final = 7  # more would be too small to see; the rest is left out
MAX_COLUMNS: Final = 4
TRIGGER: Final = "trigger:"


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    is_trigger: bool

    @property
    def tile_x(self) -> float:
        return self.x + 6

    @property
    def text_x(self) -> float:
        return self.x + 24

    @property
    def first_y(self) -> float:
        return self.y + 7

    @property
    def second_y(self) -> float:
        return self.y + 14


@dataclass(frozen=True)
class Thumbnail:
    """`lines` are SVG paths; sizes are user units."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[str, ...]


def thumbnail(document: Document) -> Thumbnail:
    """The picture of this document."""
    graph = Graph(document)
    links = _links(document, graph)
    layers = _layers(graph, links)
    rows: dict[int, list[str]] = defaultdict(list)
    for key, layer in layers.items():
        if layer < MAX_LAYERS and len(rows[layer]) < MAX_COLUMNS:
            rows[layer].append(key)
    widest = max((len(row) for row in rows.values()), default=1)
    width = widest * BOX_W + (widest - 1) * GAP_X + 2 * MARGIN
    places = {
        key: _place(row, column, layer, width)
        for layer, row in rows.items()
        for column, key in enumerate(row)
    }
    boxes = tuple(Box(x, y, key.startswith(TRIGGER)) for key, (x, y) in places.items())
    height = len(rows) * BOX_H + max(len(rows) - 1, 0) * GAP_Y + 2 * MARGIN
    drawn = [(source, target) for source, target in links if source in places and target in places]
    return Thumbnail(
        width, height, boxes, tuple(_line(places[source], places[target]) for source, target in drawn)
    )


def _links(document: Document, graph: Graph) -> list[tuple[str, str]]:
    """Every line; those of a trigger start at the first one, the picture has one box for all triggers."""
    found = [(f"{TRIGGER}0", key) for key in graph.entries(None)]
    for trigger in document.triggers:
        found += [(f"{TRIGGER}0", key) for key in trigger.next]
    found += [(link.source, link.target) for link in graph.links if link.source in graph.steps]
    return list(dict.fromkeys(found))


def _layers(graph: Graph, links: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How far down each box stands: below everything that leads to it; what follows a loop stands below its body."""
    incoming: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        incoming[target].append(source)
    layers = {f"{TRIGGER}0": 0}
    for _round in range(2):  # the second one knows how deep the loops' bodies are
        for key in graph.order:
            above = [_bottom(graph, layers, source, key) for source in incoming[key] if source in layers]
            layers[key] = max(above, default=0) + 1
    return layers


def _bottom(graph: Graph, layers: Mapping[str, int], source: str, target: str) -> int:
    """The layer that `target` has to stand below because of its line from `source`."""
    is_after_loop = (
        source in graph.steps and graph.steps[source].type == "loop" and graph.loop_of.get(target) != source
    )
    body = graph.members(source) if is_after_loop else ()
    return max([layers[source], *(layers[key] for key in body if key in layers)])


def _place(row: list[str], column: int, layer: int, width: float) -> tuple[float, float]:
    own = len(row) * BOX_W + (len(row) - 1) * GAP_X
    return (width - own) / 2 + column * (BOX_W + GAP_X), MARGIN + layer * (BOX_H + GAP_Y)


def _line(source: tuple[float, float], target: tuple[float, float]) -> str:
    """Down, across, down."""
    x1, y1 = source[0] + BOX_W / 2, source[1] + BOX_H
    x2, y2 = target[0] + BOX_W / 2, target[1]
    middle = y2 - GAP_Y / 2
    if x1 == x2:
        return f"M{x1:g} {y1:g}V{y2:g}"
    return f"M{x1:g} {y1:g}V{middle:g}H{x2:g}V{y2:g}"
