"""What can be wrong with an expression. Every message is a sentence a person can act on."""

from collections.abc import Callable
from dataclasses import dataclass


class ExpressionError(Exception):
    """`text` is the field's text, `position` the offset in it, `place` the keys that lead to the field."""

    def __init__(
        self, message: str | Callable[[], str], *, text: str | None = None, position: int | None = None
    ) -> None:
        super().__init__()
        self._message = message
        self.text = text
        self.position = position
        self.place: tuple[str | int, ...] = ()

    @property
    def message(self) -> str:
        """The sentence; made on first use, because many missing names are caught by `default`."""
        if not isinstance(self._message, str):
            self._message = self._message()
        return self._message

    @property
    def where(self) -> str:
        """`place` as a path like `json.lines[0].sku`; empty for a lone text."""
        return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.place).removeprefix(".")

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.message, self.text, self.position, self.place)


def _restored(
    kind: type[ExpressionError],
    message: str,
    text: str | None,
    position: int | None,
    place: tuple[str | int, ...],
) -> ExpressionError:
    error = kind(message, text=text, position=position)
    error.place = place
    return error


class ExpressionSyntaxError(ExpressionError):
    """The text between {{ and }} is not an expression, or it calls a function that does not exist."""


class UnknownName(ExpressionError):
    """A name or a field that is not there; `default`, `first_of` and `is defined` catch it."""


class ExpressionTypeError(ExpressionError):
    """An operation was given a value it cannot work with."""


class BudgetExceeded(ExpressionError):
    """The expression took too long, or made something too large."""


@dataclass(frozen=True)
class Fault:
    """Something `check` found: a sentence, and the offset in the checked text."""

    message: str
    position: int
