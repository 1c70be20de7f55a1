"""What the checker needs to know of integrations; whoever holds the catalogue answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

JsonSchema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """`needs_connection`: it cannot run without one. `effect`: whether it may be sent again without harm."""

    name: str
    input_schema: JsonSchema = field(default_factory=dict)
    output_schema: JsonSchema | None = None
    needs_connection: bool = True
    effect: Literal["safe", "unsafe"] = "unsafe"
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class TriggerInfo:
    """`type`: POLLING, WEBHOOK or EVENT, as the integration declares it; a step's `event` names it."""

    name: str
    type: str = ""
    input_schema: JsonSchema = field(default_factory=dict)
    output_schema: JsonSchema | None = None
    needs_connection: bool = True
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class IntegrationInfo:
    """`actions` and `triggers` are the names, for suggestions."""

    slug: str
    name: str
    actions: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()


class Catalogue(Protocol):
    """Answers None for what does not exist. Asked many times per check, so it should answer from memory."""

    def integration(self, slug: str) -> IntegrationInfo | None: ...

    def action(self, integration: str, action: str) -> ActionInfo | None: ...

    def trigger(self, integration: str, event: str) -> TriggerInfo | None: ...
