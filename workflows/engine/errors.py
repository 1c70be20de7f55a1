"""What the engine's pure rooms raise, and the shape of one fault in a document."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a document: where (`steps.alert.input.channel`), and a sentence with the way out.

    `step` is the key of the step it belongs to; `field` is the path inside that step or trigger.
    """

    path: str
    message: str
    step: str | None = None
    field: str | None = None
    severity: Severity = "error"


class EngineError(Exception):
    """Base of everything the engine raises on purpose."""


class DocumentError(EngineError):
    """A document that cannot be read. `faults` holds everything found, in the order of the document."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("\n".join(f"{fault.path}: {fault.message}" for fault in self.faults))


class ConditionError(EngineError):
    """A condition that does not have the shape conditions have. The checker refuses it before a run can meet it."""
