"""What can be done to a draft: pure functions from (document, arguments) to a `Change`, or EditRefused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from workflows.builder.commands import links, parts, structure
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
}
WITH_CATALOGUE: Final[dict[str, Callable[[Document, Args, parts.Names], Change]]] = {
    "insert": parts.insert,
    "add_trigger": parts.add_trigger,
}
COMMANDS: Final = frozenset({*PLAIN, *WITH_CATALOGUE})


def apply(document: Document, command: str, args: Args, catalogue: parts.Names) -> Change:
    """Carry out one command. Raises EditRefused with a sentence; the document given is never altered."""
    if command in PLAIN:
        return PLAIN[command](document, args)
    if command in WITH_CATALOGUE:
        return WITH_CATALOGUE[command](document, args, catalogue)
    raise EditRefused(f'There is no command "{command}".')
