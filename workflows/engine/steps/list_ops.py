"""The operations of a transform step. Each takes a list and gives a list; none changes what it was given."""

from __future__ import annotations

from collections.abc import Callable

from automate.lib.expressions.functions.lists import sorted_by
from automate.lib.expressions.moments import parse_iso
from automate.lib.jsontypes import JSON
from workflows.engine.steps.context import StepContext
from workflows.engine.steps.list_files import read, write
from workflows.engine.steps.list_pairs import append, compare, dedupe, join
from workflows.engine.steps.list_sums import aggregate, group
from workflows.engine.steps.list_work import ListWork, Operation, path_in
from workflows.engine.steps.text_forms import CONVERSIONS, FORMATS, PARSERS, changed


def apply(operation: Operation, items: list[JSON], context: StepContext, *, where: str) -> list[JSON]:
    """Run one operation. Raises StepFault with the operation's place and a sentence."""
    work = ListWork(operation, context, where)
    return OPERATIONS[operation["op"]](work, items)


def _set(work: ListWork, items: list[JSON]) -> list[JSON]:
    fields = work.operation["fields"]
    return [
        {
            **(item if isinstance(item, dict) else {}),
            **{name: work.of_item_value(made, item) for name, made in fields.items()},
        }
        for item in items
    ]


def _rename(work: ListWork, items: list[JSON]) -> list[JSON]:
    names = work.operation["fields"]
    return [{names.get(key, key): value for key, value in work.an_object(item).items()} for item in items]


def _remove(work: ListWork, items: list[JSON]) -> list[JSON]:
    gone = set(work.operation["fields"])
    return [{key: value for key, value in work.an_object(item).items() if key not in gone} for item in items]


def _keep(work: ListWork, items: list[JSON]) -> list[JSON]:
    kept = work.operation["fields"]
    return [{key: obj[key] for key in kept if key in obj} for obj in map(work.an_object, items)]


def _filter(work: ListWork, items: list[JSON]) -> list[JSON]:
    return [item for item in items if work.holds_for(work.operation["when"], item)]


def _sort(work: ListWork, items: list[JSON]) -> list[JSON]:
    """By one field, or by several: the last one first, since the order of equals stays."""
    by, falls = work.operation["by"], bool(work.operation.get("desc"))
    if not isinstance(by, list):
        return _sorted(work, items, by, falls)
    for one in reversed(by):
        name = one.removeprefix("-") if isinstance(one, str) else one
        items = _sorted(work, items, name, (name != one) != falls)
    return items


def _sorted(work: ListWork, items: list[JSON], by: JSON, falls: bool) -> list[JSON]:
    """Moments by time, numbers by value, everything else as text regardless of case; null last."""
    keys = [work.of_item(by, item) for item in items]
    zone = work.context.scope.zone
    moments = [parse_iso(key, zone) if isinstance(key, str) else None for key in keys if key is not None]
    if moments and all(moments):
        keys = [key if key is None else parse_iso(str(key), zone).timestamp() for key in keys]  # type: ignore[union-attr]  # all are dates, as was just seen
    return sorted_by(items, keys, falls)


def _reverse(_work: ListWork, items: list[JSON]) -> list[JSON]:
    return items[::-1]


def _limit(work: ListWork, items: list[JSON]) -> list[JSON]:
    count = work.whole("count")
    skip = work.whole("skip") if "skip" in work.operation else 0
    if work.operation.get("from") == "end":
        end = len(items) - skip
        return items[max(end - count, 0) : max(end, 0)]
    return items[skip : skip + count]


def _split(work: ListWork, items: list[JSON]) -> list[JSON]:
    field, separator = work.operation["field"], work.operation.get("separator")
    made: list[JSON] = []
    for item in items:
        inner = path_in(work.an_object(item), field)
        if separator and isinstance(inner, str):
            inner = [part.strip() for part in inner.split(separator) if part.strip()]
        parts = inner if isinstance(inner, list) else [] if inner is None else [inner]
        made.extend({**work.an_object(item), field: part} for part in parts)
    return made


def _flatten(_work: ListWork, items: list[JSON]) -> list[JSON]:
    return [part for item in items for part in (item if isinstance(item, list) else [item])]


def _chunk(work: ListWork, items: list[JSON]) -> list[JSON]:
    size = work.whole("size", low=1)
    return [items[start : start + size] for start in range(0, len(items), size)]


def _on_field(table: dict[str, str]) -> Callable[[ListWork, list[JSON]], list[JSON]]:
    def work_on(work: ListWork, items: list[JSON]) -> list[JSON]:
        field = work.operation.get("field")
        try:
            if not field:
                return [changed(work, table, item) for item in items]
            return [
                {**obj, field: changed(work, table, obj.get(field))} for obj in map(work.an_object, items)
            ]
        except ValueError as error:
            raise work.fault(str(error)) from None

    return work_on


OPERATIONS: dict[str, Callable[[ListWork, list[JSON]], list[JSON]]] = {
    "set": _set,
    "rename": _rename,
    "remove": _remove,
    "keep": _keep,
    "filter": _filter,
    "sort": _sort,
    "reverse": _reverse,
    "limit": _limit,
    "aggregate": aggregate,
    "group": group,
    "split": _split,
    "flatten": _flatten,
    "chunk": _chunk,
    "dedupe": dedupe,
    "compare": compare,
    "join": join,
    "append": append,
    "parse": _on_field(PARSERS),
    "format": _on_field(FORMATS),
    "convert": _on_field(CONVERSIONS),
    "read": read,
    "write": write,
}
