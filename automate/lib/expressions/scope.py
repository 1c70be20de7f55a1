"""What an expression can see, how much it may cost, and the state of one evaluation."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol, TypeAlias, runtime_checkable

from automate.lib import clock
from automate.lib.expressions.errors import BudgetExceeded, ExpressionTypeError, UnknownName
from automate.lib.expressions.moments import zone_named
from automate.lib.expressions.suggest import did_you_mean, listed
from automate.lib.jsontypes import JSON, MAX_INT_BITS, text_fault


@runtime_checkable
class Namespace(Protocol):
    """A name whose members are looked up one by one, such as `steps`.

    `get_member` returns JSON or another namespace and raises KeyError when there is none; `describe_missing` then
    gives the sentence. An optional `as_value() -> JSON` is what the name stands for when used as a value itself.
    """

    def get_member(self, key: str) -> object: ...

    def describe_missing(self, key: str) -> str: ...


Resolver: TypeAlias = Namespace | Callable[[], JSON]
Plain = (str, int, float, bool, type(None), list, dict)
PLAIN_TYPES = frozenset(Plain)


@dataclass(frozen=True)
class Budget:
    """What one call of `evaluate` may use. Text is counted in bytes of memory, items in elements of lists, time in seconds
    that the thread worked: one that stands still, or waits for its turn on a busy machine, uses none."""

    max_steps: int = 2_000_000
    max_text_bytes: int = 16 * 1024 * 1024
    max_items: int = 1_000_000
    max_depth: int = 64
    time_s: float = 2.0


DEFAULT_BUDGET = Budget()


class Scope:
    """The names and functions an expression may use.

    A name stands for a JSON value, a `Namespace`, or a function without arguments that gives the value when asked.
    Dates without an offset are read, and dates are shown, in `time_zone`; `now` fixes the current moment.
    """

    __slots__ = ("budget", "extra_functions", "fixed_now", "names", "zone")

    def __init__(
        self,
        names: Mapping[str, JSON | Resolver],
        *,
        budget: Budget | None = None,
        extra_functions: Mapping[str, Callable[..., JSON]] | None = None,
        now: datetime | None = None,
        time_zone: str = "UTC",
    ) -> None:
        self.names = names
        self.budget = budget or DEFAULT_BUDGET
        self.extra_functions = extra_functions or {}
        self.fixed_now = now
        self.zone: tzinfo = zone_named(time_zone)


class Run:
    """One evaluation: its scope, and what is left of its budget."""

    __slots__ = (
        "_began_s", "_deadline", "_look_at", "_now", "budget", "items_made", "scope", "steps", "text_made",
    )  # fmt: skip

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.budget = scope.budget
        self.steps = 0
        self.items_made = 0
        self.text_made = 0
        self._look_at = 1000
        self._deadline = clock.monotonic() + scope.budget.time_s  # not before: cheaper to look at
        self._began_s = time.thread_time()
        self._now: datetime | None = None

    @property
    def now(self) -> datetime:
        """The current moment, the same throughout the evaluation."""
        if self._now is None:
            self._now = self.scope.fixed_now or clock.now()
        return self._now

    def named(self, name: str) -> object:
        """What `name` stands for: JSON or a `Namespace`. Raises UnknownName."""
        try:
            value = self.scope.names[name]
        except KeyError:
            raise UnknownName(lambda: _unknown_root(name, self.scope.names)) from None
        return value() if callable(value) else value

    def spend(self, steps: int = 1) -> None:
        """Count work; raises BudgetExceeded when there was too much of it or it took too long."""
        self.steps += steps
        if self.steps >= self._look_at:
            self._look_at = self.steps + 1000
            if self.steps > self.budget.max_steps:
                raise BudgetExceeded(
                    f"The expression needs more than {self.budget.max_steps:,} steps. Work on less data at once."
                )
            self.check_time()

    def check_time(self) -> None:
        """Raises BudgetExceeded once the time is up."""
        if clock.monotonic() > self._deadline and time.thread_time() - self._began_s > self.budget.time_s:
            raise BudgetExceeded(
                f"The expression took longer than {self.budget.time_s:g} seconds. Work on less data at once."
            )

    def each(self, items: list[JSON]) -> Iterator[JSON]:
        """The elements, with an eye on the clock; for loops whose rounds may be slow."""
        for item in items:
            self.spend()
            self.check_time()
            yield item

    def room_for_text(self, length: int, widest: int = 1) -> None:
        """Call before making a text of about `length` characters of up to `widest` bytes."""
        if length * widest > self.budget.max_text_bytes:
            raise BudgetExceeded(_too_much_text(self.budget))

    def room_for_items(self, count: int) -> None:
        """Call before making `count` new elements; they count as made."""
        self.items_made += count
        if self.items_made > self.budget.max_items:
            raise BudgetExceeded(
                f"The expression makes lists of more than {self.budget.max_items:,} elements. Work on less data at once."
            )
        self.spend(count)

    def made(self, value: JSON) -> JSON:
        """Count a value just made by a function or an operator, and return it."""
        if type(value) is str:
            size = text_bytes(value)
            self.text_made += size
            if size > self.budget.max_text_bytes or self.text_made > 4 * self.budget.max_text_bytes:
                raise BudgetExceeded(_too_much_text(self.budget))
        elif type(value) is list or type(value) is dict:
            self.spend(len(value))
        elif type(value) is int:
            check_integer(value)
        return value

    def measure(self, value: JSON) -> int:
        """About how many characters `value` takes as JSON; raises BudgetExceeded when that is too many."""
        return _Measure(self).walk(value, 0)


class _Measure:
    """Walks a value that may share parts with itself, so that a small one can stand for an endless text."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.budget = run.budget
        self.nodes = 0
        self.size = 0

    def walk(self, value: object, level: int) -> int:
        self._count(value, level)
        if type(value) is list:
            for item in value:
                self.walk(item, level + 1)
        elif type(value) is dict:
            for key, item in value.items():
                self._count(key, level)
                self.walk(item, level + 1)
        return self.size

    def _count(self, value: object, level: int) -> None:
        self.nodes += 1
        self.size += text_bytes(value) + 3 if isinstance(value, str) else 6
        if type(value) is int and value > 999_999:
            self.size += value.bit_length() // 3
        if self.size > self.budget.max_text_bytes:
            raise BudgetExceeded(_too_much_text(self.budget))
        if self.nodes % 4096 == 0:
            self.run.check_time()
        if self.nodes > self.budget.max_items:
            raise BudgetExceeded(
                f"The value has more than {self.budget.max_items:,} parts. Work on less data at once."
            )
        if level > self.budget.max_depth:
            raise BudgetExceeded(f"The value is nested more than {self.budget.max_depth} levels deep.")


