"""The steps of a run as nested lists of cards with their states; templates/ui/_outline.html draws them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from workflows.builder.names import Names, tile_of
from workflows.builder.outline import TONES
from workflows.engine.document import Step, Trigger
from workflows.engine.outline import OutlineBranch, OutlineNode
from workflows.views.run_paths import TRIGGER
from workflows.views.run_states import States

KINDS: Final = {"each": "loop", "error": "error"}


@dataclass(frozen=True)
class Card:
    """What ui/_step_card.html draws of a step in a run."""

    key: str
    n: int
    title: str
    tile: str
    sub: str
    href: str
    status: str = ""
    time: str = ""
    trigger: bool = False
    off: bool = False
    selected: bool = False
    target: str = "#panel"


@dataclass(frozen=True)
class Branch:
    label: str
    tone: str
    kind: str = ""
    items: list[Item] = field(default_factory=list)
    empty_text: str = ""


@dataclass(frozen=True)
class Item:
    card: Card
    branches: list[Branch] = field(default_factory=list)
    kind: str = ""


@dataclass(frozen=True)
class Drawing:
    """`selected` is the key of the open step; `url_of` gives the address of a place in the run."""

    names: Names
    states: States
    chosen: dict[str, int]
    selected: str
    url_of: Callable[[str], str]

    def items(self, trigger: Trigger | None) -> list[Item]:
        """The trigger that fired, then every step; starts at the same time hang below the trigger."""
        outline = self.names.outline
        starts = [self._branch(branch, ()) for branch in outline.branches]
        loose = (
            [Branch("Not reached by any trigger", "idle", items=self._items(outline.loose))]
            if outline.loose
            else []
        )
        first = [Item(self.trigger_card(trigger), starts)] if trigger else []
        last = self._items(outline.nodes)
        if loose and last:
            last[-1] = Item(last[-1].card, [*last[-1].branches, *loose], last[-1].kind)
        return first + last

    def trigger_card(self, trigger: Trigger) -> Card:
        return Card(
            key=trigger.key,
            n=self.names.numbers.get(trigger.key, 1),
            title=trigger.name,
            tile=tile_of(trigger),
            sub=self.names.trigger_sub(trigger),
            href=self.url_of(TRIGGER),
            status="COMPLETED",
            trigger=True,
            selected=self.selected == TRIGGER,
        )

    def card(self, step: Step) -> Card:
        state = self.states.of(step.key, self.chosen)
        return Card(
            key=step.key,
            n=self.names.numbers.get(step.key, 0),
            title=step.name,
            tile=tile_of(step),
            sub=self.names.sub(step) + ("" if step.enabled else " · switched off"),
            href=self.url_of(self.states.link(step.key, self.chosen).path),
            status=state.status,
            time=state.time,
            off=not step.enabled,
            selected=self.selected == step.key,
        )

    def _items(self, nodes: tuple[OutlineNode, ...]) -> list[Item]:
        return [self._item(node) for node in nodes]

    def _item(self, node: OutlineNode) -> Item:
        taken = self.states.of(node.step.key, self.chosen).ports
        branches = [inner for branch in node.branches for inner in self._flat(branch, taken)]
        kinds = {branch.kind for branch in branches}
        kind = "loop" if "loop" in kinds else "error" if kinds == {"error"} else ""
        return Item(self.card(node.step), branches, kind)

    def _flat(self, branch: OutlineBranch, taken: tuple[str, ...]) -> list[Branch]:
        """A port that starts several steps at once is one branch per step."""
        if not branch.branches:
            return [self._branch(branch, taken)]
        label = f"{branch.label}, at the same time"
        return [self._branch(inner, taken, label=label, port=branch.port) for inner in branch.branches]

    def _branch(
        self, branch: OutlineBranch, taken: tuple[str, ...], *, label: str = "", port: str = ""
    ) -> Branch:
        port = port or branch.port
        return Branch(
            label=label or branch.label,
            tone=_tone(port, taken),
            kind=KINDS.get(port, ""),
            items=self._items(branch.nodes),
            empty_text="" if branch.nodes else self._empty_text(branch),
        )

    def _empty_text(self, branch: OutlineBranch) -> str:
        if branch.leads_to:
            return f"Goes on to {', '.join(self.names.numbered(key) for key in branch.leads_to)}"
        return "The path ends here"


def _tone(port: str, taken: tuple[str, ...]) -> str:
    """Paths that were taken stand out; what never runs by itself keeps quiet."""
    if port == "each":
        return "ok"
    if port not in taken:
        return "idle"
    return "ok" if port in ("else", "main", "done") else TONES.get(port, "ok")
