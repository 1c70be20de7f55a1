"""What a step is given when it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from automate.lib.expressions import Scope, evaluate
from automate.lib.jsontypes import JSON
from workflows.engine.document import Step
from workflows.engine.errors import EngineError


class StepFault(EngineError):
    """A step cannot do what its fields say. The message is a sentence for the person who built it."""

    def __init__(self, message: str, code: str = "input") -> None:
        super().__init__(message)
        self.code = code


class Around(Protocol):
    """What lies outside a step and may be asked for: earlier runs and files."""

    def known(self, step_key: str, digests: list[str]) -> set[str]:
        """Those of these items that the step let through in earlier runs."""

    def read_file(self, file: dict[str, JSON]) -> bytes:
        """Raises KeyError when there is no such file in this workspace."""

    def save_file(self, data: bytes, name: str, mime: str) -> dict[str, JSON]:
        """Keep bytes as a file value. Raises ValueError, with a sentence, when there are too many."""


@dataclass(slots=True)
class StepContext:
    step: Step
    scope: Scope
    now: datetime
    taken: tuple[str, ...] = ()
    output_of: Callable[[str], JSON] = lambda key: None
    effect_of: Callable[[Step, dict[str, JSON]], Literal["safe", "unsafe"]] = lambda step, data: "unsafe"
    around: Around | None = None
    new_digests: list[str] = field(default_factory=list)

    def value(self, field: JSON) -> JSON:
        """A field's value here and now."""
        return evaluate(field, self.scope)

    def setting(self, name: str) -> Any:
        """A key of the step's type, evaluated, or its default."""
        return self.value(self.step.setting(name))
