"""What expressions see in the builder: samples in the place of a run. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from automate.lib import clock
from automate.lib.expressions import Budget, Scope
from automate.lib.jsontypes import JSON
from workflows.engine.graph import Graph
from workflows.engine.words import did_you_mean

MASKED: Final = "\u2022" * 8
PREVIEW_BUDGET: Final = Budget(max_steps=200_000, time_s=0.5)  # somebody is typing and waits
MAX_SHOWN: Final = 400  # characters of a preview
_EXAMPLE_ERROR: Final[dict[str, JSON]] = {
    "message": "What went wrong, in words", "code": "example", "step": "step", "retryable": False, "status": None,
}  # fmt: skip


@dataclass
class SampleScope:
    graph: Graph
    step_key: str
    trigger: JSON
    steps: dict[str, JSON]
    variables: dict[str, JSON]
    time_zone: str = "UTC"
    workflow: dict[str, JSON] = field(default_factory=dict)
    items: dict[str, JSON] = field(default_factory=dict)

    def scope(self, extra: dict[str, Any] | None = None) -> Scope:
        names: dict[str, Any] = {
            "trigger": self.trigger,
            "steps": StepSamples(self),
            "vars": self.variables,
            "run": {
                "id": "example",
                "number": 1,
                "url": "",
                "started_at": clock.now().isoformat(),
                "workflow": self.workflow,
            },
            "now": clock.now().isoformat(),
            "error": _EXAMPLE_ERROR,
            "result": self.steps.get(self.step_key),
            **self.items,
            **(extra or {}),
        }
        if self.items:
            names["loop"] = {
                "index": 0,
                "number": 1,
                "first": True,
                "last": False,
                "count": 1,
                "state": None,
                "parent": None,
            }
        shown: dict[str, Callable[..., JSON]] = {
            "callback_url": lambda key: "https://\u2026/callbacks/\u2026"
        }
        return Scope(
            names, budget=PREVIEW_BUDGET, time_zone=self.time_zone, now=clock.now(), extra_functions=shown
        )

    def for_test(self) -> dict[str, JSON]:
        """The same as plain data, for testing a step."""
        return {"trigger": self.trigger, "steps": dict(self.steps), **self.items}


class StepSamples:
    """`steps`: the samples of earlier steps, with words for what is missing."""

    def __init__(self, scope: SampleScope) -> None:
        self._scope = scope

    def as_value(self) -> JSON:
        return self._scope.steps

    def get_member(self, key: str) -> JSON:
        return self._scope.steps[key]

    def describe_missing(self, key: str) -> str:
        step = self._scope.graph.steps.get(key)
        if step is None:
            return f"There is no step `{key}`. {did_you_mean(key, self._scope.graph.steps)}".rstrip()
        return f'"{step.name}" has no sample yet. Test it to see its data.'


def shortened(value: JSON, limit: int = MAX_SHOWN) -> str:
    """A value in one line, as previews and the data picker show it."""
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= limit else f"{shown[:limit]}\u2026"
