"""A trigger as it was published. Versions never change, so what was read once is kept in the process."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import lru_cache

from workflows.engine.document import Document, Settings, Trigger, load
from workflows.models import WorkflowVersion

KEPT_TRIGGERS = 4096  # a few hundred bytes each
KEPT_DOCUMENTS = 16  # up to a megabyte each; for pages, not for runs


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


@lru_cache(maxsize=KEPT_DOCUMENTS)
def published_document(version_id: uuid.UUID) -> Document:
    """The document of that version (one SQL query the first time)."""
    return load(WorkflowVersion.objects.values_list("workflow_data", flat=True).get(pk=version_id))
