"""A run on the canvas: the same cards and lines as in the builder, only to look at, with what became of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from accounts.request import AppRequest
from workflows.builder.canvas import drawing, layout
from workflows.builder.canvas.lines import Line
from workflows.builder.chosen_view import FREE, OUTLINE, chosen_view, view_switch
from workflows.views.run_outline import Card, Drawing
from workflows.views.run_paths import TRIGGER
from workflows.views.run_room import RunRoom
from workflows.views.run_states import State, States

NOW: Final = frozenset({"RUNNING", "RETRYING", "WAITING", "NEEDS_ATTENTION"})
IDLE: Final = frozenset({"", "SKIPPED"})


def run_canvas(request: AppRequest, room: RunRoom) -> dict[str, Any]:
    """`canvas` where this person sees canvases and the run can be drawn; `views` for the switch."""
    if room.program is None:
        return {}
    is_placed = bool(layout.positions(room.graph.document))
    found: dict[str, Any] = {"views": view_switch(request, free=is_placed)}
    chosen = chosen_view(request)
    if chosen == OUTLINE:
        return found
    mode = drawing.FREE if chosen == FREE and is_placed else drawing.AUTO
    document, graph = room.graph.document, room.graph
    lines = Lines(room.states, room.chosen, room.trigger.key if room.trigger else "")
    return found | {
        "canvas": drawing.view(document, graph, room.names, _cards(room), mode=mode, state=lines.state)
    }


def _cards(room: RunRoom) -> dict[str, Card]:
    """Every card by its id; triggers that did not fire say nothing of the run."""
    selected = TRIGGER if room.where == TRIGGER else room.place.key if room.place else ""
    drawer = Drawing(room.names, room.states, room.chosen, selected, room.url_of)
    found = {step.key: drawer.card(step) for step in room.graph.document.steps}
    for trigger in room.graph.document.triggers:
        card = drawer.trigger_card(trigger)
        if room.trigger is None or trigger.key != room.trigger.key:
            card = replace(card, status="SKIPPED", href=room.url, target="", selected=False)
        found[f"{layout.TRIGGER}{trigger.key}"] = card
    return found


@dataclass(frozen=True)
class Lines:
    """What a line shows of a run: "is-ok" taken, "is-run" being taken, "is-off" not taken, "" not yet known."""

    states: States
    chosen: dict[str, int]
    trigger: str

    def state(self, line: Line) -> str:
        target = self._of(line.target) if line.target else State()
        if line.source not in self.states.graph.steps:
            fired = line.source == f"{layout.TRIGGER}{self.trigger}"
            return _word(fired and target.status not in IDLE, target, is_off=not fired)
        source = self._of(line.source)
        if self._inside(line, source):
            return _word(source.status not in IDLE and target.status not in IDLE, target)
        ended = source.status not in NOW and source.status != ""
        taken = line.port in source.ports and source.status != "SKIPPED"
        return _word(taken and target.status not in IDLE, target, is_off=ended and not taken)

    def _of(self, key: str) -> State:
        return self.states.of(key, self.chosen)

    def _inside(self, line: Line, source: State) -> bool:
        """Lines of all items together: nobody says which ways each of them took."""
        return line.port == "each" or (
            self.states.graph.loop_of.get(line.source) is not None and not source.ports
        )


def _word(taken: bool, target: State, *, is_off: bool = False) -> str:
    if taken:
        return "is-run" if target.status in NOW else "is-ok"
    return "is-off" if is_off else ""
