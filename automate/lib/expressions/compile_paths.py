"""The part of the compiler that follows paths: names, members, slices, and whether something is defined."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from jinja2 import nodes

from automate.lib.expressions.errors import ExpressionSyntaxError, ExpressionTypeError, UnknownName
from automate.lib.expressions.paths import Key, as_plain, look_up, member, path_text
from automate.lib.expressions.scope import Run, check_fraction, check_integer
from automate.lib.expressions.source import Expression
from automate.lib.expressions.suggest import shortened
from automate.lib.expressions.values import a_kind
from automate.lib.jsontypes import JSON, text_fault

Closure: TypeAlias = Callable[[Run], JSON]
Getter: TypeAlias = Callable[[Run], object]
MAX_NESTING = 150  # nodes inside nodes; each costs a few Python frames of the 1,000 there are


@dataclass
class Compiled:
    """One expression ready to run, the paths it reads, and calls that only the scope can resolve."""

    run: Closure
    position: int
    references: set[tuple[str, ...]] = field(default_factory=set)
    foreign_calls: list[tuple[str, int]] = field(default_factory=list)


def static_path(node: nodes.Node) -> tuple[str, tuple[Key, ...]] | None:
    """Name and keys of a path whose keys are all written out; None for everything else."""
    keys: list[Key] = []
    while not isinstance(node, nodes.Name):
        if isinstance(node, nodes.Getattr):
            keys.append(node.attr)
        elif (
            isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and _is_key(node.arg.value)
        ):
            keys.append(node.arg.value)
        else:
            return None
        node = node.node
    return (node.name, tuple(reversed(keys))) if node.name != "null" else None


def _is_key(value: object) -> bool:
    return type(value) is str or type(value) is int


class PathCompiler(ABC):
    """Compiles paths of one expression; `depth` guards Python's stack. Everything else is up to `rule`."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self.depth = 0
        self.result = Compiled(lambda run: None, expression.position)

    @abstractmethod
    def rule(self, node: nodes.Node) -> Closure:
        """Compile one node by its type. Raises ExpressionSyntaxError for types that are not allowed."""

    def compile(self, node: nodes.Node) -> Closure:
        """A function that computes the node's value."""
        self._descend()
        closure = self.rule(node)
        self.depth -= 1
        return closure

    def _descend(self) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self.fault("The expression is nested too deeply.")

    def fault(self, message: str, near: str = "") -> ExpressionSyntaxError:
        return ExpressionSyntaxError(message, position=self.position_of(near))

    def position_of(self, word: str) -> int:
        found = re.search(rf"\b{re.escape(word)}\b", self.expression.source) if word else None
        return self.expression.position + (2 + found.start() if found else 0)

    def const(self, node: nodes.Const) -> Closure:
        value: JSON = node.value
        self.check_constant(value)
        return lambda run: value

    def check_constant(self, value: JSON) -> None:
        if isinstance(value, str) and text_fault(value):
            raise self.fault(f"A text in the expression cannot be used: {text_fault(value)}")
        try:
            if type(value) is int:
                check_integer(value)
            elif type(value) is float:
                check_fraction(value)
        except ExpressionTypeError:
            raise self.fault("The expression holds a number that is too large.") from None

    def path(self, node: nodes.Name | nodes.Getattr | nodes.Getitem) -> Closure:
        if isinstance(node, nodes.Name) and node.name == "null":
            return lambda run: None
        base = self.base(node)
        return lambda run: as_plain(base(run), lambda: self.written(node))

    def base(self, node: nodes.Node) -> Getter:
        """As `compile`, but namespaces stay what they are, so that a member can be taken from them."""
        path = static_path(node)
        if path is not None:
            name, keys = self.noted(path)
            return lambda run: look_up(run, name, keys)
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
            return self.slice(node.node, node.arg)
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            base, key = self.member_parts(node)
            return lambda run: member(base(run), key(run), lambda: self.written(node.node))
        return self.compile(node)

    def noted(self, path: tuple[str, tuple[Key, ...]]) -> tuple[str, tuple[Key, ...]]:
        """The same path, its keys checked, remembered as one that the expression reads."""
        name, keys = path
        for key in keys:
            self.check_constant(key)
        self.result.references.add((name, *map(str, keys)))
        return path

    def member_parts(self, node: nodes.Getattr | nodes.Getitem) -> tuple[Getter, Getter]:
        """What gives the value that a member is taken from, and what gives the member's key."""
        self._descend()
        base = self.base(node.node)
        self.depth -= 1
        if isinstance(node, nodes.Getattr):
            return base, lambda run: node.attr
        return base, self.compile(node.arg)

    def written(self, node: nodes.Node) -> str:
        """The node as the user wrote it, as far as a message needs it."""
        path = static_path(node)
        if path is not None:
            return path_text(*path)
        if isinstance(node, nodes.Getattr):
            return f"{self.written(node.node)}.{shortened(node.attr)}"
        return f"{self.written(node.node)}[…]" if isinstance(node, nodes.Getitem) else "(…)"

    def slice(self, base_node: nodes.Node, part: nodes.Slice) -> Closure:
        base = self.compile(base_node)
        bounds = [self.compile(bound) if bound else None for bound in (part.start, part.stop, part.step)]

        def cut(run: Run) -> JSON:
            value = base(run)
            start, stop, step = (_bound(bound(run)) if bound else None for bound in bounds)
            if value is None:
                return None
            if not isinstance(value, str | list):
                raise ExpressionTypeError(f"Only text and lists can be cut with [a:b], not {a_kind(value)}.")
            if step == 0:
                raise ExpressionTypeError("The step of [a:b:step] cannot be zero.")
            return run.made(value[start:stop:step])

        return cut

    def defined(self, node: nodes.Node) -> Callable[[Run], bool]:
        """True when the node really leads to something; a path into null does not."""
        value = self._known(node)

        def holds(run: Run) -> bool:
            try:
                return value(run)
            except UnknownName:
                return False

        return holds

    def _known(self, node: nodes.Node) -> Callable[[Run], bool]:
        """As `defined`, but a missing name is still an error."""
        path = static_path(node)
        if path is not None and path[1]:
            name, keys = self.noted(path)
            last = keys[-1]
            return lambda run: _has(look_up(run, name, keys[:-1]), last)
        if isinstance(node, nodes.Getattr | nodes.Getitem) and not isinstance(
            getattr(node, "arg", None), nodes.Slice
        ):
            base, key = self.member_parts(node)
            return lambda run: _has(base(run), key(run))
        value = self.base(node)

        def known(run: Run) -> bool:
            value(run)
            return True

        return known


def _has(base: object, key: object) -> bool:
    if base is None:
        return False
    member(base, key, lambda: "")
    return True


def _bound(value: JSON) -> int | None:
    if value is None or type(value) is int:
        return value
    raise ExpressionTypeError(f"The bounds of [a:b] are whole numbers, not {a_kind(value)}.")
