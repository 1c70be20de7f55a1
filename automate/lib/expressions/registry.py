"""How a Python function becomes one that expressions can call: what it is called, and what its arguments must be."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias, TypeVar

from automate.lib.expressions.compare import as_number
from automate.lib.expressions.errors import ExpressionError, ExpressionSyntaxError, ExpressionTypeError
from automate.lib.expressions.moments import iso, parse_iso
from automate.lib.expressions.scope import Run
from automate.lib.expressions.suggest import did_you_mean, shortened
from automate.lib.expressions.values import a_kind, to_text
from automate.lib.jsontypes import JSON

Number: TypeAlias = int | float
Items: TypeAlias = list[JSON]
Object: TypeAlias = dict[str, JSON]
Lazy: TypeAlias = Callable[[], JSON]
T = TypeVar("T")

MAX_DECIMAL_EXPONENT = 300  # 10**300 is beyond any amount, and decimals of more digits only cost time


class Mismatch(Exception):
    """An argument is of the wrong kind; says what was wanted, as in `needs …`."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted


Converter: TypeAlias = Callable[[Any, Run], Any]
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
    except (ArithmeticError, ValueError, LookupError, TypeError, RecursionError) as error:
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
    convert = _as_is if lazy else CONVERTERS[found.annotation]
    return Parameter(found.name.rstrip("_"), convert, default, found.kind is inspect.Parameter.VAR_POSITIONAL)


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else (to_text(value) or "null")


def _as_is(value: JSON, run: Run) -> JSON:
    return value


def as_text(value: JSON, run: Run) -> str:
    """Text; numbers, true and false are written out, null is empty."""
    if isinstance(value, list | dict):
        raise Mismatch("text")
    return to_text(value)


def as_number_strict(value: JSON, run: Run) -> Number:
    """A number, or text that spells one."""
    number = as_number(value)
    if number is None:
        raise Mismatch("a number")
    return number


def as_whole(value: JSON, run: Run) -> int:
    """A number without a fraction."""
    number = as_number(value)
    if number is None or number != number // 1:
        raise Mismatch("a whole number")
    return int(number)


def as_boolean(value: JSON, run: Run) -> bool:
    """True or false and nothing else."""
    if not isinstance(value, bool):
        raise Mismatch("true or false")
    return value


def as_items(value: JSON, run: Run) -> Items:
    """A list; null counts as an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Mismatch("a list")
    return value


def as_object(value: JSON, run: Run) -> Object:
    """An object; null counts as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Mismatch("an object")
    return value


def as_decimal(value: JSON, run: Run) -> Decimal:
    """A number as the decimal that was written, so that 0.1 is one tenth."""
    number = as_number(value)
    if number is None:
        raise Mismatch("a number")
    exact = Decimal(value.strip() if isinstance(value, str) else repr(number))
    if abs(exact.adjusted()) > MAX_DECIMAL_EXPONENT or len(exact.as_tuple().digits) > MAX_DECIMAL_EXPONENT:
        raise Mismatch("a number of fewer digits")
    return exact


def as_moment(value: JSON, run: Run) -> datetime:
    """A date: ISO text, the form used in mails, or seconds (or milliseconds) since 1970."""
    if isinstance(value, str):
        moment = parse_iso(value.strip(), run.scope.zone) or _mail_date(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        moment = _from_seconds(value / 1000 if abs(value) >= 1e11 else value)
    else:
        moment = None
    if moment is None:
        raise Mismatch("a date like 2026-11-20 or 2026-11-20T10:30:00Z")
    return moment


def _mail_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text[:60])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _from_seconds(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _optional(convert: Converter) -> Converter:
    return lambda value, run: None if value is None else convert(value, run)


CONVERTERS: dict[object, Converter] = {
    JSON: _as_is,
    str: as_text,
    int: as_whole,
    Number: as_number_strict,
    bool: as_boolean,
    Items: as_items,
    Object: as_object,
    Decimal: as_decimal,
    datetime: as_moment,
    str | None: _optional(as_text),
    int | None: _optional(as_whole),
    Items | None: _optional(as_items),
    Number | None: _optional(as_number_strict),
}
