"""Where every card stands. Auto layout is worked out anew each time; free-form keeps the places people gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from workflows.builder.canvas import sizes
from workflows.builder.canvas.columns import Lane, columns
from workflows.builder.canvas.rows import rows
from workflows.engine.graph import Graph
from workflows.engine.outline import Outline
from workflows.engine.parts import Document

TRIGGER: Final = "trigger:"
START: Final = "start:"  # the id of the card that stands where a trigger has to be chosen
FAR: Final = 20_000  # nobody drags a card further than this


class Spot(NamedTuple):
    """A rectangle, by its upper left corner."""

    x: int
    y: int
    w: int = sizes.CARD_W
    h: int = sizes.CARD_H

    @property
    def middle(self) -> int:
        return self.x + self.w // 2

    @property
    def bottom(self) -> int:
        return self.y + self.h

    @property
    def right(self) -> int:
        return self.x + self.w

    def touches(self, other: Spot, gap: int = 0) -> bool:
        across = self.x < other.right + gap and other.x < self.right + gap
        return across and self.y < other.bottom + gap and other.y < self.bottom + gap


@dataclass
class Layout:
    """`spots` by id: a step's or note's key, "trigger:<key>". `lanes`: the middle of lines that run down beside cards."""

    spots: dict[str, Spot] = field(default_factory=dict)
    lanes: dict[Lane, int] = field(default_factory=dict)
    boxes: dict[str, Spot] = field(default_factory=dict)
    gaps: dict[str, int] = field(default_factory=dict)
    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0
    is_free: bool = False


def auto(document: Document, graph: Graph, outline: Outline) -> Layout:
    """Top down, by itself. The same document gives the same layout."""
    down = rows(graph, outline)
    across = columns(graph, outline, down)
    found = Layout(gaps=down.gap)
    for key, top in down.top.items():
        found.spots[key] = Spot(round(across.middle[key]) - sizes.HALF, top)
    found.spots |= _triggers(document, graph, found.spots)
    for key, (left, right) in across.boxes.items():
        top, bottom = down.boxes[key]
        found.boxes[key] = Spot(round(left), top, round(right) - round(left), bottom - top)
    found.lanes = {lane: round(at) for lane, at in across.middle.items() if isinstance(lane, Lane)}
    _notes(document, outline, found)
    return _framed(found)


def free(document: Document, graph: Graph, outline: Outline) -> Layout:
    """As people placed it. What has no place yet stands where auto layout would put it beside its neighbours."""
    by_itself = auto(document, graph, outline)
    placed = positions(document)
    found = Layout(gaps=by_itself.gaps, is_free=True)
    wide = note_sizes(document)
    for id, spot in by_itself.spots.items():
        if id in placed:
            w, h = wide.get(id, (spot.w, spot.h))
            found.spots[id] = Spot(*placed[id], w, h)
    if placed:
        for id, spot in by_itself.spots.items():
            if id not in found.spots:
                found.spots[id] = _near(id, spot, by_itself, found, graph)
    else:
        found.spots = {
            id: spot._replace(x=on_grid(spot.x), y=on_grid(spot.y)) for id, spot in by_itself.spots.items()
        }
    for key in by_itself.boxes:
        found.boxes[key] = _box_around(key, graph, found)
    return _framed(found)


def positions(document: Document) -> dict[str, tuple[int, int]]:
    """The places people gave, by id. `layout.positions` = {id: [x, y]}; what is no place is passed over."""
    return dict(_pairs(document.layout.get("positions"), -FAR))


def note_sizes(document: Document) -> dict[str, tuple[int, int]]:
    """Of notes that were resized: `layout.sizes` = {key: [width, height]}."""
    return dict(_pairs(document.layout.get("sizes"), 48))


def _pairs(value: Any, low: int) -> list[tuple[str, tuple[int, int]]]:
    if not isinstance(value, Mapping):
        return []
    return [
        (id, (int(pair[0]), int(pair[1])))
        for id, pair in value.items()
        if isinstance(pair, list) and len(pair) == 2 and all(_is_number(one, low) for one in pair)
    ]


def _is_number(value: Any, low: int) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= FAR


# --- triggers -------------------------------------------------------------------------------------


def _triggers(document: Document, graph: Graph, spots: Mapping[str, Spot]) -> dict[str, Spot]:
    """In a row above: each over what it leads to, as near as its neighbours let it."""
    ids = [f"{TRIGGER}{trigger.key}" for trigger in document.triggers] or [START]
    wanted = []
    for id in ids:
        targets = [spots[key].x for key in graph.entries(id.removeprefix(TRIGGER)) if key in spots]
        wanted.append((min(targets) + max(targets)) / 2 if targets else -sizes.HALF)
    order = sorted(range(len(ids)), key=lambda at: wanted[at])
    step = sizes.CARD_W + sizes.COLUMN_GAP
    places: dict[int, float] = {}
    run: list[int] = []  # triggers that stand shoulder to shoulder, moved as one
    runs: list[list[int]] = []
    for at in order:
        run = [at]
        while runs and _run_left(run, wanted, step) < _run_left(runs[-1], wanted, step) + step * len(
            runs[-1]
        ):
            run = runs.pop() + run
        runs.append(run)
    for run in runs:
        left = _run_left(run, wanted, step)
        places |= {at: left + number * step for number, at in enumerate(run)}
    return {id: Spot(round(places[at]), 0) for at, id in enumerate(ids)}


def _run_left(run: list[int], wanted: list[float], step: int) -> float:
    return sum(wanted[at] - number * step for number, at in enumerate(run)) / len(run)


# --- notes ----------------------------------------------------------------------------------------


def _notes(document: Document, outline: Outline, found: Layout) -> None:
    """A note lies where it was put; others in a column at the left of everything."""
    placed, wide = positions(document), note_sizes(document)
    left = min((spot.x for spot in [*found.spots.values(), *found.boxes.values()]), default=0)
    y = 0
    for note in outline.notes:
        w, h = wide.get(note.key, (sizes.NOTE_W, sizes.NOTE_H))
        if note.key in placed:
            found.spots[note.key] = Spot(*placed[note.key], w, h)
        else:
            found.spots[note.key] = Spot(left - 2 * sizes.COLUMN_GAP - w, y, w, h)
            y += h + sizes.NOTE_GAP


# --- free-form ------------------------------------------------------------------------------------


def _near(id: str, spot: Spot, by_itself: Layout, found: Layout, graph: Graph) -> Spot:
    """As far from the step before it as auto layout has it, then down to the first free place."""
    before = next((link.source for link in graph.incoming.get(id, ()) if link.source in found.spots), "")
    x, y = spot.x, spot.y
    if before:
        old, new = by_itself.spots[before], found.spots[before]
        x, y = new.x + spot.x - old.x, new.y + spot.y - old.y
    here = Spot(on_grid(x), on_grid(y), spot.w, spot.h)
    while any(here.touches(other, sizes.GRID) for other in found.spots.values()):
        here = here._replace(y=here.y + 2 * sizes.GRID)
    return here


def on_grid(value: float) -> int:
    return round(value / sizes.GRID) * sizes.GRID


def _box_around(loop: str, graph: Graph, found: Layout) -> Spot:
    inside = [found.spots[key] for key in _body(loop, graph) if key in found.spots]
    if not inside:
        card = found.spots[loop]
        return Spot(card.middle - 60, card.bottom + sizes.ROW_GAP, 120, sizes.EMPTY_BOX)
    left, top = min(s.x for s in inside) - sizes.BOX_SIDE, min(s.y for s in inside) - sizes.BOX_HEAD
    right, bottom = (
        max(s.right for s in inside) + sizes.BOX_SIDE,
        max(s.bottom for s in inside) + sizes.BOX_FOOT,
    )
    return Spot(left, top, right - left, bottom - top)


def _body(loop: str, graph: Graph) -> list[str]:
    return [key for key in graph.order if loop in graph.loops_around(key)]


# --- the frame ------------------------------------------------------------------------------------


def _framed(found: Layout) -> Layout:
    """With the borders of all of it. Places are never moved to fit: 0 is where the workflow begins, in every layout."""
    everything = [*found.spots.values(), *found.boxes.values()]
    lanes = list(found.lanes.values())
    found.left = min([spot.x for spot in everything] + [at - 110 for at in lanes], default=0)
    found.top = min((spot.y for spot in everything), default=0)
    found.right = max([spot.right for spot in everything] + [at + 110 for at in lanes], default=0)
    found.bottom = max((spot.bottom for spot in everything), default=0) + sizes.OPEN_DEPTH
    return found
