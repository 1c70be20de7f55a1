"""Setting a template up: the connections it needs and what it asks, then a workflow that is ready to be tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import workspace_view
from accounts.request import AppRequest
from workflows import gallery
from workflows.documents import catalogue_for
from workflows.engine.document import Document, DocumentError, load
from workflows.errors import ConnectionRefused
from workflows.gallery.asks import read_asks
from workflows.models import WorkflowTemplate, WorkflowTemplateLibrary
from workflows.views import replies
from workflows.views.library import find_template
from workflows.views.template_asks import Question, questions, read_answers
from workflows.views.template_cards import TemplateCard
from workflows.views.template_choices import with_choices
from workflows.views.template_setup import SlotChoice, chosen_bindings, slot_choices

LIST: Final = "options:"  # of `_do`: the number of the question whose choices are wanted


@dataclass
class _Setup:
    """The page: what is asked, and what was typed so far."""

    entry: WorkflowTemplateLibrary
    document: Document
    slots: list[SlotChoice]
    asked: list[Question]
    refusal: str = ""

    @property
    def is_wrong(self) -> bool:
        return bool(self.refusal) or any(question.error for question in self.asked)


@require_http_methods(["GET", "POST"])
@workspace_view(need="workflow.edit")
def template_use(request: AppRequest, workspace_slug: str, slug: str) -> HttpResponse:
    """POST makes the workflow and leads to the builder; GET asks what it needs, if it needs anything."""
    entry = find_template(request.workspace, slug)
    document = load(entry.template_data)
    posted = request.POST.dict() if request.method == "POST" else None
    asked = questions(document, read_asks(entry.asks), catalogue_for(request.workspace), posted=posted)
    setup = _Setup(entry, document, slot_choices(request, document), asked)
    wanted = request.POST.get("_do", "")
    if wanted.startswith(LIST):
        setup.asked = _listed(request, setup, wanted.removeprefix(LIST))
    elif posted is not None:
        made = _make(request, setup, posted)
        if made is not None:
            return replies.go(request, _next(request, setup, made))
    context = {
        "nav": "templates",
        "card": TemplateCard(entry),
        "slots": setup.slots,
        "questions": setup.asked,
        "refusal": setup.refusal,
    }
    status = 422 if setup.is_wrong else 200
    return replies.vary(render(request, "workflows/template_use.html", context, status=status))


def _make(request: AppRequest, setup: _Setup, posted: dict[str, str]) -> WorkflowTemplate | None:
    """The workflow; None when something has to be put right first."""
    answers, setup.asked = read_answers(setup.asked, posted)
    if setup.is_wrong:
        return None
    try:
        return gallery.use(
            setup.entry,
            request.workspace,
            by=request.user,
            bindings=chosen_bindings(request, setup.slots),
            answers=answers,
        )
    except ConnectionRefused as error:
        setup.refusal = error.message
    except DocumentError as error:
        setup.asked = _blamed(setup.asked, error)
        if not setup.is_wrong:
            setup.refusal = error.faults[0].message
    return None


def _blamed(asked: Sequence[Question], error: DocumentError) -> list[Question]:
    """The questions whose answers cannot stand in the document, each with what is wrong."""
    faults = {fault.path: fault.message for fault in error.faults}
    return [
        replace(question, error=message) if (message := faults.get(question.ask.place)) else question
        for question in asked
    ]


def _listed(request: AppRequest, setup: _Setup, number: str) -> list[Question]:
    """The questions, one of them with the choices its service has."""
    chosen = chosen_bindings(request, setup.slots)
    slot_of = {slot.key: str(chosen.get(slot.key, "")) for slot in setup.slots}
    return [
        with_choices(request, question, setup.asked, slot_of.get(question.slot, ""))
        if str(question.n) == number
        else question
        for question in setup.asked
    ]


def _next(request: AppRequest, setup: _Setup, made: WorkflowTemplate) -> str:
    """The builder; with the test run opened where the person has just set it up and nothing is missing."""
    url = reverse("workflows:workflow-build", args=[made.pk])
    was_set_up = bool(setup.slots or setup.asked)
    is_ready = all(request.POST.get(slot.field_name, "later") != "later" for slot in setup.slots)
    return f"{url}?try=1" if was_set_up and is_ready else url
