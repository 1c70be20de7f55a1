"""What people call the parts of a document: numbers, titles, the second line of a card. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from automate.lib.cron import BadCron
from workflows.builder.commands.base import parts_of
from workflows.builder.forms.schedule import sentence
from workflows.engine.catalogue import Catalogue
from workflows.engine.document import Document, Step, Trigger
from workflows.engine.kinds import STEP_KINDS, TRIGGER_KINDS
from workflows.engine.outline import Outline

_FIELD: Final = re.compile(
    r"`(?:input|config)\.[\w.\[\]-]+` \(([^()]{1,80})\)"
)  # with the label the form has for it
_PART_BY_KEY: Final = re.compile(r"\b(?:Step|Loop|Trigger|step|loop|trigger) `([\w-]+)`")


@dataclass
class Names:
    """What people call the parts of a document: numbers in reading order, titles, and what an app's action is called."""

    document: Document
    catalogue: Catalogue
    outline: Outline
    numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keys = [trigger.key for trigger in self.document.triggers]
        keys += [node.step.key for node in self.outline.walk()]
        self.numbers = {key: number for number, key in enumerate(keys, start=1)}

    def numbered(self, key: str) -> str:
        """ "4. Create onboarding task", or the key of something that is not there."""
        for part in parts_of(self.document):
            if part.key == key:
                number = self.numbers.get(key)
                return f"{number}. {part.name}" if number else part.name
        return key

    def in_words(self, message: str) -> str:
        """A message of the engine, which knows parts by their keys, as people know them: by number and title."""
        message = _FIELD.sub(r"“\1”", message)
        return _PART_BY_KEY.sub(
            lambda found: f"“{self.numbered(found[1])}”" if found[1] in self.numbers else found[0], message
        )

    def sub(self, step: Step) -> str:
        """The second line of a card."""
        if step.type == "action":
            return self._action(step.integration, step.action)
        label = STEP_KINDS[step.type].label
        if step.type == "loop" and isinstance(step.config.get("over"), str):
            return f"{label} · {short_path(step.config['over'])}"
        return label

    def trigger_sub(self, trigger: Trigger) -> str:
        label = TRIGGER_KINDS[trigger.type].label
        if trigger.integration:
            app = self.catalogue.integration(trigger.integration)
            event = self.catalogue.trigger(trigger.integration, trigger.event or "")
            words = (
                app.name if app else trigger.integration,
                event.display_name if event else trigger.event or "",
            )
            return " · ".join(word for word in words if word)
        if trigger.type == "webhook":
            return f"{label} · {', '.join(trigger.config.get('methods') or ['POST'])}"
        if trigger.type == "schedule":
            return f"{label} · {_times(trigger)}"
        return label

    def _action(self, integration: str | None, action: str | None) -> str:
        if not integration:
            return "Choose an app"
        app = self.catalogue.integration(integration)
        info = self.catalogue.action(integration, action) if action else None
        doing = info.display_name or info.name if info else action or "choose what it does"
        return f"{app.name if app else integration} · {doing}"


def _times(trigger: Trigger) -> str:
    """When a schedule starts, in a few words, with the zone where it has one of its own."""
    try:
        words = sentence(trigger.config)
    except BadCron:
        words = ""
    zone = trigger.config.get("time_zone")
    return f"{words}, {zone}" if words and zone else words or "choose when"


def tile_of(part: Step | Trigger) -> str:
    """What the tile of a step or trigger shows: the app it uses, else its type."""
    return part.integration or part.type


def short_path(text: str) -> str:
    """`{{ trigger.body.order.lines }}` as "order, lines" with arrows between, for a card's second line."""
    inner = text.strip().removeprefix("{{").removesuffix("}}").strip()
    parts = [part for part in inner.split(".") if part not in ("trigger", "body", "steps")]
    return " \u203a ".join(parts[-3:])[:60]
