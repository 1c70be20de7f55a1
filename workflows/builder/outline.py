"""The Outline view as values: cards in nested lists with a "+" wherever a step can go. Pure; templates/ui draws it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from workflows.builder.commands import TRIGGER, Place
from workflows.builder.commands.base import continuation
from workflows.builder.names import Names, tile_of
from workflows.engine.document import Document, Step, Trigger, port_name
from workflows.engine.errors import Fault
from workflows.engine.graph import Graph
from workflows.engine.outline import Outline, OutlineBranch, OutlineNode

TONES: Final = {
    "else": "idle",
    "error": "bad",
    "rejected": "bad",
    "timeout": "warn",
    "done": "idle",
    "main": "idle",
}


@dataclass(frozen=True)
class Add:
    label: str
    url: str


@dataclass(frozen=True)
class Card:
    """What ui/_step_card.html draws."""

    key: str
    n: int
    title: str
    tile: str
    sub: str
    href: str
    target: str = "#panel"
    trigger: bool = False
    off: bool = False
    selected: bool = False
    problem: str = ""
    status: str = ""
    time: str = ""
    menu: str = ""
    mark: str = ""  # in a comparison: added, removed, changed


@dataclass(frozen=True)
class Branch:
    label: str
    tone: str = "idle"
    kind: str = ""
    items: tuple[Item, ...] = ()
    add: Add | None = None
    head: Add | None = None
    empty_text: str = ""


@dataclass(frozen=True)
class Item:
    card: Card
    branches: tuple[Branch, ...] = ()
    kind: str = ""
    add: Add | None = None


@dataclass(frozen=True)
class OutlineView:
    """`triggers` and `items` are one list; `loose` are steps nothing leads to, `notes` never run."""

    triggers: tuple[Item, ...] = ()
    items: tuple[Item, ...] = ()
    branches: tuple[Branch, ...] = ()
    loose: tuple[Item, ...] = ()
    notes: tuple[Card, ...] = ()
    first: Add | None = None


@dataclass(frozen=True)
class Addresses:
    """The URLs the outline needs: of the page, and of the list of steps to add."""

    page: str
    add: str

    def of(self, key: str, *, trigger: bool = False) -> str:
        return f"{self.page}?{urlencode({'trigger' if trigger else 'step': key})}"

    def adding(self, place: Place) -> str:
        return f"{self.add}?{urlencode(place.as_args())}"


def view(
    document: Document,
    graph: Graph,
    names: Names,
    addresses: Addresses,
    *,
    faults: Iterable[Fault] = (),
    selected: str = "",
    pinned: Collection[str] = (),
) -> OutlineView:
    """The whole outline. `faults` are shown on their steps; `selected` is the key of the open step or trigger;
    `pinned`: steps that test runs do not run."""
    return _Drawer(document, graph, names, addresses, _by_part(faults), selected, pinned).draw()


def cards(
    document: Document,
    graph: Graph,
    names: Names,
    addresses: Addresses,
    *,
    faults: Iterable[Fault] = (),
    selected: str = "",
    menu: str = "",
    pinned: Collection[str] = (),
) -> dict[str, Card]:
    """Every card alone, by a step's key or "trigger:<key>"; `menu`: the id of the popover behind its dots."""
    drawer = _Drawer(document, graph, names, addresses, _by_part(faults), selected, pinned)
    found = {f"{TRIGGER}{trigger.key}": drawer._trigger_card(trigger) for trigger in document.triggers}
    found |= {step.key: drawer._card(step) for step in document.steps}
    return {id: replace(card, menu=menu) for id, card in found.items()} if menu else found


def _by_part(faults: Iterable[Fault]) -> dict[str, str]:
    found: dict[str, str] = {}
    for fault in faults:
        room, _, rest = fault.path.partition(".")
        if fault.severity == "error" and room in ("steps", "triggers"):
            found.setdefault(f"{room}.{rest.split('.')[0]}", fault.message)
        elif fault.severity == "error" and fault.step:
            found.setdefault(f"steps.{fault.step}", fault.message)
    return found


