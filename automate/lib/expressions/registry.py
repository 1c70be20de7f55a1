"""How a Python function becomes one that expressions can call: what it is called, and what its arguments must be."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from automate.lib.expressions.converters import CONVERTERS, Converter, Mismatch, as_is
from automate.lib.expressions.errors import ExpressionError, ExpressionSyntaxError, ExpressionTypeError
from automate.lib.expressions.moments import iso
from automate.lib.expressions.scope import Run
from automate.lib.expressions.suggest import did_you_mean, shortened
from automate.lib.expressions.values import a_kind, to_text
from automate.lib.jsontypes import JSON

Lazy: TypeAlias = Callable[[], JSON]
T = TypeVar("T")

REQUIRED = object()


@dataclass(frozen=True)
class Parameter:
    """One parameter; `many` takes all further arguments."""

    name: str
    convert: Converter
    default: object
    many: bool

    def __str__(self) -> str:
        if self.many:
            return f"{self.name}…"
        if self.default is REQUIRED:
            return self.name
        return f"{self.name}={_literal(self.default)}"


@dataclass(frozen=True)
class FunctionInfo:
    """A function as the editor shows it. `x | name(y)` and `name(x, y)` are the same."""

    name: str
    group: str
    signature: str
    help: str
    example: str
    result: JSON
    aliases: tuple[str, ...]
    parameters: tuple[Parameter, ...] = field(repr=False)
    body: Callable[..., Any] = field(repr=False)
    takes_run: bool = field(repr=False)
    lazy: bool = field(repr=False)


FUNCTIONS: dict[str, FunctionInfo] = {}
ALIASES: dict[str, str] = {}
Body = TypeVar("Body", bound=Callable[..., Any])


def function(
    group: str, example: str, result: JSON, *, aliases: tuple[str, ...] = (), lazy: bool = False
) -> Callable[[Body], Body]:
    """Register a function under its own name (a trailing _ dropped); its docstring is its help.

    Annotations decide how arguments are checked and converted. A first parameter `run: Run` is not for the user.
    The body of a `lazy` function gets each argument as a function without arguments.
    """

    def register(body: Body) -> Body:
        parameters = list(inspect.signature(body).parameters.values())
        takes_run = bool(parameters) and parameters[0].annotation is Run
        known = tuple(_parameter(found, lazy) for found in parameters[takes_run:])
        name = body.__name__.rstrip("_")
        signature = f"{name}({', '.join(map(str, known))})"
        summary = inspect.getdoc(body) or ""
        FUNCTIONS[name] = FunctionInfo(
            name, group, signature, summary, example, result, aliases, known, body, takes_run, lazy
        )
        ALIASES.update(dict.fromkeys(aliases, name))
        return body

    return register


def find(name: str) -> FunctionInfo | None:
    """The function of that name or alias."""
    return FUNCTIONS.get(name) or FUNCTIONS.get(ALIASES.get(name, ""))


def unknown_function(name: str, extra: Sequence[str] = ()) -> str:
    """The sentence about a function that does not exist."""
    return f"There is no function `{shortened(name)}`.{did_you_mean(name, [*extra, *FUNCTIONS, *ALIASES])}"


def arrange(
    info: FunctionInfo, positional: Sequence[T], named: Mapping[str, T]
) -> list[tuple[Parameter, T | None]]:
    """Pair each argument with its parameter, in order; None where the default serves.

    Raises ExpressionSyntaxError when there are too many, too few, or unknown ones.
    """
    pairs: list[tuple[Parameter, T | None]] = []
    waiting = dict(named)
    for at, parameter in enumerate(info.parameters):
        if parameter.many:
            pairs += [(parameter, value) for value in positional[at:]]
        elif at < len(positional):
            pairs.append((parameter, positional[at]))
        elif parameter.name in waiting:
            pairs.append((parameter, waiting.pop(parameter.name)))
        elif parameter.default is REQUIRED:
            raise ExpressionSyntaxError(f"`{info.name}` needs `{parameter.name}`: {info.signature}.")
        else:
            pairs.append((parameter, None))
    if waiting:
        raise ExpressionSyntaxError(
            f"`{info.name}` takes no further `{shortened(next(iter(waiting)))}`: {info.signature}."
        )
    if len(positional) > len(info.parameters) and not (info.parameters and info.parameters[-1].many):
        raise ExpressionSyntaxError(
            f"`{info.name}` takes at most {len(info.parameters)} values: {info.signature}."
        )
    return pairs


def invoke(info: FunctionInfo, run: Run, pairs: Sequence[tuple[Parameter, Lazy | None]]) -> JSON:
    """Call the function on arranged arguments. Raises ExpressionError and nothing else."""
    run.spend()
    run.check_time()
    arguments: list[object] = [run] if info.takes_run else []
    for parameter, value in pairs:
        if value is None:
            arguments.append(parameter.default)
        elif info.lazy:
            arguments.append(value)
        else:
            arguments.append(_converted(info, parameter, value(), run))
    try:
        made = info.body(*arguments)
    except ExpressionError:
        raise
    except Mismatch as mismatch:
        raise ExpressionTypeError(f"`{info.name}` needs {mismatch.wanted}: {info.signature}.") from None
    except ArithmeticError as error:
        raise ExpressionTypeError(
            f"`{info.name}` was given, or makes, a number that is too large."
        ) from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ExpressionTypeError(
            f"`{info.name}` cannot work with these values: {info.signature}."
        ) from error
    return run.made(iso(made) if isinstance(made, datetime) else made)


def _converted(info: FunctionInfo, parameter: Parameter, value: JSON, run: Run) -> object:
    try:
        return parameter.convert(value, run)
    except Mismatch as mismatch:
        role = "" if parameter is info.parameters[0] else f" for `{parameter.name}`"
        raise ExpressionTypeError(
            f"`{info.name}` needs {mismatch.wanted}{role}, but was given {a_kind(value)}."
        ) from None


def _parameter(found: inspect.Parameter, lazy: bool) -> Parameter:
    default = REQUIRED if found.default is inspect.Parameter.empty else found.default
    convert = as_is if lazy else CONVERTERS[found.annotation]
    return Parameter(found.name.rstrip("_"), convert, default, found.kind is inspect.Parameter.VAR_POSITIONAL)


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else (to_text(value) or "null")
