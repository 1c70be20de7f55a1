"""The data of a step as people look at it: a table, JSON, a tree, or the places where a text is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from accounts.request import AppRequest
from automate.lib import jsontypes
from automate.lib.jsontypes import JSON

VIEWS: Final = {"table": "Table", "json": "JSON", "tree": "Tree"}
DEFAULT: Final = "json"
COOKIE: Final = "data_view"  # what this browser looked at data in last
MAX_FIND: Final = 100
MAX_HITS: Final = 100  # places that are listed of one value
MAX_LOOKED: Final = 200_000  # values a search looks at, of one section
MAX_ROWS: Final = 50
MAX_COLUMNS: Final = 12
MAX_CELL: Final = 160
MAX_NODES: Final = 600
MAX_DEPTH: Final = 24
CONTEXT: Final = 60  # characters shown on each side of what was found


@dataclass(frozen=True)
class Look:
    """How somebody looks at data: the view they chose last, and what they search for."""

    view: str = DEFAULT
    find: str = ""

    @classmethod
    def of(cls, request: AppRequest) -> Look:
        view = request.GET.get("view") or request.COOKIES.get(COOKIE, "")
        return cls(view if view in VIEWS else DEFAULT, request.GET.get("find", "").strip()[:MAX_FIND])


@dataclass(frozen=True)
class Table:
    """`columns` is empty for a list of names with values; `more`: rows that are left out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int = 0
    more_columns: int = 0


@dataclass(frozen=True)
class Node:
    """A part of an object or list. `text` is empty for branches."""

    name: str
    text: str = ""
    kind: str = ""
    count: str = ""
    children: tuple[Node, ...] = field(default=())
    more: int = 0


class Hit(NamedTuple):
    """A place where the text was found, in the name or in the value, cut around it."""

    path: str
    before: str
    found: str
    after: str


class Hits(NamedTuple):
    places: tuple[Hit, ...]
    has_more: bool = False


# --- table ----------------------------------------------------------------------------------------
def table(value: JSON) -> Table:
    """A list of objects by its fields, another list by its places, an object by its names."""
    if isinstance(value, list):
        return _records(value) if _is_records(value) else _numbered(value)
    if isinstance(value, dict):
        rows = tuple((str(name), cell(part)) for name, part in list(value.items())[:MAX_ROWS])
        return Table((), rows, max(len(value) - MAX_ROWS, 0))
    return Table((), (("Value", cell(value)),))


def _is_records(value: list[JSON]) -> bool:
    return bool(value) and all(isinstance(item, dict) for item in value[:MAX_ROWS])


def _records(value: list[JSON]) -> Table:
    shown = [item for item in value[:MAX_ROWS] if isinstance(item, dict)]
    names = list(dict.fromkeys(str(name) for item in shown for name in item))
    columns = names[:MAX_COLUMNS]
    rows = tuple(tuple(cell(item[name]) if name in item else "" for name in columns) for item in shown)
    return Table(tuple(columns), rows, max(len(value) - MAX_ROWS, 0), max(len(names) - MAX_COLUMNS, 0))


def _numbered(value: list[JSON]) -> Table:
    rows = tuple((f"{place:,}", cell(item)) for place, item in enumerate(value[:MAX_ROWS], start=1))
    return Table((), rows, max(len(value) - MAX_ROWS, 0))


def cell(value: JSON) -> str:
    """A value in one line: text as it is, the rest as JSON."""
    text = value if isinstance(value, str) else _short(value)
    return text if len(text) <= MAX_CELL else f"{text[:MAX_CELL]}…"


def _short(value: JSON) -> str:
    """JSON, without writing out a long value of which the beginning is shown."""
    if isinstance(value, list) and len(value) > MAX_ROWS:
        return f"list of {len(value):,}"
    if isinstance(value, dict) and len(value) > MAX_ROWS:
        return f"object with {len(value):,} fields"
    return jsontypes.dumps(value)


# --- tree -----------------------------------------------------------------------------------------
def tree(value: JSON) -> tuple[Node, ...]:
    """Its parts, MAX_NODES at most; those that do not fit are counted where they are missing."""
    return _nodes(value, 0, [MAX_NODES])[0]


def _nodes(value: JSON, depth: int, left: list[int]) -> tuple[tuple[Node, ...], int]:
    pairs = _parts(value)
    found: list[Node] = []
    for name, part in pairs:
        if left[0] <= 0:
            break
        left[0] -= 1
        if isinstance(part, dict | list) and part and depth < MAX_DEPTH:
            inner, more = _nodes(part, depth + 1, left)
            found.append(Node(name, count=_count(part), children=inner, more=more))
        else:
            found.append(Node(name, cell(part), kind(part)))
    return tuple(found), len(pairs) - len(found)


def _parts(value: JSON) -> list[tuple[str, JSON]]:
    if isinstance(value, dict):
        return [(str(name), part) for name, part in value.items()]
    if isinstance(value, list):
        return [(str(place), part) for place, part in enumerate(value)]
    return [("", value)]


def _count(value: Mapping[str, JSON] | list[JSON]) -> str:
    word = "item" if isinstance(value, list) else "field"
    return f"{len(value):,} {word}{'' if len(value) == 1 else 's'}"


def kind(value: JSON) -> str:
    """The class of its colour, as in the JSON view."""
    if isinstance(value, str):
        return "s"
    return "z" if value is None or isinstance(value, bool) else "v"


# --- search ---------------------------------------------------------------------------------------
def hits(value: JSON, text: str) -> Hits:
    """Where a name or a value holds the text, whatever the case; the whole value is looked through."""
    wanted = text.casefold()
    found: list[Hit] = []
    for looked, (path, name, part) in enumerate(_leaves(value, "")):
        if looked >= MAX_LOOKED:
            return Hits(tuple(found), True)
        in_value = "" if isinstance(part, dict | list) else _plain(part)
        if wanted not in name.casefold() and wanted not in in_value.casefold():
            continue
        if len(found) >= MAX_HITS:
            return Hits(tuple(found), True)
        found.append(_hit(path or "value", in_value or cell(part), wanted))
    return Hits(tuple(found))


def _leaves(value: JSON, path: str) -> Iterator[tuple[str, str, JSON]]:
    """Every part with its path; without recursion, as data may be nested as deeply as it likes."""
    waiting: list[tuple[str, str, Any]] = [(path, "", value)]
    while waiting:
        here, name, part = waiting.pop()
        if here or not isinstance(part, dict | list):
            yield here, name, part
        if isinstance(part, dict):
            inner = [(f"{here}.{key}" if here else str(key), str(key), each) for key, each in part.items()]
        elif isinstance(part, list):
            inner = [(f"{here}[{place}]", "", each) for place, each in enumerate(part)]
        else:
            continue
        waiting.extend(reversed(inner))


def _plain(value: JSON) -> str:
    return value if isinstance(value, str) else jsontypes.dumps(value)


def _hit(path: str, text: str, wanted: str) -> Hit:
    at = text.casefold().find(wanted)
    if at < 0:
        return Hit(path, cell(text), "", "")
    end = at + len(wanted)
    start, stop = max(at - CONTEXT, 0), end + CONTEXT
    before = ("…" if start else "") + text[start:at]
    return Hit(path, before, text[at:end], text[end:stop] + ("…" if stop < len(text) else ""))
