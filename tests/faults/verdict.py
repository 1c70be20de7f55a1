"""What a row of the fault table says, and the rows there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.checker import Fault, Kind

if TYPE_CHECKING:
    from tests.faults.stage import Stage

SHOWN = 12  # faults that are printed of each row


@dataclass
class Verdict:
    """`done`: what was done to the product. `accepted`: starts that were promised to happen."""

    done: str
    accepted: int
    faults: list[Fault] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return not self.faults

    def count(self, kind: Kind) -> int:
        return sum(fault.kind == kind for fault in self.faults)

    def shown(self) -> str:
        """The first faults, one per line."""
        lines = [f"  {fault.kind}: {fault.said}" for fault in self.faults[:SHOWN]]
        more = len(self.faults) - SHOWN
        return "\n".join([*lines, f"  … and {more} more"] if more > 0 else lines)


@dataclass(frozen=True)
class Row:
    """One row of the table. `short`: also part of `pytest -m faults`, in a smaller measure."""

    name: str
    title: str
    run: Callable[[Stage], Verdict]
    short: bool = True


ROWS: dict[str, Row] = {}


def row(
    name: str, title: str, *, short: bool = True
) -> Callable[[Callable[[Stage], Verdict]], Callable[[Stage], Verdict]]:
    """Enter a function into the table."""

    def enter(run: Callable[[Stage], Verdict]) -> Callable[[Stage], Verdict]:
        ROWS[name] = Row(name, title, run, short)
        return run

    return enter
