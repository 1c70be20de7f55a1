"""Insert, delete, duplicate and move steps."""

from __future__ import annotations

from dataclasses import replace

from workflows.builder.commands.base import (
    Args,
    Change,
    Place,
    block,
    continuation,
    free_key,
    refuse_new_faults,
    retarget,
    step_of,
    targets_of,
    trigger_of,
    with_targets,
    without_idle_slots,
    without_steps,
)
from workflows.engine.document import Document, Step, ports
from workflows.engine.graph import Graph, reachable
from workflows.engine.kinds import STEP_KINDS
from workflows.engine.outline import Outline, OutlineNode
from workflows.errors import EditRefused


def place_step(document: Document, step: Step, place: Place) -> Document:
    """Put a new step, not yet part of the document, where `place` says. Raises EditRefused."""
    document = replace(document, steps=(*document.steps, step))
    if step.type == "note":
        return document
    if place.after and not place.before:
        place = _behind(document, place.after)
    if place.before:
        document = retarget(document, step_of(document, place.before).key, [step.key])
        return _go_on(document, step.key, (place.before,))
    if place.after:
        for source, port in open_ends(document, place.after, without=step.key):
            document = with_targets(document, source, port, [step.key])
        return document
    return _behind_port(document, step.key, place)


def _behind_port(document: Document, key: str, place: Place) -> Document:
    old = targets_of(document, place.source, place.port)
    if place.beside:
        return with_targets(document, place.source, place.port, [*old, key])
    if place.target and place.target in old:
        new = [key if target == place.target else target for target in old]
        taken: tuple[str, ...] = (place.target,)
    else:
        new, taken = [key], old
    document = with_targets(document, place.source, place.port, new)
    return _go_on(document, key, taken)


def _go_on(document: Document, key: str, targets: tuple[str, ...]) -> Document:
    """Behind the new step comes what stood here before."""
    step = step_of(document, key)
    targets = tuple(target for target in targets if target != key)
    if not targets:
        return document
    port = continuation(step)
    if port is None:
        kind = STEP_KINDS[step.type].label
        raise EditRefused(
            f"{kind} ends the path, so the steps behind it would never run. Add it at the end of a path."
        )
    if targets_of(document, key, port):
        raise EditRefused(f'"{step.name}" already leads on. Add it at the end of a path.')
    return with_targets(document, key, port, targets)


def _behind(document: Document, key: str) -> Place:
    """After a step and all its branches: before the step where they meet, else at its open ends."""
    outline = Graph(document).outline()
    siblings, at = siblings_of(outline, key)
    if at + 1 < len(siblings) and siblings[at + 1].step.key not in {node.step.key for node in outline.loose}:
        return Place(before=siblings[at + 1].step.key)
    if not siblings[at].branches:
        port = continuation(step_of(document, key))
        if port is None:
            raise EditRefused("The path ends here. Add the step before it, or in another branch.")
        return Place(source=key, port=port)
    return Place(after=key)


def open_ends(document: Document, key: str, *, without: str = "") -> list[tuple[str, str]]:
    """The ways out of a step's branches that lead nowhere yet, error paths and loop bodies aside."""
    graph = Graph(document)
    loop = graph.loop_of.get(key)
    plain = _plainly_reached(graph)
    found = []
    for inner in sorted(block(document, key) - {without}, key=lambda one: graph.position.get(one, 0)):
        step = graph.steps[inner]
        if graph.loop_of.get(inner) != loop or (key in plain and inner not in plain):
            continue
        own = [port for port in ports(step) if port not in ("error", "each") and not step.next.get(port)]
        found += [(inner, port) for port in own]
    if not found:
        raise EditRefused("All branches end here on purpose. Add the step inside one of them.")
    return found


def _plainly_reached(graph: Graph) -> set[str]:
    """The steps that run without any error."""
    return reachable(
        graph.roots(), lambda at: (link.target for link in graph.outgoing[at] if link.port != "error")
    )


def siblings_of(outline: Outline, key: str) -> tuple[list[OutlineNode], int]:
    """The list of the outline that holds a step, and its place in it."""
    waiting = [outline.nodes, outline.loose, *(branch.nodes for branch in outline.branches)]
    while waiting:
        nodes = waiting.pop()
        for at, node in enumerate(nodes):
            if node.step.key == key:
                return list(nodes), at
            for inner in node.branches:
                waiting += [inner.nodes, *(branch.nodes for branch in inner.branches)]
    raise EditRefused("This step is not there any more; somebody may have deleted it. Nothing was changed.")


# --- delete ---------------------------------------------------------------------------------------


def delete(document: Document, args: Args) -> Change:
    """The step goes; what comes behind it moves up. Steps that hung in its other branches alone go with it."""
    key = args.get("key", "")
    step = step_of(document, key)
    lost = lost_with(document, key)
    after = _take_out(document, step)
    after = without_steps(after, {key, *lost})
    more = f" and {len(lost)} step{'s' if len(lost) > 1 else ''} of its branches" if lost else ""
    return Change(after, f"Deleted {step.name}{more}")


