"""Regular expressions of users: google-re2, whose time grows only with the length of the text."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

import re2

from automate.lib.expressions.errors import BudgetExceeded, ExpressionTypeError
from automate.lib.expressions.suggest import shortened

MAX_PATTERN = 1000  # characters
MAX_PATTERN_MEMORY = 1 << 20  # bytes; re2 refuses patterns that compile to more
MAX_WORK = 500_000_000  # size of the compiled pattern times length of the text; under a second at worst


class Match(Protocol):
    """What we use of a match of re2."""

    def start(self, group: int = 0) -> int: ...
    def end(self, group: int = 0) -> int: ...
    def group(self, group: int = 0) -> str: ...
    def groups(self) -> tuple[str | None, ...]: ...
    def groupdict(self) -> dict[str, str | None]: ...


class Pattern(Protocol):
    """What we use of a compiled pattern of re2."""

    programsize: int
    groups: int
    groupindex: dict[str, int]

    def search(self, text: str) -> Match | None: ...
    def fullmatch(self, text: str) -> Match | None: ...
    def finditer(self, text: str) -> Iterator[Match]: ...


def pattern(source: str, text: str, *, ignore_case: bool = False) -> Pattern:
    """The compiled pattern, once it is known that searching `text` for it ends in good time."""
    compiled = _compiled(source, ignore_case)
    if compiled.programsize * len(text) > MAX_WORK:
        raise BudgetExceeded(
            f"The pattern “{shortened(source)}” is too large for a text of {len(text):,} characters."
        )
    return compiled


@lru_cache(maxsize=128)
def _compiled(source: str, ignore_case: bool) -> Pattern:
    if len(source) > MAX_PATTERN:
        raise ExpressionTypeError(f"The pattern is longer than {MAX_PATTERN:,} characters.")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_MEMORY
    options.case_sensitive = not ignore_case
    try:
        compiled: Pattern = re2.compile(source, options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        raise ExpressionTypeError(f"The pattern “{shortened(source)}” cannot be used: {reason}.") from None
    return compiled
