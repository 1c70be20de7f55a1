"""The canvas as values: cards, lines, labels, "+" and boxes with their places. templates/workflows/builder/_canvas.html draws it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflows.builder.canvas import layout as layouts
from workflows.builder.canvas.layout import START, TRIGGER, Layout, Spot
from workflows.builder.canvas.lines import Line, Point, lines
from workflows.builder.commands import Place
from workflows.builder.names import Names
from workflows.builder.outline import TONES
from workflows.engine.document import Document, Step, port_name, ports
from workflows.engine.graph import Graph

AUTO: Final = "auto"
FREE: Final = "free"
LineState = Callable[[Line], str]
Adding = Callable[[Place], str]


@dataclass(frozen=True)
class Node:
    """One card with its place. `out` is the port a line is drawn from ("" none, "*" one of `choices`)."""

    id: str
    card: Any
    spot: Spot
    kind: str = "step"
    has_in: bool = False
    out: str = ""
    choices: str = ""
    has_error: bool = False
    loop: str = ""
    text: str = ""


@dataclass(frozen=True)
class Label:
    text: str
    tone: str
    at: Point


@dataclass(frozen=True)
class Add:
    """The "+" of a line; `key` names the line among all of them."""

    key: str
    label: str
    url: str
    at: Point


@dataclass(frozen=True)
class Path:
    source: str
    port: str
    target: str
    d: str
    state: str = ""


@dataclass(frozen=True)
class View:
    mode: str
    nodes: tuple[Node, ...]
    paths: tuple[Path, ...]
    labels: tuple[Label, ...]
    adds: tuple[Add, ...]
    ends: tuple[Point, ...]
    boxes: tuple[tuple[str, Spot], ...]
    frame: Layout
    editable: bool


def view(
    document: Document,
    graph: Graph,
    names: Names,
    cards: Mapping[str, Any],
    *,
    mode: str = AUTO,
    adding: Adding | None = None,
    state: LineState | None = None,
) -> View:
    """`cards` by id (a step's key, "trigger:<key>"); `adding` gives the address of a "+", None: only to look at."""
    make = layouts.free if mode == FREE else layouts.auto
    frame = make(document, graph, names.outline)
    drawn = lines(document, graph, frame)
    return View(
        mode=mode,
        nodes=tuple(_nodes(document, graph, cards, frame)),
        paths=tuple(
            Path(line.source, line.port, line.target, line.path, state(line) if state else "")
            for line in drawn
            if line.target or adding or line.end_at
        ),
        labels=tuple(
            Label(line.label, TONES.get(line.port, "ok"), line.label_at) for line in drawn if line.label_at
        ),
        adds=tuple(_adds(document, names, drawn, adding)) if adding else (),
        ends=tuple(line.end_at for line in drawn if line.end_at),
        boxes=tuple(frame.boxes.items()),
        frame=frame,
        editable=adding is not None,
    )


# --- cards ----------------------------------------------------------------------------------------


def _nodes(document: Document, graph: Graph, cards: Mapping[str, Any], frame: Layout) -> list[Node]:
    found = []
    for trigger in document.triggers:
        id = f"{TRIGGER}{trigger.key}"
        if id in cards:
            found.append(Node(id, cards[id], frame.spots[id], "trigger", out="main"))
    if not document.triggers:
        found.append(Node(START, None, frame.spots[START], "start"))
    found += [_node(graph.steps[key], graph, cards[key], frame.spots[key]) for key in graph.order]
    notes = [step for step in document.steps if step.type == "note"]
    return found + [_note(step, cards[step.key], frame.spots[step.key]) for step in notes]


def _node(step: Step, graph: Graph, card: Any, spot: Spot) -> Node:
    own = [port for port in ports(step) if port != "error"]
    named = [(port, port_name(step, port)) for port in own]
    return Node(
        step.key,
        card,
        spot,
        has_in=True,
        out=own[0] if len(own) == 1 else "*" if own else "",
        choices=json.dumps(named) if len(own) > 1 else "",
        has_error="error" in ports(step),
        loop=graph.loop_of.get(step.key) or "",
    )


def _note(step: Step, card: Any, spot: Spot) -> Node:
    return Node(step.key, card, spot, "note", text=step.notes)


# --- "+" ------------------------------------------------------------------------------------------


def _adds(document: Document, names: Names, drawn: list[Line], adding: Adding) -> list[Add]:
    steps = {step.key: step for step in document.steps}
    own = {trigger.key: trigger.next for trigger in document.triggers}
    found = []
    for line in drawn:
        if line.add_at is None:
            continue
        place = _place(line, own, steps, len(document.start))
        key = f"{place.source or 'start'}-{line.port}-{line.target}".replace(":", "-")
        found.append(Add(key, _words(line, names, steps), adding(place), line.add_at))
    return found


def _place(line: Line, own: Mapping[str, tuple[str, ...]], steps: Mapping[str, Step], starts: int) -> Place:
    if line.source in steps:
        return Place(source=line.source, port=line.port, target=line.target if line.side else "")
    key = line.source.removeprefix(TRIGGER)
    targets = own.get(key, ())
    if targets:
        return Place(source=f"{TRIGGER}{key}", target=line.target if len(targets) > 1 else "")
    return Place(target=line.target if starts > 1 else "")


def _words(line: Line, names: Names, steps: Mapping[str, Step]) -> str:
    step = steps.get(line.source)
    if step is None:
        return "Add the first step" if not line.target else f"Add a step before {steps[line.target].name}"
    if line.port != "main":
        return f"Add a step: {port_name(step, line.port)}, {step.name}"
    return f"Add a step after {names.numbered(step.key)}"
