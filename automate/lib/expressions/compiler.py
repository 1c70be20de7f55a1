"""From Jinja2's syntax tree to closures: a white list of nodes, each turned into a small Python function once.

The closures only ever touch JSON values through `paths`, `operators`, `compare` and the function registry, so no
Python attribute of a value can be reached; a node that is not listed here is refused.
"""

from collections.abc import Callable
from typing import Any

from jinja2 import nodes

from automate.lib.expressions import operators
from automate.lib.expressions.compare import compare
from automate.lib.expressions.compile_paths import Closure, Compiled, PathCompiler
from automate.lib.expressions.errors import ExpressionSyntaxError, ExpressionTypeError
from automate.lib.expressions.is_tests import TESTS, unknown_test
from automate.lib.expressions.registry import (
    FunctionInfo,
    Lazy,
    Parameter,
    arrange,
    find,
    invoke,
    unknown_function,
)
from automate.lib.expressions.scope import Run
from automate.lib.expressions.source import Expression, parse
from automate.lib.expressions.values import a_kind, to_text
from automate.lib.jsontypes import JSON

_ARITHMETIC: dict[type[nodes.BinExpr], Callable[[JSON, JSON, Run], JSON]] = {
    nodes.Add: operators.guarded(operators.add),
    nodes.Sub: operators.guarded(operators.subtract),
    nodes.Mul: operators.guarded(operators.multiply),
    nodes.Div: operators.guarded(operators.divide),
    nodes.FloorDiv: operators.guarded(operators.divide_down),
    nodes.Mod: operators.guarded(operators.modulo),
    nodes.Pow: operators.guarded(operators.power),
}
_COMPARISONS = {
    "eq": "equals",
    "ne": "not_equals",
    "gt": "greater_than",
    "gteq": "at_least",
    "lt": "less_than",
    "lteq": "at_most",
    "in": "in",
    "notin": "not_in",
}


def compile_expression(expression: Expression) -> Compiled:
    """Parse and compile. Raises ExpressionSyntaxError with a position in the field."""
    compiler = _Compiler(expression)
    compiler.result.run = compiler.compile(parse(expression))
    return compiler.result


