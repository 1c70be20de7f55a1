"""What a step is given when it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from automate.lib.expressions import Scope, evaluate
from automate.lib.jsontypes import JSON
from workflows.engine.document import Step
from workflows.engine.errors import EngineError


class StepFault(EngineError):
    """A step cannot do what its fields say. The message is a sentence for the person who built it."""

    def __init__(self, message: str, code: str = "input") -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class StepContext:
    step: Step
    scope: Scope
    now: datetime
    taken: tuple[str, ...] = ()
    output_of: Callable[[str], JSON] = lambda key: None
    effect_of: Callable[[Step, dict[str, JSON]], Literal["safe", "unsafe"]] = lambda step, data: "unsafe"
    dedupe: Callable[[str, list[str]], list[bool]] | None = None

    def value(self, field: JSON) -> JSON:
        """A field's value here and now."""
        return evaluate(field, self.scope)

    def setting(self, name: str) -> Any:
        """A key of the step's type, evaluated, or its default."""
        return self.value(self.step.setting(name))
