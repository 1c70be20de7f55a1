"""Where cards lie: given by hand in free-form (`place`), given up again (`tidy`). Kept in the document's `layout`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from automate.lib import jsontypes
from automate.lib.jsontypes import BadJSON
from workflows.builder.canvas import layout
from workflows.builder.canvas.layout import FAR, TRIGGER
from workflows.builder.commands.base import Args, Change
from workflows.engine.document import Document
from workflows.engine.graph import Graph
from workflows.errors import EditRefused

Places = dict[str, list[float]]
NO_PLACE: Final = "That is no place on the canvas. Nothing was changed."
SMALLEST: Final = 96  # pixels; a note smaller than that cannot be read


def place(document: Document, args: Args) -> Change:
    """Put cards where somebody dragged them. `places`: JSON `{id: [x, y]}`, for notes also `[x, y, width, height]`."""
    wanted = _read(args.get("places", ""))
    known = _names(document)
    missing = [id for id in wanted if id not in known]
    if missing or not wanted:
        raise EditRefused(
            "This card is not there any more; somebody may have deleted it. Nothing was changed."
        )
    words = known[next(iter(wanted))] if len(wanted) == 1 else f"{len(wanted)} cards"
    return Change(with_places(document, wanted), f"Placed {words}")


def tidy(document: Document, args: Args) -> Change:
    """Every card goes back to where the layout puts it by itself; the sizes of notes stay."""
    if not layout.positions(document):
        raise EditRefused("Everything lies where it belongs already.")
    kept = {name: value for name, value in document.layout.items() if name != "positions"}
    return Change(replace(document, layout=kept), "Tidied up")


def with_places(document: Document, wanted: Places) -> Document:
    """Once a step is placed by hand all of them keep the places they have now; a note alone moves nothing else."""
    notes = {step.key for step in document.steps if step.type == "note"}
    places: dict[str, Any] = {id: list(pair) for id, pair in layout.positions(document).items()}
    sizes: dict[str, Any] = {id: list(pair) for id, pair in layout.note_sizes(document).items()}
    if any(id not in notes for id in wanted):
        graph = Graph(document)
        now = layout.free(document, graph, graph.outline()).spots
        places = {id: [spot.x, spot.y] for id, spot in now.items() if id in _names(document)}
    for id, spot in wanted.items():
        places[id] = [layout.on_grid(spot[0]), layout.on_grid(spot[1])]
        if len(spot) == 4 and id in notes:
            sizes[id] = [max(layout.on_grid(side), SMALLEST) for side in spot[2:]]
    return _with_layout(document, places, sizes)


def without_lost_places(document: Document) -> Document:
    """Places of cards that are gone go with them."""
    if not document.layout:
        return document
    known = _names(document)
    places = {id: list(pair) for id, pair in layout.positions(document).items() if id in known}
    sizes = {id: list(pair) for id, pair in layout.note_sizes(document).items() if id in known}
    return _with_layout(document, places, sizes)


def _with_layout(document: Document, places: dict[str, Any], sizes: dict[str, Any]) -> Document:
    other = {name: v for name, v in document.layout.items() if name not in ("positions", "sizes")}
    own = {name: value for name, value in (("positions", places), ("sizes", sizes)) if value}
    return replace(document, layout=other | own)


def _names(document: Document) -> dict[str, str]:
    found = {f"{TRIGGER}{trigger.key}": trigger.name for trigger in document.triggers}
    return found | {step.key: step.name for step in document.steps}


def _read(text: str) -> Places:
    try:
        value = jsontypes.loads(text)
    except BadJSON:
        raise EditRefused(NO_PLACE) from None
    if not isinstance(value, dict):
        raise EditRefused(NO_PLACE)
    found: Places = {}
    for id, spot in value.items():
        if not isinstance(spot, list) or len(spot) not in (2, 4):
            raise EditRefused(NO_PLACE)
        numbers = [
            n for n in spot if isinstance(n, (int, float)) and not isinstance(n, bool) and abs(n) <= FAR
        ]
        if len(numbers) != len(spot):
            raise EditRefused(NO_PLACE)
        found[id] = numbers
    return found