class _Compiler(PathCompiler):
    """Compiles all nodes but paths."""

    def rule(self, node: nodes.Node) -> Closure:
        rule = _RULES.get(type(node))
        if rule is None:
            raise self.fault(f"This cannot be used in expressions ({type(node).__name__}).")
        return rule(self, node)

    def items(self, node: nodes.List | nodes.Tuple) -> Closure:
        parts = [self.compile(item) for item in node.items]
        return lambda run: [part(run) for part in parts]

    def object(self, node: nodes.Dict) -> Closure:
        pairs = [(self.compile(pair.key), self.compile(pair.value)) for pair in node.items]
        return lambda run: {_object_key(key(run)): value(run) for key, value in pairs}

    def arithmetic(self, node: nodes.BinExpr) -> Closure:
        operator = _ARITHMETIC[type(node)]
        left, right = self.compile(node.left), self.compile(node.right)
        return lambda run: operator(left(run), right(run), run)

    def minus(self, node: nodes.Neg) -> Closure:
        value = self.compile(node.node)
        return lambda run: operators.negative(value(run), run)

    def plus(self, node: nodes.Pos) -> Closure:
        value = self.compile(node.node)
        return lambda run: operators.positive(value(run), run)

    def concat(self, node: nodes.Concat) -> Closure:
        parts = [self.compile(part) for part in node.nodes]
        return lambda run: operators.concatenate([part(run) for part in parts], run)

    def both(self, node: nodes.And) -> Closure:
        left, right = self.compile(node.left), self.compile(node.right)
        return lambda run: left(run) and right(run)

    def either(self, node: nodes.Or) -> Closure:
        left, right = self.compile(node.left), self.compile(node.right)
        return lambda run: left(run) or right(run)

    def negate(self, node: nodes.Not) -> Closure:
        value = self.compile(node.node)
        return lambda run: not value(run)

    def condition(self, node: nodes.CondExpr) -> Closure:
        test, yes = self.compile(node.test), self.compile(node.expr1)
        no = self.compile(node.expr2) if node.expr2 is not None else None
        return lambda run: yes(run) if test(run) else no(run) if no else None

    def compare(self, node: nodes.Compare) -> Closure:
        first = self.compile(node.expr)
        rest = [(_COMPARISONS[operand.op], self.compile(operand.expr)) for operand in node.ops]

        def holds(run: Run) -> bool:
            left = first(run)
            for op, closure in rest:
                right = closure(run)
                run.spend(len(right) if isinstance(right, list) else 1)
                if not compare(op, left, right, zone=run.scope.zone):
                    return False
                left = right
            return True

        return holds

    def test(self, node: nodes.Test) -> Closure:
        if node.name in ("defined", "undefined"):
            defined = self.defined(node.node)
            return defined if node.name == "defined" else lambda run: not defined(run)
        known = TESTS.get(node.name)
        if known is None:
            raise self.fault(unknown_test(node.name), node.name)
        closures = [self.compile(part) for part in (node.node, *(node.args or ()))]
        if node.kwargs or node.dyn_args or node.dyn_kwargs or len(closures) != known.arity:
            raise self.fault(f"`is {node.name}` takes {known.arity - 1} values.", node.name)
        return lambda run: known.holds(*[closure(run) for closure in closures])

    def filter(self, node: nodes.Filter) -> Closure:
        if node.node is None:
            raise self.fault("A filter needs a value before the `|`.")
        return self.call_of(node.name, [node.node, *node.args], node)

    def call(self, node: nodes.Call) -> Closure:
        called = node.node
        if isinstance(called, nodes.Name):
            return self.call_of(called.name, list(node.args), node)
        if isinstance(called, nodes.Getattr):
            advice = (
                f"Values have no methods: write `value | {called.attr}` instead of `value.{called.attr}()`."
            )
            raise self.fault(advice if find(called.attr) else unknown_function(called.attr), called.attr)
        raise self.fault("Only functions can be called, by their name.")

    def call_of(self, name: str, arguments: list[nodes.Expr], node: nodes.Filter | nodes.Call) -> Closure:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise self.fault("Arguments cannot be given with * or **.", name)
        positional = [self.compile(argument) for argument in arguments]
        named = {str(pair.key): self.compile(pair.value) for pair in node.kwargs}
        info = find(name)
        if info is None:
            return self.foreign_call(name, positional, named)
        try:
            pairs = arrange(info, positional, named)
        except ExpressionSyntaxError as error:
            raise self.fault(error.message, name) from None
        return _call(info, pairs)

    def foreign_call(self, name: str, positional: list[Closure], named: dict[str, Closure]) -> Closure:
        self.result.foreign_calls.append((name, self.position_of(name)))

        def call(run: Run) -> JSON:
            extra = run.scope.extra_functions.get(name)
            if extra is None:
                raise ExpressionSyntaxError(unknown_function(name, list(run.scope.extra_functions)))
            run.spend()
            values = [closure(run) for closure in positional]
            options = {key: closure(run) for key, closure in named.items()}
            try:
                return run.made(extra(*values, **options))
            except (TypeError, ValueError) as error:
                raise ExpressionTypeError(f"`{name}` cannot work with the values it was given.") from error

        return call


def _call(info: FunctionInfo, pairs: list[tuple[Parameter, Closure | None]]) -> Closure:
    return lambda run: invoke(info, run, [(known, _later(closure, run)) for known, closure in pairs])


def _later(closure: Closure | None, run: Run) -> Lazy | None:
    return None if closure is None else lambda: closure(run)


def _object_key(value: JSON) -> str:
    if isinstance(value, list | dict | bool) or value is None:
        raise ExpressionTypeError(f"The keys of an object are text, not {a_kind(value)}.")
    return to_text(value)


_RULES: dict[type[nodes.Node], Callable[[_Compiler, Any], Closure]] = {
    nodes.Const: _Compiler.const,
    nodes.Name: _Compiler.path,
    nodes.Getattr: _Compiler.path,
    nodes.Getitem: _Compiler.path,
    nodes.List: _Compiler.items,
    nodes.Tuple: _Compiler.items,
    nodes.Dict: _Compiler.object,
    **dict.fromkeys(_ARITHMETIC, _Compiler.arithmetic),
    nodes.Neg: _Compiler.minus,
    nodes.Pos: _Compiler.plus,
    nodes.Concat: _Compiler.concat,
    nodes.And: _Compiler.both,
    nodes.Or: _Compiler.either,
    nodes.Not: _Compiler.negate,
    nodes.CondExpr: _Compiler.condition,
    nodes.Compare: _Compiler.compare,
    nodes.Test: _Compiler.test,
    nodes.Filter: _Compiler.filter,
    nodes.Call: _Compiler.call,
}
