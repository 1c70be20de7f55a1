"""The files of this folder, read and checked for shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from automate.lib.jsontypes import JSON
from workflows.engine import yaml_io
from workflows.engine.document import Document, load
from workflows.gallery.asks import MISSING, Ask, part_exists, read_asks, value_at

FOLDER: Final = Path(__file__).parent
_HEAD: Final = frozenset({"slug", "category", "order", "is_featured", "samples", "ask", "document"})


@dataclass(frozen=True)
class Entry:
    """One template. `samples`: trigger key → the body of an example call; `asks`: what is asked when it is set up."""

    slug: str
    category: str
    document: Document
    order: int = 0
    is_featured: bool = False
    samples: dict[str, JSON] = field(default_factory=dict)
    asks: tuple[Ask, ...] = ()

    @property
    def source_apps(self) -> list[str]:
        """What starts it: slugs of apps, or the kind of trigger."""
        return _once(trigger.integration or trigger.type for trigger in self.document.triggers)

    @property
    def destination_apps(self) -> list[str]:
        """The apps its steps work in."""
        return _once(step.integration for step in self.document.steps if step.integration)

    @property
    def required_integrations(self) -> list[str]:
        """The apps somebody has to be connected to."""
        return _once(slot.integration for slot in self.document.connections.values())

    @property
    def search_text(self) -> str:
        """Words that find it besides its name, description and category."""
        words = [*self.source_apps, *self.destination_apps, *(step.name for step in self.document.steps)]
        return " ".join(_once(words))


@cache
def shipped() -> tuple[Entry, ...]:
    """Every template of this folder, in order. Raises ValueError or DocumentError for a file that is wrong."""
    return tuple(sorted(map(_read, FOLDER.glob("*.yaml")), key=lambda entry: entry.order))


def _read(path: Path) -> Entry:
    data: Any = yaml_io.loads(path.read_text(encoding="utf-8"))
    unknown = set(data) - _HEAD
    if unknown:
        raise ValueError(f"{path.name}: there is no key {sorted(unknown)[0]!r} in the head of a template.")
    document = load(data.pop("document"))
    strangers = set(data.get("samples", {})) - {trigger.key for trigger in document.triggers}
    if strangers:
        raise ValueError(f"{path.name}: samples are given for a trigger {sorted(strangers)[0]!r} it has not.")
    asks = read_asks(data.pop("ask", ()))
    for ask in asks:
        _check_ask(path.name, document, ask)
    return Entry(document=document, asks=asks, **data)


def _check_ask(name: str, document: Document, ask: Ask) -> None:
    """Raises ValueError for a question about a place that the document has not."""
    for place in ask.at:
        if not part_exists(document, place):
            raise ValueError(f"{name}: it asks for {place}, and there is no such step or trigger.")
    if ask.example and value_at(document, ask.place) is MISSING:
        raise ValueError(f"{name}: {ask.place} has no example.")


def _once(words: Iterator[str] | list[str]) -> list[str]:
    return list(dict.fromkeys(words))