def lost_with(document: Document, key: str) -> list[str]:
    """The steps that would go with a step: those only its branches lead to."""
    step = step_of(document, key)
    if step.type == "note":
        return []
    graph = Graph(document)
    before = graph.reached()
    after = Graph(without_steps(_take_out(document, step), {key})).reached()
    return [other for other in graph.order if other in before and other not in after and other != key]


def _take_out(document: Document, step: Step) -> Document:
    port = continuation(step)
    onward = step.next.get(port, ()) if port else ()
    return retarget(document, step.key, [target for target in onward if target != step.key])


def delete_trigger(document: Document, args: Args) -> Change:
    trigger = trigger_of(document, args.get("key", ""))
    triggers = tuple(other for other in document.triggers if other.key != trigger.key)
    after = replace(document, triggers=triggers)
    if not document.start and trigger.next and not triggers:
        after = replace(after, start=trigger.next)
    return Change(without_idle_slots(document, after), f"Deleted trigger {trigger.name}")


# --- duplicate ------------------------------------------------------------------------------------


def duplicate(document: Document, args: Args) -> Change:
    """A copy of the step itself, right behind it."""
    step = step_of(document, args.get("key", ""))
    copy = replace(step, key=free_key(document, step.key), name=f"{step.name} copy"[:200], next={})
    port = continuation(step)
    if step.type == "note":
        after = place_step(document, copy, Place())
    elif port is None or step.key not in Graph(document).reached():
        after = replace(document, steps=(*document.steps, copy))
    else:
        after = place_step(document, copy, Place(source=step.key, port=port))
    return Change(after, f"Duplicated {step.name}", opens=copy.key)


# --- move -----------------------------------------------------------------------------------------


def move(document: Document, args: Args) -> Change:
    """The step with its branches goes to another place; the path it leaves closes behind it."""
    key = args.get("key", "")
    step = step_of(document, key)
    place = _neighbour(document, key, args["to"]) if args.get("to") else Place.read(args)
    moved = block(document, key)
    refusal = f'"{step.name}" cannot be moved into its own branches. Choose another place.'
    if place.source in moved - {key} or place.before in moved - {key} or place.after in moved - {key}:
        raise EditRefused(refusal)
    if key in (place.source, place.before, place.after, place.target):
        raise EditRefused(f'"{step.name}" is there already.')
    if place.after:
        place = _behind(document, place.after)
        if place.before == key:
            raise EditRefused(f'"{step.name}" is there already.')
    after, exits = _detach(document, key, moved)
    after = attach(after, step, place, exits)
    return Change(refuse_new_faults(document, after), f"Moved {step.name}")


def _neighbour(document: Document, key: str, way: str) -> Place:
    """One up or one down in its own list of the outline."""
    siblings, at = siblings_of(Graph(document).outline(), key)
    if way == "up":
        if at == 0:
            raise EditRefused('It is the first step of its branch. Use "Move to…" to take it out.')
        return Place(before=siblings[at - 1].step.key)
    if at + 1 >= len(siblings):
        raise EditRefused('It is the last step of its branch. Use "Move to…" to take it out.')
    if at + 2 < len(siblings):
        return Place(before=siblings[at + 2].step.key)
    return Place(after=siblings[at + 1].step.key)


def _detach(document: Document, key: str, moved: set[str]) -> tuple[Document, list[tuple[str, str]]]:
    """Close the path around a block; returns the ways out of it that led on."""
    exits, onward = [], []
    for step in document.steps:
        if step.key not in moved:
            continue
        for port, targets in step.next.items():
            outside = [target for target in targets if target not in moved]
            if outside:
                exits.append((step.key, port))
                onward += outside if port != "error" else []
                document = with_targets(document, step.key, port, [t for t in targets if t in moved])
    return retarget(document, key, dict.fromkeys(onward)), exits


def attach(document: Document, step: Step, place: Place, exits: list[tuple[str, str]]) -> Document:
    """Lead to a step of the document from `place`; what stood there goes on behind its ways out (`exits`, else its own)."""
    if place.after:
        for source, port in open_ends(document, place.after, without=step.key):
            document = with_targets(document, source, port, [step.key])
        return document
    if place.before:
        taken: tuple[str, ...] = (place.before,)
        document = retarget(document, place.before, [step.key])
    else:
        old = targets_of(document, place.source, place.port)
        taken = (place.target,) if place.target in old else () if place.beside else old
        kept = [target for target in old if target not in taken]
        document = with_targets(document, place.source, place.port, [*kept, step.key])
    if not taken:
        return document
    for source, port in _ways_on(document, step, exits):
        document = with_targets(document, source, port, taken)
    return document


def _ways_on(document: Document, step: Step, exits: list[tuple[str, str]]) -> list[tuple[str, str]]:
    plain = [(source, port) for source, port in exits if port != "error"]
    if plain:
        return plain
    port = continuation(step_of(document, step.key))
    if port is None:
        raise EditRefused(f'"{step.name}" ends the path. Move it to the end of a path.')
    return [(step.key, port)] if not targets_of(document, step.key, port) else open_ends(document, step.key)
