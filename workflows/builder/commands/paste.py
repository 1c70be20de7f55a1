"""Copy and paste of steps as document text: from any workflow, window or file into a draft, with keys of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from workflows.builder.commands.base import (
    Args,
    Change,
    Place,
    continuation,
    free_key,
    refuse_new_faults,
    step_of,
)
from workflows.builder.commands.parts import new_slot
from workflows.builder.commands.places import with_places
from workflows.builder.commands.renaming import renamed
from workflows.builder.commands.structure import attach
from workflows.engine import yaml_text
from workflows.engine.document import Document, DocumentError, Slot, Step, dump, load, parse
from workflows.engine.graph import Graph
from workflows.engine.kinds import MAX_STEPS
from workflows.errors import EditRefused

NO_STEPS: Final = (
    "There are no steps in this text. Copy steps of a workflow first, or paste a workflow document."
)
_MAIN: Final = "main"


def copy_text(document: Document, keys: Iterable[str]) -> str:
    """Some steps as YAML, with the lines among them and the slots they use. Unknown keys are passed over."""
    wanted = set(keys)
    steps = [step for step in document.steps if step.key in wanted]
    kept = [_among(step, wanted) for step in steps]
    used = {slot for step in kept for slot in _slots_in(step)}
    slots = {key: slot for key, slot in document.connections.items() if key in used}
    part = dump(Document("copied", steps=tuple(kept), connections=slots))
    return yaml_text.dumps({name: part[name] for name in ("format", "connections", "steps") if name in part})


def paste(document: Document, args: Args) -> Change:
    """Put the steps of a text into the draft, behind a place if one is named. Raises EditRefused.

    Keys that are taken get new ones, and what the pasted steps say of each other follows. Lines to steps outside are left out.
    """
    given = _read(args.get("text", ""))
    steps = _fresh(document, given)
    if len(document.steps) + len(steps) > MAX_STEPS:
        raise EditRefused(f"A workflow has {MAX_STEPS} steps at most. Paste fewer, or use a sub-workflow.")
    document, steps = _with_slots(document, steps, given.connections)
    after = replace(document, steps=(*document.steps, *steps))
    first = _first(after, steps)
    if first and args.get("at"):
        after = attach(after, first, _place_behind(document, args["at"]), [])
    after = refuse_new_faults(document, after)
    if args.get("x") and args.get("y") and first is None:
        after = _placed_at(after, steps, args)
    label = f"Pasted {steps[0].name}" if len(steps) == 1 else f"Pasted {len(steps)} steps"
    return Change(after, label, opens=steps[0].key if len(steps) == 1 else None)


# --- reading --------------------------------------------------------------------------------------


def _read(text: str) -> Document:
    """The document, or the part of one, that a text holds; only its steps and slots count."""
    if not text.strip():
        raise EditRefused(NO_STEPS)
    try:
        data = parse(text)
        if "nodes" in data:
            return _with_steps(load(data, complete=False))
        part: dict[str, Any] = {name: data[name] for name in ("connections", "steps") if name in data}
        return _with_steps(load({"format": data.get("format"), "key": "pasted", **part}, complete=False))
    except DocumentError as error:
        if re.search(r"^\s*(format|steps|nodes)\b|\"(format|steps|nodes)\"", text, re.MULTILINE):
            raise EditRefused(f"These steps cannot be pasted. {error.faults[0].message}") from None
        raise EditRefused(NO_STEPS) from None


def _with_steps(document: Document) -> Document:
    if not document.steps:
        raise EditRefused(NO_STEPS)
    return document


# --- keys and slots -------------------------------------------------------------------------------


def _fresh(document: Document, given: Document) -> list[Step]:
    """The steps with keys nobody has yet, the lines among them, and what they say of each other."""
    names: dict[str, str] = {}
    keys: dict[str, str] = {}
    growing = document
    for step in given.steps:
        keys[step.key] = _free(growing, given, step.key)
        growing = replace(growing, steps=(*growing.steps, Step(keys[step.key], "note")))
    taken = {step.key for step in growing.steps} | {trigger.key for trigger in document.triggers}
    for step in given.steps:
        item = step.config.get("as")
        if isinstance(item, str) and item in taken:
            names[item] = free_key(growing, item)
    return [_renamed(_among(step, keys), keys, names) for step in given.steps]


def _free(growing: Document, given: Document, key: str) -> str:
    """The key itself where it is free, also of what the rest of the text calls its steps."""
    if key not in {step.key for step in growing.steps} and free_key(growing, key) == key:
        return key
    others = tuple(Step(step.key, "note") for step in given.steps)
    return free_key(replace(growing, steps=(*growing.steps, *others)), re.sub(r"_\d+$", "", key))


def _renamed(step: Step, keys: Mapping[str, str], names: Mapping[str, str]) -> Step:
    config = renamed(step.config, keys, names)
    if isinstance(config.get("as"), str):
        config["as"] = names.get(config["as"], config["as"])
    following = {port: tuple(keys[key] for key in targets) for port, targets in step.next.items()}
    return replace(
        step,
        key=keys[step.key],
        next=following,
        config=config,
        input=renamed(step.input, keys, names),
        output=renamed(step.output, keys, names),
        when=renamed(step.when, keys, names),
    )


def _among(step: Step, keys: Iterable[str]) -> Step:
    kept = set(keys)
    return replace(step, next={port: tuple(k for k in to if k in kept) for port, to in step.next.items()})


def _with_slots(
    document: Document, steps: list[Step], given: Mapping[str, Slot]
) -> tuple[Document, list[Step]]:
    """Steps of an app use the slot the draft has for it, else a new one."""
    used = list(dict.fromkeys(slot for step in steps for slot in _slots_in(step)))
    names: dict[str, str] = {}
    for old in used:
        app = (
            given[old].integration
            if old in given
            else next((s.integration for s in steps if s.connection == old), None)
        )
        if app is None:
            continue
        known = next((slot.key for slot in document.connections.values() if slot.integration == app), None)
        if known is None:
            taken = replace(document, steps=(*document.steps, *(Step(step.key, "note") for step in steps)))
            known = new_slot(taken, app)[1]
            document = replace(document, connections={**document.connections, known: Slot(known, app)})
        names[old] = known
    return document, [_with_slot_names(step, names) for step in steps]


def _with_slot_names(step: Step, names: Mapping[str, str]) -> Step:
    connection = names.get(step.connection, step.connection) if step.connection else None
    return replace(step, connection=connection, config=_slots_renamed(step.config, names))


def _slots_renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: names.get(inner, inner)
            if key == "connection" and isinstance(inner, str)
            else _slots_renamed(inner, names)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_slots_renamed(inner, names) for inner in value]
    return value


def _slots_in(step: Step) -> set[str]:
    found = {step.connection} if step.connection else set()
    waiting: list[Any] = [step.config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("connection"), str):
                found.add(value["connection"])
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found


# --- where they go --------------------------------------------------------------------------------


def _first(document: Document, steps: list[Step]) -> Step | None:
    """The one step of them nothing among them leads to; None when there are several, or notes alone."""
    led_to = {target for step in steps for targets in step.next.values() for target in targets}
    heads = [step for step in steps if step.key not in led_to and step.type != "note"]
    return heads[0] if len(heads) == 1 else None


def _place_behind(document: Document, key: str) -> Place:
    """Right behind a step; `start` is the beginning."""
    if key == "start":
        return Place()
    step = step_of(document, key)
    port = continuation(step)
    if port is None:
        raise EditRefused(f'"{step.name}" ends the path. Paste after another step.')
    return Place(source=key, port=port)


def _placed_at(document: Document, steps: list[Step], args: Args) -> Document:
    try:
        x, y = float(args["x"]), float(args["y"])
    except ValueError:
        return document
    graph = Graph(document)
    notes = [step for step in steps if step.type == "note" and step.key not in graph.position]
    places = {note.key: [x + 24 * number, y + 24 * number] for number, note in enumerate(notes)}
    return with_places(document, places) if places else document
