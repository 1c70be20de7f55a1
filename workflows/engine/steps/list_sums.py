"""Operations that make few values out of many: aggregate and group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automate.lib.expressions.compare import as_number
from automate.lib.jsontypes import JSON
from workflows.engine.steps.list_work import ListWork, same

Sum = Callable[[list[int | float]], int | float]
SUMS: dict[str, Sum] = {
    "sum": sum,
    "min": min,
    "max": max,
    "avg": lambda numbers: sum(numbers) / len(numbers),
}


def aggregate(work: ListWork, items: list[JSON]) -> list[JSON]:
    return [sums(work, items, work.operation["fields"])]


def sums(work: ListWork, items: list[JSON], fields: dict[str, Any]) -> dict[str, JSON]:
    """A value per name, each from all items."""
    return {name: _one(work, items, name, spec) for name, spec in fields.items()}


def _one(work: ListWork, items: list[JSON], name: str, spec: dict[str, Any]) -> JSON:
    kind, of = spec["fn"], spec.get("of")
    values = [work.of_item(of, item) if of else item for item in items]
    values = [value for value in values if value is not None]
    if kind == "count":
        return len(values)
    if kind == "list":
        return values
    if kind == "unique":
        return list({same(value): value for value in values}.values())
    if kind in ("first", "last"):
        return (values[0] if kind == "first" else values[-1]) if values else None
    if kind == "join":
        return str(spec.get("separator", ", ")).join(_text(work, value) for value in values)
    numbers = _numbers(work, values, str(of or name))
    return SUMS[kind](numbers) if numbers else (0 if kind == "sum" else None)


def _text(work: ListWork, value: JSON) -> str:
    return value if isinstance(value, str) else str(work.through("text(value)", value=value))


def _numbers(work: ListWork, values: list[JSON], of: str) -> list[int | float]:
    numbers = []
    for value in values:
        number = as_number(value)
        if number is None:
            raise work.fault(f"`{of}` holds {value!r:.40}, which is no number.")
        numbers.append(number)
    return numbers


def group(work: ListWork, items: list[JSON]) -> list[JSON]:
    """Per value its items; with `fields`, a row of the value and its sums."""
    by = work.operation["by"]
    several = by if isinstance(by, list) else [by]
    groups: dict[str, tuple[list[JSON], list[JSON]]] = {}
    for item in items:
        key = [work.of_item(one, item) for one in several]
        groups.setdefault(same(key), (key, []))[1].append(item)
    fields = work.operation.get("fields")
    if fields:
        names = [_name(one, at) for at, one in enumerate(several)]
        return [
            {**dict(zip(names, key, strict=True)), **sums(work, members, fields)}
            for key, members in groups.values()
        ]
    return [
        {"key": key if isinstance(by, list) else key[0], "items": members, "count": len(members)}
        for key, members in groups.values()
    ]


def _name(by: JSON, at: int) -> str:
    """What the column of a grouped value is called: its field, or key, key_2 … for expressions."""
    if isinstance(by, str) and "{{" not in by:
        return by.rsplit(".", 1)[-1]
    return "key" if at == 0 else f"key_{at + 1}"
