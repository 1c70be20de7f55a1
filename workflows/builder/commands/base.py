"""What commands share: the change they make, the places they name, and small ways to alter a document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from workflows.engine.checks_graph import graph_faults
from workflows.engine.document import Document, Step, Trigger, ports
from workflows.engine.graph import Graph
from workflows.engine.kinds import STEP_KINDS
from workflows.engine.outline import OutlineNode
from workflows.engine.shapes import RESERVED
from workflows.errors import EditRefused

Args = Mapping[str, str]
MAX_KEY: Final = 40
TRIGGER: Final = "trigger:"  # before a source that is a trigger with its own `next`


@dataclass(frozen=True)
class Change:
    """A new document, what was done in words (for undo and the toast), and the step or trigger to open then."""

    document: Document
    label: str
    opens: str | None = None


@dataclass(frozen=True)
class Place:
    """Where something goes: behind `port` of `source` ("" is the start), or before a step, or after its branches.

    With `target` only the link to that step is taken over, and its neighbours stay; without it, all of the port.
    """

    source: str = ""
    port: str = "main"
    target: str = ""
    before: str = ""
    after: str = ""
    beside: bool = False  # a further branch at the same time: nothing is taken over

    @classmethod
    def read(cls, args: Args) -> Place:
        text = {name: args.get(name, "") for name in ("source", "target", "before", "after")}
        return cls(**text, port=args.get("port") or "main", beside=args.get("beside") == "1")

    def as_args(self) -> dict[str, str]:
        given = {"source": self.source, "port": self.port, "target": self.target}
        if self.before or self.after:
            given = {"before": self.before, "after": self.after}
        if self.beside:
            given["beside"] = "1"
        return {name: value for name, value in given.items() if value or name == "source"}


def parts_of(document: Document) -> list[Step | Trigger]:
    return [*document.steps, *document.triggers]


# --- finding things -------------------------------------------------------------------------------


def step_of(document: Document, key: str) -> Step:
    for step in document.steps:
        if step.key == key:
            return step
    raise EditRefused("This step is not there any more; somebody may have deleted it. Nothing was changed.")


def trigger_of(document: Document, key: str) -> Trigger:
    for trigger in document.triggers:
        if trigger.key == key:
            return trigger
    raise EditRefused(
        "This trigger is not there any more; somebody may have deleted it. Nothing was changed."
    )


def continuation(step: Step) -> str | None:
    """The port behind which the workflow goes on in the plain case; None when it ends here."""
    kind = STEP_KINDS[step.type]
    if step.type == "loop":
        return "done"
    own = [port for port in ports(step) if port != "error"]
    return own[0] if kind.ports else None


def block(document: Document, key: str) -> set[str]:
    """The step with everything that hangs in its branches, joins behind them aside."""
    for node in Graph(document).outline().walk():
        if node.step.key == key:
            return {inner.step.key for inner in nested(node)}
    return {key}


def nested(node: OutlineNode) -> list[OutlineNode]:
    found, waiting = [node], list(node.branches)
    while waiting:
        branch = waiting.pop()
        waiting += branch.branches
        for inner in branch.nodes:
            found += nested(inner)
    return found


def links_into(document: Document, key: str) -> list[tuple[str, str]]:
    """(source, port) of every link to a step; the start is ("", "main"), a trigger's own `next` ("trigger:x", "main")."""
    found = [("", "main")] if key in document.start else []
    found += [(f"{TRIGGER}{t.key}", "main") for t in document.triggers if key in t.next]
    return found + [
        (s.key, port) for s in document.steps for port, targets in s.next.items() if key in targets
    ]


# --- changing things ------------------------------------------------------------------------------


def with_step(document: Document, step: Step) -> Document:
    return replace(document, steps=tuple(step if old.key == step.key else old for old in document.steps))


def with_trigger(document: Document, trigger: Trigger) -> Document:
    triggers = tuple(trigger if old.key == trigger.key else old for old in document.triggers)
    return replace(document, triggers=triggers)


def targets_of(document: Document, source: str, port: str) -> tuple[str, ...]:
    if not source:
        return document.start
    if source.startswith(TRIGGER):
        return trigger_of(document, source.removeprefix(TRIGGER)).next
    return step_of(document, source).next.get(port, ())


def with_targets(document: Document, source: str, port: str, targets: Iterable[str]) -> Document:
    kept = tuple(dict.fromkeys(targets))
    if not source:
        return replace(document, start=kept)
    if source.startswith(TRIGGER):
        trigger = trigger_of(document, source.removeprefix(TRIGGER))
        return with_trigger(document, replace(trigger, next=kept))
    step = step_of(document, source)
    if kept and port not in ports(step):
        raise EditRefused(f'"{step.name}" has no way out called "{port}" any more. Nothing was changed.')
    return with_step(document, replace(step, next={**step.next, port: kept}))


def retarget(document: Document, old: str, new: Iterable[str]) -> Document:
    """Every link to `old` leads to `new` instead (several links, or none)."""
    given = tuple(new)
    for source, port in links_into(document, old):
        targets = [t for key in targets_of(document, source, port) for t in (given if key == old else (key,))]
        document = with_targets(document, source, port, (t for t in targets if t != source))
    return document


def without_steps(document: Document, keys: set[str]) -> Document:
    """Drop steps, links to them, and the slots nothing uses any more."""
    steps = tuple(_without_links(step, keys) for step in document.steps if step.key not in keys)
    triggers = tuple(replace(t, next=tuple(k for k in t.next if k not in keys)) for t in document.triggers)
    start = tuple(key for key in document.start if key not in keys)
    return without_idle_slots(document, replace(document, steps=steps, triggers=triggers, start=start))


def without_idle_slots(before: Document, after: Document) -> Document:
    """Slots that were used before and are not now go with the last step that used them."""
    gone = used_slots(before) - used_slots(after)
    slots = {key: slot for key, slot in after.connections.items() if key not in gone}
    return replace(after, connections=slots)


def used_slots(document: Document) -> set[str]:
    used = {part.connection for part in parts_of(document) if part.connection}
    for trigger in document.triggers:
        auth = trigger.config.get("auth")
        if isinstance(auth, dict) and auth.get("connection"):
            used.add(auth["connection"])
    return used


def _without_links(step: Step, keys: set[str]) -> Step:
    following = {port: tuple(k for k in targets if k not in keys) for port, targets in step.next.items()}
    return replace(step, next=following)


# --- names and refusals ---------------------------------------------------------------------------


def free_key(document: Document, wanted: str) -> str:
    """A key made of any words, not taken by a step, trigger or slot: "Send message" → `send_message_2`."""
    stem = re.sub(r"[^a-z0-9]+", "_", wanted.lower()).strip("_")
    stem = stem.lstrip("0123456789_")[: MAX_KEY - 4] or "step"
    if stem in RESERVED:
        stem = f"{stem}_step"
    taken = {part.key for part in parts_of(document)} | set(document.connections)
    taken |= {step.config["as"] for step in document.steps if isinstance(step.config.get("as"), str)}
    key, number = stem, 2
    while key in taken:
        key, number = f"{stem}_{number}", number + 1
    return key


def refuse_new_faults(before: Document, after: Document) -> Document:
    """The changed document, unless the change brought a circle, a body entered from outside or the like."""
    known = {fault.message for fault in graph_faults(before, Graph(before))}
    for fault in graph_faults(after, Graph(after)):
        if fault.severity == "error" and fault.message not in known:
            raise EditRefused(fault.message)
    return after
