"""Evaluating, checking and reading the paths of fields that may hold expressions."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from automate.lib.expressions.compile_paths import Compiled
from automate.lib.expressions.compiler import compile_expression
from automate.lib.expressions.errors import BudgetExceeded, ExpressionError, ExpressionSyntaxError, Fault
from automate.lib.expressions.operators import concatenate
from automate.lib.expressions.registry import unknown_function
from automate.lib.expressions.scope import Finish, Run, Scope
from automate.lib.expressions.source import CLOSE, OPEN, Expression, split
from automate.lib.jsontypes import JSON

MAX_CACHED_TEXT = 5_000  # characters; longer fields are rare and would fill the memory of every worker
MAX_EXPRESSIONS = 500  # in one field; parsing takes about a millisecond each


@dataclass(frozen=True)
class Program:
    """A field ready to run. `single`: it is one expression, so that the value keeps its type."""

    parts: tuple[str | Compiled, ...]
    single: Compiled | None


def evaluate(value: JSON, scope: Scope) -> JSON:
    """Replace the expressions in all texts of `value`, at any depth; keys stay as they are.

    A text that is one expression (blanks around it aside) becomes its value with its type, any other text stays
    text. What comes out is never evaluated again. The budget of the scope covers the whole call.
    Raises ExpressionError with text, position and place of the field.
    """
    run = Run(scope)
    try:
        return _evaluated(value, run, Finish(run), 0)
    except RecursionError:
        raise BudgetExceeded("The expression or its data is nested too deeply.") from None


def check(text: str, extra_functions: Collection[str] = ()) -> list[Fault]:
    """What is wrong with a field without evaluating it: syntax, unknown functions, wrong numbers of arguments."""
    try:
        parts = split(text) if OPEN in text else []
    except ExpressionSyntaxError as error:
        return [Fault(error.message, error.position or 0)]
    faults: list[Fault] = []
    for part in parts:
        if isinstance(part, Expression):
            faults += _faults(part, extra_functions)
    return faults


def references(value: JSON) -> set[tuple[str, ...]]:
    """The paths the expressions of a text (or of all texts in a value) read, such as ("steps", "alert", "id").

    A path ends where a key is computed. Expressions that cannot be parsed are passed over; `check` reports them.
    """
    if isinstance(value, str):
        return _text_references(value)
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(references, members))


def has_expression(value: JSON) -> bool:
    """Whether `evaluate` would have anything to do."""
    if isinstance(value, str):
        return OPEN in value
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(has_expression, members))


def _faults(expression: Expression, extra_functions: Collection[str]) -> list[Fault]:
    try:
        compiled = compile_expression(expression)
    except ExpressionSyntaxError as error:
        return [Fault(error.message, expression.position if error.position is None else error.position)]
    return [
        Fault(unknown_function(name, list(extra_functions)), position)
        for name, position in compiled.foreign_calls
        if name not in extra_functions
    ]


def _text_references(text: str) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    try:
        parts = split(text) if OPEN in text else []
    except ExpressionSyntaxError:
        return found
    for part in parts:
        if isinstance(part, Expression):
            try:
                found |= compile_expression(part).references
            except ExpressionSyntaxError:
                continue
    return found


def _evaluated(value: JSON, run: Run, finish: Finish, level: int) -> JSON:
    if isinstance(value, str):
        if OPEN not in value:
            return value
        return _text(value, run, finish, level)
    if isinstance(value, dict):
        return {key: _member(item, key, run, finish, level) for key, item in value.items()}
    if isinstance(value, list):
        return [_member(item, at, run, finish, level) for at, item in enumerate(value)]
    return value


def _member(value: JSON, key: str | int, run: Run, finish: Finish, level: int) -> JSON:
    try:
        return _evaluated(value, run, finish, level + 1)
    except ExpressionError as error:
        error.place = (key, *error.place)
        raise


def _text(text: str, run: Run, finish: Finish, level: int) -> JSON:
    run.check_time()
    try:
        program = _program(text) if len(text) <= MAX_CACHED_TEXT else _compiled(text)
        if program.single is not None:
            result = _value(program.single, run)
        else:
            parts: list[JSON] = [
                part if isinstance(part, str) else _value(part, run) for part in program.parts
            ]
            result = concatenate(parts, run)
        finish.walk(result, level)
    except ExpressionError as error:
        error.text = text
        raise
    return result


def _value(compiled: Compiled, run: Run) -> JSON:
    try:
        return compiled.run(run)
    except ExpressionError as error:
        if error.position is None:
            error.position = compiled.position
        raise


def _compiled(text: str) -> Program:
    parts = split(text)
    expressions = [part for part in parts if isinstance(part, Expression)]
    if len(expressions) > MAX_EXPRESSIONS:
        raise ExpressionSyntaxError(
            f"The text holds more than {MAX_EXPRESSIONS} expressions between {OPEN} and {CLOSE}."
        )
    compiled = tuple(part if isinstance(part, str) else compile_expression(part) for part in parts)
    lone = len(expressions) == 1 and all(isinstance(part, Compiled) or part.isspace() for part in compiled)
    return Program(compiled, next(part for part in compiled if isinstance(part, Compiled)) if lone else None)


_program = lru_cache(maxsize=4096)(_compiled)