class Finish(_Measure):
    """Proves that a result is JSON within the budget; one object counts over all parts of a larger result."""

    def _count(self, value: object, level: int) -> None:
        super()._count(value, level)
        if type(value) is str:
            fault = text_fault(value)
            if fault:
                raise ExpressionTypeError(f"The result cannot be stored: {fault}")
        elif type(value) is int:
            check_integer(value)
        elif type(value) is float:
            check_fraction(value)
        elif type(value) not in PLAIN_TYPES:
            raise ExpressionTypeError(f"The result holds a {type(value).__name__}, which is not data.")


def text_bytes(text: str) -> int:
    """Memory a text takes, at most."""
    return len(text) if text.isascii() else 4 * len(text)


def check_integer(value: int) -> None:
    """Raises ExpressionTypeError for integers that could not be written down."""
    if value.bit_length() > MAX_INT_BITS:
        raise ExpressionTypeError("The result is an integer of more than 4,300 digits, which is too large.")


def check_fraction(value: float) -> None:
    """Raises ExpressionTypeError for NaN and infinity."""
    if value - value != 0:
        raise ExpressionTypeError("The result is not a number that can be stored (infinite or undefined).")


def _too_much_text(budget: Budget) -> str:
    return f"The expression makes more than {budget.max_text_bytes / 2**20:g} MB of text. Work on less data at once."


def _unknown_root(name: str, names: Mapping[str, object]) -> str:
    known = f"Here you can use {listed(names)}." if names else "There are no names to use here."
    return f"`{name}` does not exist. {known}{did_you_mean(name, names)}"
