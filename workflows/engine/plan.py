"""The planner: which steps of a scope may run now, and which never will.

A scope is the top level of a run, or one item of a loop. The planner is a pure function of the graph and of
what has ended; it is asked again after every step and after every crash, and gives the same answer each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.engine.outcome import Ended

if TYPE_CHECKING:
    from workflows.engine.graph import Graph


@dataclass(frozen=True, slots=True)
class ScopeShape:
    """The steps of a scope that can be reached, in topological order, with their incoming (source, port) pairs.

    An entry step has a pair of its own, `ENTRY`, which is always taken.
    """

    members: tuple[str, ...]
    incoming: dict[str, tuple[tuple[str, str], ...]]
    first_arrival: frozenset[str]
    targets: dict[str, dict[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Plan:
    ready: tuple[str, ...]
    skipped: tuple[str, ...]


ENTRY = ("", "entry")


def scope_shape(graph: Graph, loop: str | None, entries: tuple[str, ...]) -> ScopeShape:
    """The shape of the top level (loop None) or of a loop's body, as reached from `entries`."""
    inside = set(graph.members(loop))
    targets = {key: _targets_inside(graph, key, inside) for key in inside}
    reached = _reachable(targets, tuple(key for key in entries if key in inside))
    members = tuple(key for key in graph.members(loop) if key in reached)
    incoming: dict[str, list[tuple[str, str]]] = {key: [] for key in members}
    for key in entries:
        if key in incoming:
            incoming[key].append(ENTRY)
    for key in members:
        for port, followers in targets[key].items():
            for follower in followers:
                incoming[follower].append((key, port))
    first = frozenset(
        key
        for key in members
        if graph.steps[key].type == "merge" and graph.steps[key].config.get("join", "all") == "any"
    )
    return ScopeShape(members, {key: tuple(pairs) for key, pairs in incoming.items()}, first, targets)


def _targets_inside(graph: Graph, key: str, inside: set[str]) -> dict[str, tuple[str, ...]]:
    found = {}
    for port, followers in graph.steps[key].next.items():
        kept = tuple(follower for follower in followers if follower in inside)
        if kept:
            found[port] = kept
    return found


def _reachable(targets: dict[str, dict[str, tuple[str, ...]]], entries: tuple[str, ...]) -> set[str]:
    reached: set[str] = set()
    stack = list(entries)
    while stack:
        key = stack.pop()
        if key not in reached:
            reached.add(key)
            stack.extend(follower for followers in targets[key].values() for follower in followers)
    return reached


def plan(shape: ScopeShape, ended: Mapping[str, Ended]) -> Plan:
    """The steps that may start now, and those that are dead: no incoming link was or will be taken.

    A step runs once, when each of its incoming links is either taken or dead and at least one is taken; a merge
    that joins `any` runs at the first arrival. Steps already in `ended` (or under way: leave them out of what the
    caller starts) are never given again. Members come in topological order, so one pass settles all dead paths.
    """
    ready: list[str] = []
    dead: dict[str, Ended] = {}
    for key in shape.members:
        if key in ended:
            continue
        taken, open_ = _links(shape, key, ended, dead)
        if taken and (not open_ or key in shape.first_arrival):
            ready.append(key)
        elif not taken and not open_:
            dead[key] = Ended("SKIPPED")
    return Plan(tuple(ready), tuple(dead))


def _links(
    shape: ScopeShape, key: str, ended: Mapping[str, Ended], dead: Mapping[str, Ended]
) -> tuple[int, int]:
    """How many incoming links were taken, and how many are not decided yet."""
    taken = open_ = 0
    for source, port in shape.incoming[key]:
        if not source:
            taken += 1
            continue
        end = ended.get(source) or dead.get(source)
        if end is None:
            open_ += 1
        elif port in end.ports:
            taken += 1
    return taken, open_


def taken_sources(shape: ScopeShape, key: str, ended: Mapping[str, Ended]) -> tuple[str, ...]:
    """The steps whose links into `key` were taken."""
    return tuple(
        source
        for source, port in shape.incoming[key]
        if source and (end := ended.get(source)) is not None and port in end.ports
    )


def branch_ends(shape: ScopeShape, ended: Mapping[str, Ended]) -> tuple[str, ...]:
    """Completed steps after which nothing followed: their outputs are what the scope gives.

    A step that took no port at all (a filter that did not hold) ended its branch without a result.
    """
    ends = []
    for key in shape.members:
        end = ended.get(key)
        if end is None or end.status != "COMPLETED" or not end.ports:
            continue
        if not any(shape.targets[key].get(port) for port in end.ports):
            ends.append(key)
    return tuple(ends)
