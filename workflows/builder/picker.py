"""The data picker as values: a tree of what earlier steps gave, the functions, and the variables. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from automate.lib.expressions import FUNCTIONS, ExpressionError, FunctionInfo, evaluate
from automate.lib.jsontypes import JSON
from workflows.builder.names import Names, tile_of
from workflows.builder.samples import EXAMPLE, Samples
from workflows.builder.scope import SampleScope, shortened
from workflows.engine.document import Document
from workflows.engine.graph import Graph

MAX_FIELDS: Final = 200  # of one object; the rest is found by typing its path
PAGE: Final = 10  # items of a list that are shown at once
SEARCHED: Final = 200  # items of a list that a search looks at
MAX_DEPTH: Final = 8
AROUND: Final = "about the start"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TYPES: Final = {bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object"}
GROUP_ORDER: Final = ("Text", "Numbers", "Money", "Dates", "Lists", "Objects", "Logic")


@dataclass(frozen=True)
class Node:
    """What ui/_tree.html draws. `insert` is the expression a click puts in; branches have children or a note."""

    name: str
    type: str = ""
    value: str = ""
    insert: str = ""
    count: str = ""
    children: tuple[Node, ...] = ()
    note: str = ""
    open: bool = False
    tile: str = ""
    n: int = 0
    test: str = ""  # the step to test, when it has no sample
    more_of: str = ""  # the path of a list whose items go on at `start`
    start: int = 0


@dataclass(frozen=True)
class FunctionGroup:
    name: str
    functions: tuple[FunctionInfo, ...]


def tree(
    document: Document, graph: Graph, names: Names, samples: Samples, scope: SampleScope, query: str = ""
) -> tuple[Node, ...]:
    """The trigger, the items of the loops around the step, and the steps before it; filtered by name and value."""
    page = SEARCHED if query else PAGE
    nodes = [*_triggers(document, names, samples, page), *_items(graph, names, scope, page)]
    before = graph.ancestors(scope.step_key) if scope.step_key in graph.steps else ()
    for key in sorted(before, key=lambda one: names.numbers.get(one, 0)):
        step = graph.steps[key]
        found = samples.steps.get(key)
        head = Node(step.name, tile=tile_of(step), n=names.numbers.get(key, 0))
        nodes.append(_with_sample(head, found.data, f"steps.{key}", _source_note(found.source), page) if found else replace(
            head, note="No sample yet. Test the step to see its data.", test=key))  # fmt: skip
    if nodes and not query:
        nodes[-1] = _opened(nodes[-1])
        nodes[0] = _opened(nodes[0])
    return tuple(filtered(nodes, query))


def _opened(node: Node) -> Node:
    """Open, with the small objects in it."""
    inner = tuple(
        replace(
            part,
            open=part.type == "object"
            and len(part.children) <= PAGE
            and part.name != AROUND
            and part.count != "file",
        )
        for part in node.children
    )
    return replace(node, open=True, children=inner)


def _triggers(document: Document, names: Names, samples: Samples, page: int) -> Iterator[Node]:
    chosen, _ = samples.trigger_of(document)
    for trigger in document.triggers:
        if trigger is not chosen and len(document.triggers) > 1 and trigger.key not in samples.triggers:
            continue
        head = Node(trigger.name, tile=tile_of(trigger), n=names.numbers[trigger.key])
        found = samples.triggers.get(trigger.key)
        if found is None:
            yield replace(
                head, note="No sample yet. Send a request to its address, or type one in its Sample tab."
            )
        else:
            yield _trigger(head, found.data, _source_note(found.source), page)


def _trigger(head: Node, data: JSON, note: str, page: int) -> Node:
    """The body's fields first, as that is what people look for; what surrounds it under one branch."""
    given = data if isinstance(data, dict) else {}
    body = _with_sample(head, given.get("body"), "trigger.body", note, page)
    around = {key: value for key, value in given.items() if key != "body"}
    rest = replace(node_of(AROUND, around, "trigger"), insert="", open=False)
    return replace(body, children=(*body.children, rest))


def _items(graph: Graph, names: Names, scope: SampleScope, page: int) -> Iterator[Node]:
    for loop in graph.loops_around(scope.step_key) if scope.step_key in graph.steps else ():
        name = str(graph.steps[loop].setting("as"))
        head = Node(f"{graph.steps[loop].name}: each item", tile="loop", n=names.numbers.get(loop, 0))
        item = scope.items.get(name)
        if item is None:
            yield replace(
                head,
                note="No sample of an item yet. Test the steps before the loop.",
                children=(_leaf(name, None, name),),
            )
        else:
            inner = (node_of(name, item, name, page=page), _leaf("loop.index", 0, "loop.index"))
            yield replace(head, children=inner, open=True)


def _source_note(source: str) -> str:
    return "example" if source == EXAMPLE else ""


def _with_sample(head: Node, data: JSON, path: str, note: str, page: int) -> Node:
    node = node_of(head.name, data, path, page=page)
    if not node.children:
        return replace(head, children=(replace(node, name=path),), count=note)
    whole = replace(_leaf("everything", None, path), value=node.count, type=node.type)
    return replace(head, children=(*node.children, whole), count=note)


