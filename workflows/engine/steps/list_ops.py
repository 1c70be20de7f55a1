"""The operations of a transform step. Each takes a list and gives a list; none changes what it was given."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from automate.lib import jsontypes
from automate.lib.expressions import Scope, evaluate
from automate.lib.expressions.compare import as_number, order
from automate.lib.jsontypes import JSON
from workflows.engine.steps.context import StepContext, StepFault
from workflows.engine.steps.text_forms import convert, format_text, parse_text

Operation = dict[str, Any]


class ListWork:
    """One operation at work: its fields, where it stands (for messages), and how its expressions are read."""

    def __init__(self, operation: Operation, context: StepContext, where: str) -> None:
        self.operation = operation
        self.context = context
        self.where = where

    def of_item(self, expression: JSON, item: JSON) -> JSON:
        """A field name, a dotted path, or an expression over `item`."""
        if isinstance(expression, str) and "{{" not in expression:
            return _path(item, expression)
        scope = self.context.scope
        names = {**scope.names, "item": item}
        return evaluate(
            expression,
            Scope(names, budget=scope.budget, extra_functions=scope.extra_functions, now=scope.fixed_now),
        )

    def of_item_value(self, expression: JSON, item: JSON) -> JSON:
        """As `of_item`, but plain text is itself and no field name."""
        if isinstance(expression, str) and "{{" not in expression:
            return expression
        return self.of_item(expression, item)

    def an_object(self, item: JSON) -> dict[str, JSON]:
        if not isinstance(item, dict):
            raise StepFault(f"{self.where} needs a list of objects and found {item!r:.60}.")
        return item

    def fault(self, words: str) -> StepFault:
        return StepFault(f"{self.where}: {words}")


def apply(operation: Operation, items: list[JSON], context: StepContext, *, where: str) -> list[JSON]:
    """Run one operation. Raises StepFault with the operation's place and a sentence."""
    work = ListWork(operation, context, where)
    return OPERATIONS[operation["op"]](work, items)


def _path(item: JSON, path: str) -> JSON:
    """`a.b.0` inside an item; null where it ends early."""
    for part in path.split("."):
        if isinstance(item, dict):
            item = item.get(part)
        elif isinstance(item, list) and part.isdigit() and int(part) < len(item):
            item = item[int(part)]
        else:
            return None
    return item


