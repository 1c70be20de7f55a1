"""What the editor of data fields knows: how a path is called, whether it leads anywhere, what can be put in. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from automate.lib.expressions import FUNCTIONS
from automate.lib.jsontypes import JSON
from workflows.builder.names import Names, tile_of
from workflows.builder.picker import MAX_DEPTH, MAX_FIELDS, TYPES
from workflows.builder.samples import Samples
from workflows.builder.scope import SampleScope, shortened
from workflows.engine.document import Document
from workflows.engine.graph import Graph

MAX_NODES: Final = 4_000  # of all samples together; beyond them a path is neither offered nor called missing
SHOWN: Final = 40  # characters of a sample value
ITEMS_LOOKED_AT: Final = 5  # of a list, to know the fields of its items


@dataclass(frozen=True)
class Root:
    """A name that paths begin with. `shape`: what is below it, None where nobody knows yet."""

    path: str
    name: str
    n: int = 0
    tile: str = ""
    shape: dict[str, JSON] | None = None


def roots(document: Document, graph: Graph, names: Names, samples: Samples, scope: SampleScope) -> list[Root]:
    """The trigger, the items of loops around the step, the steps before it, and the variables."""
    left = _Left(MAX_NODES)
    chosen, found = samples.trigger_of(document)
    made = []
    if chosen is not None:
        shape = _shape(found.data, left) if found else None
        made.append(Root("trigger", chosen.name, names.numbers.get(chosen.key, 0), tile_of(chosen), shape))
    known = scope.step_key in graph.steps
    for loop in graph.loops_around(scope.step_key) if known else ():
        name, item = (
            str(graph.steps[loop].setting("as")),
            scope.items.get(str(graph.steps[loop].setting("as"))),
        )
        title = f"{graph.steps[loop].name}: each item"
        made.append(
            Root(
                name, title, names.numbers.get(loop, 0), "loop", None if item is None else _shape(item, left)
            )
        )
    for key in sorted(
        graph.ancestors(scope.step_key) if known else (), key=lambda one: names.numbers.get(one, 0)
    ):
        step, has_sample = graph.steps[key], key in scope.steps
        shape = _shape(scope.steps[key], left) if has_sample else None
        made.append(Root(f"steps.{key}", step.name, names.numbers.get(key, 0), tile_of(step), shape))
    made.append(Root("vars", "Variables", shape=_shape(scope.variables, left)))
    return made


def later(document: Document, graph: Graph, names: Names, step_key: str) -> dict[str, str]:
    """Steps that are there but do not come before this one, by number and title."""
    before = graph.ancestors(step_key) if step_key in graph.steps else ()
    return {step.key: names.numbered(step.key) for step in document.steps if step.key not in before}


def functions() -> list[dict[str, JSON]]:
    """The functions as completion shows them."""
    return [
        {"name": f.name, "signature": f.signature, "help": f.help, "example": f.example, "group": f.group,
         "words": " ".join(f.aliases)}
        for f in sorted(FUNCTIONS.values(), key=lambda info: info.name)
    ]  # fmt: skip


class _Left:
    """How many more nodes may be made."""

    def __init__(self, nodes: int) -> None:
        self.nodes = nodes


def _shape(value: JSON, left: _Left, depth: int = 0) -> dict[str, JSON]:
    """`t` type, `v` value, `f` fields (`x`: not all of them), `n` items and `i` what one of them is like."""
    left.nodes -= 1
    made: dict[str, JSON] = {"t": TYPES.get(type(value), "null")}
    if isinstance(value, dict):
        inner: dict[str, JSON] = dict(_fields(value, left, depth))
        made |= {"f": inner, **({"x": True} if len(inner) < len(value) else {})}
    elif isinstance(value, list):
        made["n"] = len(value)
        if value and depth < MAX_DEPTH and left.nodes > 0:
            made["i"] = _shape(_one_of(value), left, depth + 1)
    else:
        made["v"] = shortened(value, SHOWN)
    return made


def _fields(value: dict[str, JSON], left: _Left, depth: int) -> Iterator[tuple[str, dict[str, JSON]]]:
    for key in list(value)[:MAX_FIELDS]:
        if depth >= MAX_DEPTH or left.nodes <= 0:
            return
        yield key, _shape(value[key], left, depth + 1)


def _one_of(items: list[JSON]) -> JSON:
    """An item with the fields of the first few: a list's items need not all have the same."""
    first = items[0]
    if not isinstance(first, dict):
        return first
    merged: dict[str, JSON] = {}
    for item in items[:ITEMS_LOOKED_AT]:
        if isinstance(item, dict):
            merged = {**item, **merged}
    return merged
