"""Draw and remove single lines between steps."""

from __future__ import annotations

from workflows.builder.commands.base import (
    TRIGGER,
    Args,
    Change,
    refuse_new_faults,
    step_of,
    targets_of,
    trigger_of,
    with_targets,
)
from workflows.engine.document import Document, port_name, ports
from workflows.errors import EditRefused


def link(document: Document, args: Args) -> Change:
    """One more line. Refused: to itself, twice, to a note, in a circle, into or out of a loop's body."""
    source, port, target = _read(document, args)
    name = _name(document, source)
    if target.startswith(TRIGGER):
        raise EditRefused("Nothing can lead to a trigger: it is what starts a run.")
    goal = step_of(document, target)
    if source == target:
        raise EditRefused(
            f'"{name}" cannot lead to itself. To repeat steps, use a loop; to try again, use retries.'
        )
    if goal.type == "note":
        raise EditRefused("A note never runs, so nothing can lead to it.")
    if source and not source.startswith(TRIGGER) and port not in ports(step_of(document, source)):
        raise EditRefused(f'"{name}" has no way out called "{port}".')
    old = _old_targets(document, source, port)
    if target in old:
        raise EditRefused(f'"{name}" already leads to "{goal.name}" there.')
    after = with_targets(document, source, port, [*old, target])
    return Change(
        refuse_new_faults(document, after), f"Connected {name} to {goal.name}", opens=source or None
    )


def unlink(document: Document, args: Args) -> Change:
    source, port, target = _read(document, args)
    name = _name(document, source)
    old = _old_targets(document, source, port)
    if len(old) == 1 and source.startswith(TRIGGER):
        raise EditRefused(
            f'"{name}" would start where the other triggers start. Delete it, or lead it elsewhere first.'
        )
    if target not in old:
        raise EditRefused("This line is not there any more. Nothing was changed.")
    after = with_targets(document, source, port, [key for key in old if key != target])
    goal = step_of(document, target).name
    return Change(after, f"Disconnected {name} from {goal}", opens=source or None)


def way_words(document: Document, source: str, port: str) -> str:
    """ "Yes of Over 500 EUR?" or just the step's name, for lists of lines."""
    name = _name(document, source)
    if not source or source.startswith(TRIGGER) or port == "main":
        return name
    return f"{port_name(step_of(document, source), port)} of {name}"


def _old_targets(document: Document, source: str, port: str) -> tuple[str, ...]:
    """Where it leads now; a trigger without lines of its own begins where all of them begin."""
    return targets_of(document, source, port) or (document.start if source.startswith(TRIGGER) else ())


def _name(document: Document, source: str) -> str:
    if not source:
        return "The start"
    if source.startswith(TRIGGER):
        return trigger_of(document, source.removeprefix(TRIGGER)).name
    return step_of(document, source).name


def _read(document: Document, args: Args) -> tuple[str, str, str]:
    """What the only trigger leads to is the start itself."""
    source = args.get("source", "")
    if source.startswith(TRIGGER) and len(document.triggers) == 1 and not document.triggers[0].next:
        source = ""
    return source, args.get("port") or "main", args.get("target", "")
