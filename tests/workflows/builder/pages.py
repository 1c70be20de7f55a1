"""Reading the builder's answers."""

from __future__ import annotations

import json
from typing import Any

from workflows import documents
from workflows.engine.document import Step
from workflows.models import WorkflowTemplate

HX = {"HX-Request": "true"}


def step_of(draft: WorkflowTemplate, key: str) -> Step:
    return next(step for step in documents.load_draft(draft).steps if step.key == key)


def text_of(response: Any) -> str:
    return response.content.decode()


def words_of(response: Any) -> str:
    """The page with every run of blanks as one."""
    return " ".join(text_of(response).split())


def event_of(response: Any, name: str) -> Any:
    return json.loads(response["HX-Trigger"])[name]


def base_in(response: Any) -> str:
    """The fingerprint a form was shown with."""
    return text_of(response).split('id="part-base"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
