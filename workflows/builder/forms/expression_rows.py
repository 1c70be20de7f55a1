"""An expression that only compares, read as the same condition in rows: `{{ a > 5 and b == "x" }}`. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from jinja2 import nodes

from automate.lib.expressions import ExpressionSyntaxError
from automate.lib.expressions.source import Expression, parse, split

COMPARED: Final = {"eq": "equals", "ne": "not_equals", "gt": "greater_than", "gteq": "at_least", "lt": "less_than",
                   "lteq": "at_most"}  # fmt: skip
_ABSENT: Final = object()


def from_expression(text: str) -> dict[str, Any] | None:
    """The condition in the form of conditions; None where the expression does more than compare paths with values."""
    try:
        parts = split(text.strip())
        if len(parts) != 1 or not isinstance(parts[0], Expression):
            return None
        return _condition(parse(parts[0]))
    except ExpressionSyntaxError:
        return None


def _condition(node: nodes.Expr) -> dict[str, Any] | None:
    if isinstance(node, (nodes.And, nodes.Or)):
        kind = type(node)
        parts = [_condition(part) for part in _flat(node, kind)]
        return None if None in parts else {"all" if kind is nodes.And else "any": parts}
    if isinstance(node, nodes.Not):
        inner = _condition(node.node)
        return None if inner is None else {"not": inner}
    return _comparison(node) if isinstance(node, nodes.Compare) else None


def _flat(node: nodes.Expr, kind: type) -> Iterator[nodes.Expr]:
    if isinstance(node, kind) and isinstance(node, nodes.BinExpr):
        yield from _flat(node.left, kind)
        yield from _flat(node.right, kind)
    else:
        yield node


def _comparison(node: nodes.Compare) -> dict[str, Any] | None:
    if len(node.ops) != 1 or node.ops[0].op not in COMPARED:
        return None
    left, right = _side(node.expr), _side(node.ops[0].expr)
    if left is _ABSENT or right is _ABSENT:
        return None
    return {"left": left, "op": COMPARED[node.ops[0].op], "right": right}


def _side(node: nodes.Expr) -> Any:
    """A fixed value, or the expression of a path."""
    if (
        isinstance(node, nodes.Neg)
        and isinstance(node.node, nodes.Const)
        and type(node.node.value) in (int, float)
    ):
        return -node.node.value
    if isinstance(node, nodes.Const):
        fixed = node.value
        return _ABSENT if isinstance(fixed, str) and "{{" in fixed else fixed
    path = _path(node)
    return _ABSENT if path is None else "{{ " + path + " }}"


def _path(node: nodes.Expr) -> str | None:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        inner = _path(node.node)
        return None if inner is None else f"{inner}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        inner = _path(node.node)
        return None if inner is None else f"{inner}[{json.dumps(node.arg.value, ensure_ascii=False)}]"
    if isinstance(node, nodes.Filter) and node.node is not None and not (node.args or node.kwargs):
        inner = _path(node.node)
        return None if inner is None else f"{inner} | {node.name}"
    return None