def node_of(name: str, value: JSON, path: str, depth: int = 0, *, page: int = PAGE) -> Node:
    """One value as a node: objects and lists with their parts, down to a depth; of a list the first `page` items."""
    kind = TYPES.get(type(value), "null")
    insert = "{{ " + path + " }}"
    if depth >= MAX_DEPTH or not isinstance(value, (dict, list)) or not value:
        return Node(name, kind, shortened(value, 60), insert)
    if isinstance(value, dict):
        is_file = "$file" in value
        shown = [
            (key, inner) for key, inner in value.items() if not (is_file and key in ("$file", "id", "sha256"))
        ]
        parts = [
            node_of(key, inner, member(path, key), depth + 1, page=page) for key, inner in shown[:MAX_FIELDS]
        ]
        if is_file:
            whole = Node("the whole file", kind, shortened(value.get("name"), 40), insert)
            return Node(name, kind, insert=insert, count="file", children=(whole, *parts))
        if depth:
            parts.append(Node("the whole object", kind, insert=insert))
        return Node(name, kind, insert=insert, count=_count(len(value), "field"), children=tuple(parts))
    every = Node("the whole list", kind, _count(len(value), "item"), insert)
    parts = [every, *_every(value, path), *_page(value, path, 0, page, depth + 1)]
    return Node(name, kind, insert=insert, count=_count(len(value), "item"), children=tuple(parts))


def items_of(path: str, scope: SampleScope, *, start: int) -> tuple[Node, ...]:
    """Ten more items of a list, and the way to those after them; nothing where there is no such list."""
    try:
        found = evaluate("{{ " + path + " }}", scope.scope())
    except ExpressionError:
        return ()
    return tuple(_page(found, path, start, PAGE, 1)) if isinstance(found, list) else ()


def _page(items: list[JSON], path: str, start: int, size: int, depth: int) -> Iterator[Node]:
    for at, inner in enumerate(items[start : start + size], start):
        yield node_of(f"item {at + 1}", inner, f"{path}[{at}]", depth, page=size)
    left = len(items) - start - size
    if left > 0:
        first, last = start + size + 1, min(start + 2 * size, len(items))
        yield Node(f"Items {first} to {last} of {len(items):,}", more_of=path, start=start + size)


def member(path: str, key: str) -> str:
    """The path of a field: `a.b`, or `a["odd name"]`."""
    if _NAME.fullmatch(key):
        return f"{path}.{key}"
    return f'{path}["{key}"]' if '"' not in key and "\\" not in key else f"{path}['{key}']"


def _every(items: list[JSON], path: str) -> Iterator[Node]:
    first = items[0]
    if isinstance(first, dict):
        for key in list(first)[:MAX_FIELDS]:
            shown = ", ".join(shortened(item.get(key), 20) for item in items[:3] if isinstance(item, dict))
            yield Node(f"every item's {key}", "list", shown, "{{ " + f'{path} | map("{key}")' + " }}")


def _leaf(name: str, value: JSON, path: str) -> Node:
    return Node(name, TYPES.get(type(value), "null"), shortened(value, 60), "{{ " + path + " }}")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def filtered(nodes: Iterable[Node], query: str) -> Iterator[Node]:
    """Only what holds every word in its names or its value; what is found is open."""
    words = query.lower().split()
    for node in nodes:
        if not words:
            yield node
            continue
        kept = _filter(node, words, "")
        if kept is not None:
            yield kept


def _filter(node: Node, words: list[str], above: str) -> Node | None:
    text = f"{above} {node.name}".lower()
    if all(word in f"{text} {node.value}".lower() for word in words):
        return replace(node, open=bool(node.children))
    inner = tuple(kept for child in node.children if (kept := _filter(child, words, text)) is not None)
    return replace(node, children=inner, open=True) if inner else None


# --- functions and variables ----------------------------------------------------------------------


def functions(query: str = "") -> tuple[FunctionGroup, ...]:
    """All functions by group; a query looks at names, help and groups."""
    words = query.lower().split()
    groups: dict[str, list[FunctionInfo]] = {}
    for info in FUNCTIONS.values():
        text = f"{info.name} {' '.join(info.aliases)} {info.help} {info.group}".lower()
        if all(word in text for word in words):
            groups.setdefault(info.group, []).append(info)
    order = sorted(groups, key=lambda name: (GROUP_ORDER.index(name) if name in GROUP_ORDER else 99, name))
    return tuple(FunctionGroup(name, tuple(sorted(groups[name], key=lambda f: f.name))) for name in order)


def variable_nodes(scope: SampleScope, query: str = "") -> tuple[Node, ...]:
    """The workspace's variables, and what is known of the run."""
    nodes = [node_of(key, value, member("vars", key)) for key, value in sorted(scope.variables.items())]
    run = [_leaf(name, None, path) for name, path in (
        ("the run's number", "run.number"), ("the run's address", "run.url"), ("the workflow's name", "run.workflow.name"),
        ("now", "now"), ("today", "today()"))]  # fmt: skip
    return tuple(filtered([*nodes, *(replace(node, type="text", value="") for node in run)], query))
