"""One drawing of two documents: the newer one, with what it has no more as ghosts at the places where it stood."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from workflows.builder.canvas.drawing import Path, View
from workflows.builder.canvas.lines import Line, curve
from workflows.builder.comparing import TRIGGER, Comparison, lines_of
from workflows.builder.comparing import Line as Ends
from workflows.engine.document import Document, Step, Trigger, ports
from workflows.engine.graph import reachable

STATES: Final = {"added": "is-added", "removed": "is-removed"}


def union(old: Document, new: Document) -> Document:
    """The newer document with the older one's steps, triggers and lines beside its own.

    A former line that would make a circle, or leaves a way out that is gone, is left out: `overlay` draws it.
    """
    gone_steps = [step for step in old.steps if step.key not in {one.key for one in new.steps}]
    gone_triggers = [one for one in old.triggers if one.key not in {other.key for other in new.triggers}]
    steps = {step.key: step for step in new.steps} | {step.key: replace(step, next={}) for step in gone_steps}
    triggers = {one.key: replace(one, next=one.next or new.start) for one in new.triggers}
    triggers |= {one.key: replace(one, next=()) for one in gone_triggers}
    for ends in _in_order(lines_of(old) - lines_of(new), old):
        _lead(ends, steps, triggers)
    return replace(new, steps=tuple(steps.values()), triggers=tuple(triggers.values()), layout={})


def _in_order(lines: Iterable[Ends], document: Document) -> list[Ends]:
    place = {f"{TRIGGER}{one.key}": -1 for one in document.triggers}
    place |= {step.key: number for number, step in enumerate(document.steps)}
    return sorted(lines, key=lambda ends: (place.get(ends[0], 0), ends[1], place.get(ends[2], 0)))


def _lead(ends: Ends, steps: dict[str, Step], triggers: dict[str, Trigger]) -> None:
    """Add one line, where it can be drawn."""
    source, port, target = ends
    if target not in steps or steps[target].type == "note":
        return
    if source.startswith(TRIGGER):
        trigger = triggers[source.removeprefix(TRIGGER)]
        triggers[trigger.key] = replace(trigger, next=(*trigger.next, target))
        return
    step = steps[source]
    ahead = reachable((target,), lambda key: _following(steps.get(key)))
    if port in ports(step) and source not in ahead:
        steps[source] = replace(step, next={**step.next, port: (*step.next.get(port, ()), target)})


def _following(step: Step | None) -> Iterable[str]:
    return (key for targets in step.next.values() for key in targets) if step else ()


def state_of(found: Comparison, line: Line) -> str:
    """The class of a line's path: "is-added", "is-removed" or none."""
    ends = (line.source, line.port, line.target)
    if ends in found.added_lines:
        return STATES["added"]
    return STATES["removed"] if ends in found.removed_lines else ""


def overlay(view: View, found: Comparison) -> View:
    """With the former lines that the drawing has no way for as plain curves from card to card."""
    drawn = {(path.source, path.port, path.target) for path in view.paths}
    spots = view.frame.spots
    more = tuple(
        Path(source, port, target, curve(spots[source], spots[target]), STATES["removed"])
        for source, port, target in sorted(found.removed_lines - drawn)
        if source in spots and target in spots
    )
    return replace(view, paths=view.paths + more)
