"""Which place every way to a step leads through last: the tree behind loop bodies and the outline.

A vertex is the start (`""`), a step (`alert`), or a port that opens a branch of its own (`items:each`). A step hangs below
the nearest vertex that lies on all ways to it. So a loop's body is what hangs below `loop:each`, and a join hangs
below the step where its branches part.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Protocol

START: Final = ""
INLINE_PORTS: Final = frozenset(("main", "done"))  # go on at the same level; all other ports open a branch


class _Link(Protocol):
    @property
    def source(self) -> str: ...
    @property
    def port(self) -> str: ...


def vertex(key: str, port: str) -> str:
    """The vertex a link starts from."""
    return key if port in INLINE_PORTS else f"{key}:{port}"


def parents(
    order: Iterable[str], incoming: Mapping[str, Iterable[_Link]], roots: Collection[str]
) -> dict[str, str]:
    """The parent of every step, and of every port that leads somewhere. One pass, as the order is topological."""
    depth: dict[str, int] = {START: 0}
    parent: dict[str, str] = {}
    first = frozenset(roots)
    for key in order:
        meeting = START if key in first else None
        for link in incoming[key]:
            if link.source not in depth:
                continue  # the link that closes a circle
            at = vertex(link.source, link.port)
            if at not in depth:
                parent[at] = link.source
                depth[at] = depth[link.source] + 1
            meeting = at if meeting is None else _meet(meeting, at, parent, depth)
        parent[key] = START if meeting is None else meeting
        depth[key] = depth[parent[key]] + 1
    return parent


def _meet(one: str, other: str, parent: Mapping[str, str], depth: Mapping[str, int]) -> str:
    while one != other:
        if depth[one] >= depth[other]:
            one = parent[one]
        else:
            other = parent[other]
    return one


def loops(order: Iterable[str], parent: Mapping[str, str]) -> dict[str, str | None]:
    """The innermost loop of every step."""
    loop_of: dict[str, str | None] = {}
    for key in order:
        above = parent[key]
        step, _, port = above.partition(":")
        loop_of[key] = step if port == "each" else loop_of.get(step)
    return loop_of
