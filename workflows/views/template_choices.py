"""Choices that only the service knows (channels, projects): asked while a template is set up, through the chosen connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from accounts.request import AppRequest
from automate.lib.expressions import has_expression
from integrations.connections import find_service, opened, runner
from integrations.errors import IntegrationError
from workflows import documents
from workflows.builder.forms.specs import needs
from workflows.engine.document import Step, Trigger
from workflows.engine.words import listed
from workflows.errors import ConnectionRefused
from workflows.views.template_asks import Question

MAX_CHOICES: Final = 500


def with_choices(
    request: AppRequest, question: Question, others: Sequence[Question], connection: str
) -> Question:
    """The question with the choices of the service, or with what went wrong in words. One call out.

    `others`: the questions beside it, with what is typed there; `connection`: the id of the chosen one.
    """
    part = question.part
    if not question.spec.options or part is None:
        return question
    given = _given(question, others)
    labels = {other.spec.name: other.spec.label for other in others if other.part is part}
    lacking = [labels.get(name, name) for name in needs(question.spec) if given.get(name) in (None, "")]
    if question.slot and not connection:
        return replace(question, failed="Choose a connection above first.")
    if lacking:
        return replace(question, failed=f"Fill in {listed(lacking, 'and')} first.")
    try:
        found = _ask(request, part, question.spec.name, given, connection)
    except (IntegrationError, ConnectionRefused) as error:
        return replace(question, failed=error.message)
    if not found:
        return replace(question, failed="The service lists nothing here. You can type an id instead.")
    spec = replace(question.spec, choices=tuple(found[:MAX_CHOICES]))
    return replace(question, spec=spec, loaded=True)


def _ask(
    request: AppRequest, part: Step | Trigger, name: str, given: dict[str, Any], connection: str
) -> list[tuple[str, str]]:
    """Raises IntegrationError or ConnectionRefused."""
    is_mail = isinstance(part, Trigger) and part.type == "email"
    slug = "imap" if is_mail else str(part.integration)
    what = "new_mail" if is_mail else str(part.action if isinstance(part, Step) else part.event)
    service = find_service(slug, request.workspace)
    lent = None
    if connection:
        documents.usable_connections(request.workspace, request.user, {"": connection})
        lent = opened(connection, request.workspace, service).connection
    of_trigger = isinstance(part, Trigger)
    found = runner().options(
        service.manifest, what, name, input=given, connection=lent, of_trigger=of_trigger
    )
    return [(str(one["value"]), str(one["label"])) for one in found]


def _given(question: Question, others: Sequence[Question]) -> dict[str, Any]:
    """What the step's own input says, and what was just typed for it."""
    part = question.part
    if part is None:
        return {}
    held = part.input if isinstance(part, Step) else part.config.get("input", {})
    found = {
        key: value for key, value in held.items() if not (isinstance(value, str) and has_expression(value))
    }
    beside = [other for other in others if other.part is not None and other.part.key == part.key]
    examples = {other.spec.name for other in beside if other.ask.example}
    return {key: value for key, value in found.items() if key not in examples} | {
        other.spec.name: other.text for other in beside if other.text
    }
