"""Whether a condition holds: an expression, or all/any/not of comparisons."""

from typing import Any

from automate.lib.expressions import OPERATORS, Scope, UnknownName, compare, evaluate
from automate.lib.jsontypes import JSON
from workflows.engine.errors import ConditionError


def holds(when: JSON, scope: Scope) -> bool:
    """An expression holds unless it gives null, false, 0, "", [] or {}. Groups stop at the first part that decides.

    Raises ExpressionError, or ConditionError for what is not a condition.
    """
    if not isinstance(when, dict):
        return bool(evaluate(when, scope))
    if "not" in when:
        return not holds(when["not"], scope)
    for group, judge in (("all", all), ("any", any)):
        if group in when:
            parts = when[group]
            if not isinstance(parts, list):
                raise ConditionError(f"`{group}` needs a list of conditions.")
            return judge(holds(part, scope) for part in parts)
    return _compare(when, scope)


def _compare(part: dict[str, JSON], scope: Scope) -> bool:
    op = part.get("op")
    if not isinstance(op, str) or "left" not in part:
        raise ConditionError("A comparison needs `left` and `op`, and most need `right`.")
    known = OPERATORS.get(op)
    try:
        left = evaluate(part["left"], scope)
    except UnknownName:
        if known is None or not known.allows_missing:
            raise
        left = None
    right = evaluate(part.get("right"), scope) if known is None or known.arity > 1 else None
    return compare(op, left, right, zone=scope.zone)


def case_holds(case: dict[str, Any], value: JSON, scope: Scope) -> bool:
    """Whether a case of a condition step holds: its `when`, or in the short form its `equals` against `value`.

    `value` is evaluated already. Raises what `holds` raises.
    """
    if "equals" in case:
        return compare("equals", value, evaluate(case["equals"], scope))
    return holds(case.get("when"), scope)
