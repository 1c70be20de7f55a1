"""What pages show of a template: its card, and its steps as an outline nobody can edit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from workflows.builder import outline
from workflows.builder.canvas import drawing
from workflows.builder.names import Names
from workflows.documents.catalogue import TenantCatalogue
from workflows.engine.document import Document, load
from workflows.engine.graph import Graph
from workflows.models import WorkflowTemplateLibrary
from workflows.views.thumbnails import Thumbnail, thumbnail

ACRONYMS = {"ai": "AI", "hr": "HR", "it_operations": "IT operations", "crm": "CRM"}


@dataclass(frozen=True)
class TemplateCard:
    entry: WorkflowTemplateLibrary

    @property
    def category(self) -> str:
        return category_word(self.entry.category)

    @property
    def tiles(self) -> list[str]:
        """What starts it and the apps it works in."""
        return list(dict.fromkeys([*self.entry.source_apps, *self.entry.destination_apps]))[:5]

    @cached_property
    def document(self) -> Document:
        return load(self.entry.template_data)

    @property
    def picture(self) -> Thumbnail:
        return thumbnail(self.document)

    @property
    def step_count(self) -> int:
        return len([step for step in self.document.steps if step.type != "note"])

    @property
    def is_ready(self) -> bool:
        """Whether it needs no account and asks nothing: one click makes it."""
        return not self.entry.required_integrations and not self.entry.asks

    @property
    def uses(self) -> str:
        """ "3.1k uses"; empty where nobody used it yet."""
        count = self.entry.uses
        if not count:
            return ""
        number = f"{count / 1000:.1f}k".replace(".0k", "k") if count >= 1000 else str(count)
        return f"{number} use{'' if count == 1 else 's'}"


def category_word(category: str) -> str:
    """The category as people read it: `developer_tools` is “Developer tools”."""
    return ACRONYMS.get(category, category.replace("_", " ").capitalize())


class _Anchors(outline.Addresses):
    """Cards lead to themselves: there is nothing to open."""

    def of(self, key: str, *, trigger: bool = False) -> str:
        return f"#step-{key}"


def outline_of(document: Document, catalogue: TenantCatalogue) -> outline.OutlineView:
    """The steps to look at: no “+”, no panel."""
    graph = Graph(document)
    names = Names(document, catalogue, graph.outline())
    drawn = outline.view(document, graph, names, _Anchors(page="", add=""))
    return replace(
        drawn,
        triggers=_plain(drawn.triggers),
        items=_plain(drawn.items),
        branches=tuple(_plain_branch(branch) for branch in drawn.branches),
        first=None,
    )


def canvas_of(document: Document, catalogue: TenantCatalogue) -> drawing.View:
    """The same steps as a drawing."""
    graph = Graph(document)
    names = Names(document, catalogue, graph.outline())
    cards = outline.cards(document, graph, names, _Anchors(page="", add=""))
    plain = {id: replace(card, target="") for id, card in cards.items()}
    return drawing.view(document, graph, names, plain)


def _plain(items: tuple[outline.Item, ...]) -> tuple[outline.Item, ...]:
    return tuple(
        replace(
            item,
            add=None,
            card=replace(item.card, target=""),
            branches=tuple(_plain_branch(branch) for branch in item.branches),
        )
        for item in items
    )


def _plain_branch(branch: outline.Branch) -> outline.Branch:
    return replace(branch, add=None, head=None, items=_plain(branch.items))
