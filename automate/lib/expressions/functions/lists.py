"""Lists: choosing, ordering and grouping elements, by a field of theirs where they are objects."""

from collections.abc import Callable

from automate.lib.expressions.compare import OPERATORS, SYMBOLS, as_number, compare
from automate.lib.expressions.converters import Items, Object
from automate.lib.expressions.errors import ExpressionTypeError
from automate.lib.expressions.paths import get_path, parse_path
from automate.lib.expressions.registry import arrange, function, invoke, unknown_function
from automate.lib.expressions.registry import find as function_named
from automate.lib.expressions.scope import Run
from automate.lib.expressions.suggest import did_you_mean, shortened
from automate.lib.expressions.values import a_kind, identity, to_text
from automate.lib.jsontypes import JSON

ORDERING = frozenset(("greater_than", "at_least", "less_than", "at_most", "between", "before", "after"))


def field_of(path: str) -> Callable[[JSON], JSON]:
    """Reads that path from a value, null where it leads nowhere; the value itself for an empty path."""
    keys = parse_path(path)
    return lambda item: get_path(item, keys)


def _condition(run: Run, field: str, op: str, value: JSON) -> Callable[[JSON], bool]:
    read = field_of(field)
    if not op:
        return lambda item: bool(read(item))
    op = SYMBOLS.get(op, op)
    if op not in OPERATORS:
        raise ExpressionTypeError(
            f"There is no comparison called “{shortened(op)}”: write where(field, comparison, value), "
            f'e.g. where("status", "equals", "open").{did_you_mean(op, OPERATORS)}'
        )
    if op in ORDERING:
        return lambda item: read(item) is not None and compare(op, read(item), value, zone=run.scope.zone)
    return lambda item: compare(op, read(item), value, zone=run.scope.zone)


def _keys(run: Run, items: Items, by: str) -> Items:
    """What to order or group by, for each element; measured, because one large value may stand there many times."""
    run.spend(len(items) + 1)
    read = field_of(by)
    keys = [read(item) for item in items]
    run.measure(keys)
    return keys


@function("Lists", '{{ [{"a": {"b": 1}}, {"a": {"b": 2}}] | map("a.b") }}', [1, 2], aliases=("pluck",))
def map_(run: Run, items: Items, path: str) -> Items:
    """One field of each element; null where an element does not have it."""
    run.room_for_items(len(items))
    return list(map(field_of(path), items))


@function("Lists", '{{ [" a", "b "] | apply("trim") }}', ["a", "b"])
def apply(run: Run, items: Items, name: str, *arguments: JSON) -> Items:
    """Each element after a function of this library, given by its name, was applied to it."""
    info = function_named(name)
    if info is None or info.lazy:
        raise ExpressionTypeError(unknown_function(name))
    run.room_for_items(len(items))
    return [
        invoke(info, run, arrange(info, [lambda value=value: value for value in (item, *arguments)], {}))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
        for item in items
    ]


@function(
    "Lists",
    '{{ [{"n": 5}, {"n": 50}] | where("n", "greater_than", 10) }}',
    [{"n": 50}],
    aliases=("filter", "select", "selectattr"),
)
def where(run: Run, items: Items, field: str, op: str = "", value: JSON = None) -> Items:
    """The elements whose field compares so (as in conditions; also ==, >, <= …); without a comparison, is not empty."""
    return list(filter(_condition(run, field, op, value), run.each(items)))


@function(
    "Lists",
    '{{ [{"done": true}, {"done": false}] | reject("done") }}',
    [{"done": False}],
    aliases=("rejectattr",),
)
def reject(run: Run, items: Items, field: str, op: str = "", value: JSON = None) -> Items:
    """The elements that `where` would leave out."""
    holds = _condition(run, field, op, value)
    return [item for item in run.each(items) if not holds(item)]


@function("Lists", '{{ [{"id": 1}, {"id": 2}] | find("id", "equals", 2) }}', {"id": 2})
def find(run: Run, items: Items, field: str, op: str = "", value: JSON = None) -> JSON:
    """The first element whose field compares so; null when there is none."""
    return next(filter(_condition(run, field, op, value), run.each(items)), None)


@function("Lists", '{{ [{"n": 1}, {"n": 7}] | any("n", ">", 5) }}', True, aliases=("some",))
def any_(run: Run, items: Items, field: str = "", op: str = "", value: JSON = None) -> bool:
    """Whether at least one element compares so."""
    return any(map(_condition(run, field, op, value), run.each(items)))


