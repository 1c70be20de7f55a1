"""What a run tells the executor about itself, for the requests of one action, without a place in every signature."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

DEPTH_HEADER: Final = "X-Automate-Depth"


@dataclass(frozen=True, slots=True)
class Caller:
    """A run. `depth`: how many runs led to it, each started by the one before. `has_turn`: its place in the rate limit
    was taken earlier, and it has waited for it."""

    depth: int = 0
    has_turn: bool = False


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


@contextmanager
def called_by(caller: Caller) -> Iterator[None]:
    """Inside, actions are run for this caller."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def current() -> Caller | None:
    """The run whose action this thread runs; None for people, polls and tests of connections."""
    return _caller.get()


def with_depth(headers: dict[str, str], caller: Caller) -> dict[str, str]:
    """For requests to ourselves: what they start knows how many runs led to it."""
    kept = {name: value for name, value in headers.items() if name.lower() != DEPTH_HEADER.lower()}
    return {**kept, DEPTH_HEADER: str(caller.depth + 1)}