def _same(value: JSON) -> str:
    """A text that two values share exactly when they are equal as JSON (1 and 1.0 are)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return jsontypes.dumps(value, sort_keys=True)


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


def _sort(work: ListWork, items: list[JSON]) -> list[JSON]:
    by = work.operation["by"]
    keyed = [(work.of_item(by, item), item) for item in items]
    empty = [item for key, item in keyed if key is None]
    full = [pair for pair in keyed if pair[0] is not None]

    def compared(one: tuple[JSON, JSON], other: tuple[JSON, JSON]) -> int:
        return order(one[0], other[0], work.context.scope.zone)

    ordered = sorted(full, key=functools.cmp_to_key(compared), reverse=bool(work.operation.get("desc")))
    return [item for _, item in ordered] + empty


def _limit(work: ListWork, items: list[JSON]) -> list[JSON]:
    count = work.context.value(work.operation["count"])
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise work.fault(f"`count` must be a whole number that is not negative, not {count!r}.")
    return items[-count:] if work.operation.get("from") == "end" and count else items[:count]


def _numbers(work: ListWork, values: list[JSON], of: str) -> list[int | float]:
    numbers = []
    for value in values:
        number = as_number(value)
        if number is None:
            raise work.fault(f"`{of}` holds {value!r:.40}, which is no number.")
        numbers.append(number)
    return numbers


def _aggregate_one(work: ListWork, items: list[JSON], name: str, spec: dict[str, Any]) -> JSON:
    kind, of = spec["fn"], spec.get("of")
    values = [work.of_item(of, item) if of else item for item in items]
    values = [value for value in values if value is not None]
    if kind == "count":
        return len(values)
    if kind == "list":
        return values
    numbers = _numbers(work, values, of or name)
    if kind == "sum":
        return sum(numbers)
    if not numbers:
        return None
    if kind == "avg":
        return sum(numbers) / len(numbers)
    return min(numbers) if kind == "min" else max(numbers)


def _aggregate(work: ListWork, items: list[JSON]) -> list[JSON]:
    fields = work.operation["fields"]
    return [{name: _aggregate_one(work, items, name, spec) for name, spec in fields.items()}]


def _group(work: ListWork, items: list[JSON]) -> list[JSON]:
    groups: dict[str, dict[str, JSON]] = {}
    for item in items:
        key = work.of_item(work.operation["by"], item)
        group = groups.setdefault(_same(key), {"key": key, "items": []})
        members = group["items"]
        assert isinstance(members, list)
        members.append(item)
    return [{**group, "count": len(group["items"])} for group in groups.values()]  # type: ignore[arg-type]  # a list, as made above


def _split(work: ListWork, items: list[JSON]) -> list[JSON]:
    field = work.operation["field"]
    made: list[JSON] = []
    for item in items:
        inner = _path(work.an_object(item), field)
        parts = inner if isinstance(inner, list) else [] if inner is None else [inner]
        made.extend({**work.an_object(item), field: part} for part in parts)
    return made


def _flatten(work: ListWork, items: list[JSON]) -> list[JSON]:
    return [part for item in items for part in (item if isinstance(item, list) else [item])]


def _dedupe(work: ListWork, items: list[JSON]) -> list[JSON]:
    keys = [_same(work.of_item(work.operation["by"], item)) for item in items]
    seen: set[str] = set()
    kept: list[JSON] = []
    for key, item in zip(keys, items, strict=True):
        if key not in seen:
            seen.add(key)
            kept.append(item)
    if work.operation.get("scope") == "workflow":
        raise work.fault(
            "`scope: workflow` needs a memory between runs, which this step does not have. Use `scope: run`."
        )
    return kept


def _compare(work: ListWork, items: list[JSON]) -> list[JSON]:
    """Each item with what happened to it: added (only in this list), removed (only in the other), changed or same."""
    other = work.context.value(work.operation["with"])
    if not isinstance(other, list):
        raise work.fault("`with` must be a list.")
    by = work.operation["by"]
    theirs = {_same(work.of_item(by, item)): item for item in other}
    ours = {_same(work.of_item(by, item)): item for item in items}
    made: list[JSON] = []
    for key, item in ours.items():
        if key not in theirs:
            made.append({"change": "added", "item": item, "other": None})
        else:
            change = "same" if _same(item) == _same(theirs[key]) else "changed"
            made.append({"change": change, "item": item, "other": theirs[key]})
    made += [
        {"change": "removed", "item": None, "other": item} for key, item in theirs.items() if key not in ours
    ]
    return made


def _on_field(
    change: Callable[[JSON, str, StepContext], JSON],
) -> Callable[[ListWork, list[JSON]], list[JSON]]:
    def work_on(work: ListWork, items: list[JSON]) -> list[JSON]:
        field, form = work.operation.get("field"), str(work.operation.get("as") or "json")
        try:
            if not field:
                return [change(item, form, work.context) for item in items]
            return [
                {**obj, field: change(obj.get(field), form, work.context)}
                for obj in map(work.an_object, items)
            ]
        except ValueError as error:
            raise work.fault(str(error)) from None

    return work_on


OPERATIONS: dict[str, Callable[[ListWork, list[JSON]], list[JSON]]] = {
    "set": _set,
    "rename": _rename,
    "remove": _remove,
    "keep": _keep,
    "sort": _sort,
    "limit": _limit,
    "aggregate": _aggregate,
    "group": _group,
    "split": _split,
    "flatten": _flatten,
    "dedupe": _dedupe,
    "compare": _compare,
    "parse": _on_field(parse_text),
    "format": _on_field(format_text),
    "convert": _on_field(convert),
}
