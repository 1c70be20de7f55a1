"""What can be done to a draft: pure functions from (document, arguments) to a `Change`, or EditRefused in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from workflows.builder.commands import links, parts, paste, places, structure
from workflows.builder.commands.base import TRIGGER, Args, Change, Place
from workflows.engine.document import Document
from workflows.errors import EditRefused

__all__ = ["COMMANDS", "TRIGGER", "Args", "Change", "Place", "apply"]

PLAIN: Final[dict[str, Callable[[Document, Args], Change]]] = {
    "delete": structure.delete,
    "delete_trigger": structure.delete_trigger,
    "duplicate": structure.duplicate,
    "move": structure.move,
    "link": links.link,
    "unlink": links.unlink,
    "rename": parts.rename,
    "toggle": parts.toggle,
    "place": places.place,
    "tidy": places.tidy,
    "paste": paste.paste,
}
WITH_CATALOGUE: Final[dict[str, Callable[[Document, Args, parts.Names], Change]]] = {
    "insert": parts.insert,
    "add_trigger": parts.add_trigger,
}
COMMANDS: Final = frozenset({*PLAIN, *WITH_CATALOGUE})


def apply(document: Document, command: str, args: Args, catalogue: parts.Names) -> Change:
    """Carry out one command. Raises EditRefused with a sentence; the document given is never altered."""
    if command in PLAIN:
        change = PLAIN[command](document, args)
    elif command in WITH_CATALOGUE:
        change = WITH_CATALOGUE[command](document, args, catalogue)
    else:
        raise EditRefused(f'There is no command "{command}".')
    return replace(change, document=places.without_lost_places(change.document))
