"""One operation of a transform at work: its fields, and how its expressions are read."""

from __future__ import annotations

from typing import Any, Final

from automate.lib import jsontypes
from automate.lib.expressions import Budget, ExpressionError, Scope, evaluate
from automate.lib.jsontypes import JSON
from workflows.engine.conditions import holds
from workflows.engine.steps.context import StepContext, StepFault

Operation = dict[str, Any]
# A table is read or written in one go: more than an expression in a field may use, less than what makes others wait.
TABLE_BUDGET: Final = Budget(
    max_steps=20_000_000, max_text_bytes=64 * 1024 * 1024, max_items=5_000_000, time_s=10.0
)


class ListWork:
    """`where` says in messages which operation it is."""

    def __init__(self, operation: Operation, context: StepContext, where: str) -> None:
        self.operation = operation
        self.context = context
        self.where = where

    def of_item(self, expression: JSON, item: JSON) -> JSON:
        """A field name, a dotted path, or an expression over `item`."""
        if isinstance(expression, str) and "{{" not in expression:
            return path_in(item, expression)
        return evaluate(expression, self.scope_of(item))

    def of_item_value(self, expression: JSON, item: JSON) -> JSON:
        """As `of_item`, but plain text is itself and no field name."""
        if isinstance(expression, str) and "{{" not in expression:
            return expression
        return self.of_item(expression, item)

    def holds_for(self, condition: JSON, item: JSON) -> bool:
        return holds(condition, self.scope_of(item))

    def scope_of(self, item: JSON) -> Scope:
        scope = self.context.scope
        names = {**scope.names, "item": item}
        made = Scope(names, budget=scope.budget, extra_functions=scope.extra_functions, now=scope.fixed_now)
        made.zone = scope.zone
        return made

    def an_object(self, item: JSON) -> dict[str, JSON]:
        if not isinstance(item, dict):
            raise StepFault(f"{self.where} needs a list of objects and found {item!r:.60}.")
        return item

    def a_list(self, name: str) -> list[JSON]:
        """A field that must give a list."""
        value = self.context.value(self.operation[name])
        if not isinstance(value, list):
            raise self.fault(f"`{name}` must be a list.")
        return value

    def whole(self, name: str, low: int = 0) -> int:
        """A field that must give a whole number."""
        value = self.context.value(self.operation[name])
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            words = "that is not negative" if low == 0 else f"of at least {low}"
            raise self.fault(f"`{name}` must be a whole number {words}, not {value!r:.40}.")
        return value

    def fault(self, words: str) -> StepFault:
        return StepFault(f"{self.where}: {words}")

    def through(self, expression: str, **names: JSON) -> JSON:
        """A function of the expressions on values. Raises ValueError with its sentence."""
        scope = Scope(names, budget=TABLE_BUDGET, now=self.context.now)
        scope.zone = self.context.scope.zone
        try:
            return evaluate("{{ " + expression + " }}", scope)
        except ExpressionError as error:
            raise ValueError(error.message) from None


def path_in(item: JSON, path: str) -> JSON:
    """`a.b.0` inside an item; null where it ends early."""
    for part in path.split("."):
        if isinstance(item, dict):
            item = item.get(part)
        elif isinstance(item, list) and part.isdigit() and int(part) < len(item):
            item = item[int(part)]
        else:
            return None
    return item


def same(value: JSON) -> str:
    """A text that two values share exactly when they are equal as JSON (1 and 1.0 are)."""
    return jsontypes.dumps(_one_number(value), sort_keys=True)


def _one_number(value: JSON) -> JSON:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_one_number(part) for part in value]
    if isinstance(value, dict):
        return {key: _one_number(part) for key, part in value.items()}
    return value