@dataclass
class _Drawer:
    document: Document
    graph: Graph
    names: Names
    addresses: Addresses
    problems: Mapping[str, str]
    selected: str
    pinned: Collection[str] = ()

    def draw(self) -> OutlineView:
        outline = self.names.outline
        first = self._add("Add the first step", Place(before=_first_key(outline))) if outline.nodes else None
        if first is None and not outline.branches:
            first = self._add("Add the first step", Place())
        return OutlineView(
            triggers=tuple(Item(self._trigger_card(trigger)) for trigger in self.document.triggers),
            items=self._items(outline.nodes),
            branches=tuple(self._start_branch(branch) for branch in outline.branches),
            loose=self._items(outline.loose),
            notes=tuple(self._card(step) for step in outline.notes),
            first=first,
        )

    # -- cards

    def _trigger_card(self, trigger: Trigger) -> Card:
        return Card(
            key=trigger.key,
            n=self.names.numbers[trigger.key],
            title=trigger.name,
            tile=tile_of(trigger),
            sub=self.names.trigger_sub(trigger) + ("" if trigger.enabled else " · switched off"),
            href=self.addresses.of(trigger.key, trigger=True),
            trigger=True,
            off=not trigger.enabled,
            selected=self.selected == f"trigger:{trigger.key}",
            problem=self.problems.get(f"triggers.{trigger.key}", ""),
        )

    def _card(self, step: Step) -> Card:
        return Card(
            key=step.key,
            n=self.names.numbers.get(step.key, 0),
            title=step.name,
            tile=tile_of(step),
            sub=(step.notes or "Note") if step.type == "note" else self.names.sub(step) + _off_words(step),
            href=self.addresses.of(step.key),
            off=not step.enabled,
            selected=self.selected == step.key,
            problem=self.problems.get(f"steps.{step.key}", ""),
            time="Pinned" if step.key in self.pinned else "",
        )

    # -- lists

    def _items(self, nodes: tuple[OutlineNode, ...]) -> tuple[Item, ...]:
        return tuple(self._item(node, nodes[at + 1 :]) for at, node in enumerate(nodes))

    def _item(self, node: OutlineNode, rest: tuple[OutlineNode, ...]) -> Item:
        branches = [inner for branch in node.branches for inner in self._branches(node.step, branch)]
        kinds = {branch.kind for branch in branches}
        return Item(
            card=self._card(node.step),
            branches=tuple(branches),
            kind="loop" if "loop" in kinds else "error" if kinds == {"error"} else "",
            add=self._add_after(node, rest),
        )

    def _add_after(self, node: OutlineNode, rest: tuple[OutlineNode, ...]) -> Add | None:
        name = node.step.name
        if rest and rest[0].joins:
            return self._add(f"Add a step before {rest[0].step.name}", Place(before=rest[0].step.key))
        port = continuation(node.step)
        if port is None:
            return None
        if port in ("main", "done"):
            return self._add(f"Add a step after {name}", Place(source=node.step.key, port=port))
        if rest:
            return self._add(f"Add a step before {rest[0].step.name}", Place(before=rest[0].step.key))
        return self._add(f"Add a step after all branches of {name}", Place(after=node.step.key))

    def _branches(self, step: Step, branch: OutlineBranch) -> list[Branch]:
        if branch.port == "main":  # one of several steps side by side
            return [self._side(branch, branch.label)]
        place = Place(source=step.key, port=branch.port)
        if branch.branches:
            return [
                self._side(inner, f"{branch.label}, at the same time", branch.port)
                for inner in branch.branches
            ]
        return [
            Branch(
                label=branch.label,
                tone=TONES.get(branch.port, "ok"),
                kind={"each": "loop", "error": "error"}.get(branch.port, ""),
                items=self._items(branch.nodes),
                head=self._add(f"Add a first step: {branch.label}, {step.name}", place)
                if branch.nodes
                else None,
                add=None if branch.nodes else self._add(f"Add a step: {branch.label}, {step.name}", place),
                empty_text=self._empty_text(branch),
            )
        ]

    def _side(self, branch: OutlineBranch, label: str, port: str = "main") -> Branch:
        kind = {"each": "loop", "error": "error"}.get(port, "")
        return Branch(label=label, tone=TONES.get(port, "ok"), kind=kind, items=self._items(branch.nodes))

    def _start_branch(self, branch: OutlineBranch) -> Branch:
        return Branch(label=branch.label, tone="brand", items=self._items(branch.nodes))

    def _empty_text(self, branch: OutlineBranch) -> str:
        if branch.nodes:
            return ""
        if branch.leads_to:
            return f"Goes on to {', '.join(self.names.numbered(key) for key in branch.leads_to)}"
        return "The path ends here"

    def _add(self, label: str, place: Place) -> Add:
        return Add(label, self.addresses.adding(place))


def _off_words(step: Step) -> str:
    return "" if step.enabled else " · switched off"


def _first_key(outline: Outline) -> str:
    return outline.nodes[0].step.key


def places(document: Document, names: Names, *, without: Iterable[str] = ()) -> list[tuple[str, Place]]:
    """Every place a step can be moved to, as (words, place), in reading order; `without`: the step's own block."""
    left_out = set(without)
    found = [("At the start", Place(before=_first_key(names.outline)))] if names.outline.nodes else []
    for node in names.outline.walk():
        if node.step.key in left_out:
            continue
        numbered = names.numbered(node.step.key)
        port = continuation(node.step)
        if port in ("main", "done"):
            found.append((f"After {numbered}", Place(source=node.step.key, port=port)))
        for branch in node.branches:
            if branch.port not in ("main", "done"):
                words = f"{numbered}: {port_name(node.step, branch.port)}"
                found.append((words, Place(source=node.step.key, port=branch.port)))
    return [(words, place) for words, place in found if place.before not in left_out]