@function("Lists", '{{ [{"n": 1}, {"n": 7}] | all("n", ">", 5) }}', False, aliases=("every",))
def all_(run: Run, items: Items, field: str = "", op: str = "", value: JSON = None) -> bool:
    """Whether all elements compare so; true for an empty list."""
    return all(map(_condition(run, field, op, value), run.each(items)))


def sorted_by(items: Items, keys: Items, descending: bool) -> Items:
    """Sorted by keys: numbers (also as text) by value, text regardless of case, null always last."""
    present = [pair for pair in zip(keys, items, strict=True) if pair[0] is not None]
    numeric = all(as_number(key) is not None for key, _ in present)
    present.sort(key=lambda pair: as_number(pair[0]) if numeric else _text_key(pair[0]), reverse=descending)  # type: ignore[arg-type, return-value]  # all keys are of one type
    return [item for _, item in present] + [
        item for key, item in zip(keys, items, strict=True) if key is None
    ]


def _text_key(value: JSON) -> tuple[str, str]:
    if isinstance(value, list | dict):
        raise ExpressionTypeError(
            f'`sort` cannot order {a_kind(value)}. Name the field to sort by: sort("name").'
        )
    text = to_text(value)
    return text.casefold(), text


@function(
    "Lists",
    '{{ [{"n": 2}, {"n": 10}] | sort("n", descending=true) | map("n") }}',
    [10, 2],
    aliases=("sort_by", "order_by"),
)
def sort(run: Run, items: Items, by: str = "", descending: bool = False) -> Items:
    """The elements in order, by a field if one is named. Numbers go by value, text regardless of case, null last."""
    run.spend(8 * len(items))
    return sorted_by(items, _keys(run, items, by), descending)


@function(
    "Lists",
    '{{ [{"c": "x", "n": 1}, {"c": "y", "n": 2}, {"c": "x", "n": 3}] | group("c") | keys }}',
    ["x", "y"],
    aliases=("group_by", "groupby"),
)
def group(run: Run, items: Items, by: str) -> Object:
    """An object with a list of elements for each value of the field."""
    run.room_for_items(len(items))
    groups: dict[str, Items] = {}
    for key, item in zip(_keys(run, items, by), items, strict=True):
        groups.setdefault(_group_key(key), []).append(item)
    return dict(groups)


def _group_key(value: JSON) -> str:
    if isinstance(value, list | dict):
        raise ExpressionTypeError(
            f"Elements cannot be grouped by {a_kind(value)}. Name a field that holds text or numbers."
        )
    return to_text(value)


@function("Lists", '{{ ["a", "b", "a"] | count_by }}', {"a": 2, "b": 1})
def count_by(run: Run, items: Items, by: str = "") -> Object:
    """How many elements there are for each value (of the field)."""
    counts: dict[str, int] = {}
    for key in map(_group_key, _keys(run, items, by)):
        counts[key] = counts.get(key, 0) + 1
    return dict(counts)


@function(
    "Lists", '{{ [{"id": "a", "n": 1}] | index_by("id") }}', {"a": {"id": "a", "n": 1}}, aliases=("key_by",)
)
def index_by(run: Run, items: Items, by: str) -> Object:
    """An object with one element for each value of the field; the last one wins."""
    return {_group_key(key): item for key, item in zip(_keys(run, items, by), items, strict=True)}


@function("Lists", "{{ [3, 1, 3, 1.0] | unique }}", [3, 1], aliases=("dedupe", "uniq"))
def unique(run: Run, items: Items, by: str = "") -> Items:
    """Each element (or each value of the field) once, the first one kept."""
    seen: set[object] = set()
    kept: Items = []
    for key, item in zip(map(identity, _keys(run, items, by)), items, strict=True):
        if key not in seen:
            seen.add(key)
            kept.append(item)
    return kept


@function("Lists", "{{ [1, 2, 3] | difference([2]) }}", [1, 3], aliases=("without",))
def difference(run: Run, items: Items, others: Items) -> Items:
    """The elements that are not in the other list."""
    known = set(map(identity, _keys(run, others, "")))
    return [item for item in _keys(run, items, "") if identity(item) not in known]


@function("Lists", "{{ [1, 2, 3] | intersection([3, 2, 9]) }}", [2, 3])
def intersection(run: Run, items: Items, others: Items) -> Items:
    """The elements that are in both lists."""
    known = set(map(identity, _keys(run, others, "")))
    return [item for item in _keys(run, items, "") if identity(item) in known]


@function("Lists", "{{ [1, 2] | union([2, 3]) }}", [1, 2, 3])
def union(run: Run, items: Items, others: Items) -> Items:
    """The elements of both lists, each once."""
    run.room_for_items(len(items) + len(others))
    return unique(run, items + others)
