"""Two documents on one canvas, and what is different in each part: what the comparison of versions shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from workflows.builder import outline
from workflows.builder.canvas import both, drawing
from workflows.builder.comparing import ADDED, CHANGED, REMOVED, TRIGGER, Comparison, PartChange, compare
from workflows.builder.field_words import field_title
from workflows.builder.names import Names, tile_of
from workflows.documents.catalogue import TenantCatalogue
from workflows.documents.changes import Title
from workflows.engine.document import Document, Step, Trigger
from workflows.engine.graph import Graph

WORDS: Final = {ADDED: "Added", REMOVED: "Removed", CHANGED: "Changed"}


@dataclass(frozen=True)
class PartRow:
    """One part with its changed fields; `anchor`: its id on the page."""

    change: PartChange
    n: int
    sub: str
    tile: str

    @property
    def anchor(self) -> str:
        return f"change-{self.change.id.replace(':', '-')}"

    @property
    def word(self) -> str:
        return WORDS[self.change.mark]

    @property
    def is_open(self) -> bool:
        """What was added or removed as a whole says little field by field."""
        return self.change.mark == CHANGED


def compared(old: Document, new: Document, catalogue: TenantCatalogue) -> dict[str, Any]:
    """`found`, its `parts` with `rows`, and the `canvas` of both."""
    before, after = _names(old, catalogue), _names(new, catalogue)

    def describe(part: Step | Trigger) -> str:
        return after.sub(part) if isinstance(part, Step) else after.trigger_sub(part)

    found = compare(old, new, title=titles(catalogue, old, new), describe=describe)
    rows = []
    for change in found.parts:
        names = before if change.mark == REMOVED else after
        number = names.numbers.get(change.part.key, 0)
        rows.append(PartRow(change, number, describe(change.part), tile_of(change.part)))
    return {
        "found": found,
        "rows": rows,
        "canvas": _canvas(old, new, found, catalogue, {**before.numbers, **after.numbers}),
    }


def titles(catalogue: TenantCatalogue, *documents: Document) -> Title:
    """What the forms call the fields of the steps of these documents."""
    steps = {step.key: step for document in documents for step in document.steps}
    return lambda key, name: field_title(catalogue, steps.get(key), name)


def _names(document: Document, catalogue: TenantCatalogue) -> Names:
    return Names(document, catalogue, Graph(document).outline())


def _canvas(
    old: Document,
    new: Document,
    found: Comparison,
    catalogue: TenantCatalogue,
    numbers: Mapping[str, int],
) -> drawing.View:
    whole = both.union(old, new)
    graph = Graph(whole)
    names = Names(whole, catalogue, graph.outline())
    cards = outline.cards(whole, graph, names, outline.Addresses(page="", add=""))
    marks = found.marks
    marked = {
        id: replace(
            card,
            n=numbers.get(id.removeprefix(TRIGGER), 0),
            href=f"#change-{id.replace(':', '-')}" if id in marks else "",
            target="",
            mark=marks.get(id, ""),
            time=WORDS.get(marks.get(id, ""), ""),
        )
        for id, card in cards.items()
    }
    drawn = drawing.view(whole, graph, names, marked, state=lambda line: both.state_of(found, line))
    return both.overlay(drawn, found)
