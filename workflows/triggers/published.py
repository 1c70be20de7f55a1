"""A trigger as it was published. Versions never change, so what was read once is kept in the process."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import lru_cache

from workflows.engine.document import Settings, Trigger, load
from workflows.models import WorkflowVersion

KEPT_TRIGGERS = 4096  # a few hundred bytes each


@dataclass(frozen=True)
class PublishedTrigger:
    """The trigger with the settings of its document."""

    trigger: Trigger
    settings: Settings


@lru_cache(maxsize=KEPT_TRIGGERS)
def published_trigger(version_id: uuid.UUID, key: str) -> PublishedTrigger | None:
    """The trigger of that version, or None if it has no such key (one SQL query the first time)."""
    data = WorkflowVersion.objects.values_list("workflow_data", flat=True).get(pk=version_id)
    document = load(data)
    for trigger in document.triggers:
        if trigger.key == key:
            return PublishedTrigger(trigger, document.settings)
    return None
