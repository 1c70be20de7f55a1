"""Bringing a workflow in: from a file, an address or pasted text, then its connections."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import workspace_view
from accounts.request import AppRequest
from integrations.models import UserIntegration
from workflows import documents, publishing
from workflows.access import get_workflow_or_404, rights_on
from workflows.builder.names import Names
from workflows.documents.fetching import fetch_document
from workflows.documents.intake import Intake, open_slots, take_in
from workflows.documents.lines import lines_of
from workflows.engine.document import Document, DocumentError, Fault
from workflows.engine.graph import Graph
from workflows.errors import ConnectionRefused
from workflows.forms.importing import ImportForm
from workflows.models import WorkflowTemplate
from workflows.views import replies
from workflows.views.frame import bar_of
from workflows.views.template_setup import LATER, SlotChoice, chosen_bindings, slot_choices

FIRST_FAULTS: Final = 50  # as many are listed; nobody mends more at once
_FOR_SHELLS: Final = re.compile(r"Say which connection it is: --connection \S+=<id>\.")


@dataclass(frozen=True)
class Placed:
    """A fault with the line it stands in, where that is known."""

    fault: Fault
    line: int | None


@require_http_methods(["GET", "POST"])
@workspace_view(need="workflow.edit")
def workflow_import(request: AppRequest, workspace_slug: str) -> HttpResponse:
    """A document becomes a new workflow, or everything that is wrong with it is listed with its place."""
    bound = request.method == "POST"
    form = ImportForm(request.POST, request.FILES) if bound else ImportForm()
    faults: Sequence[Fault] = ()
    unknown: list[str] = []
    text = ""
    if form.is_valid():
        try:
            source = _source(form)
            text = _as_text(source)
            unknown = _unknown_slots(request, source)
            if not unknown:
                return _take(request, source)
        except DocumentError as error:
            faults = error.faults
        if text:
            form = _with_text(form, text)
    context = {
        "nav": "workflows",
        "form": form,
        "faults": _placed(text, faults[:FIRST_FAULTS]),
        "more_faults": max(len(faults) - FIRST_FAULTS, 0),
        "unknown": unknown,
        "mine": _my_connections(request) if unknown else [],
        "dialog_title": "Import a workflow",
        "dialog_wide": True,
        "back_url": reverse("workflows:workflow-list", args=[workspace_slug]),
    }
    return replies.dialog(request, "workflows/workflow_import.html", context, status=422 if bound else 200)


@require_http_methods(["GET", "POST"])
def workflow_set_up(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """The connections of a workflow that came from elsewhere, and what else keeps it from being published."""
    template = get_workflow_or_404(request, id, "workflow.edit")
    document = documents.load_draft(template)
    slots = _bound(request, template, slot_choices(request, document))
    refusal = ""
    if request.method == "POST":
        chosen = chosen_bindings(request, slots)
        try:
            documents.bind(template, {slot.key: chosen.get(slot.key) for slot in slots}, by=request.user)
            return replies.go(request, reverse("workflows:workflow-build", args=[template.pk]))
        except ConnectionRefused as error:
            refusal = error.message
    context = {
        "workflow": template,
        "slots": slots,
        "refusal": refusal,
        "problems": _problems(request, template, document),
        "build_url": reverse("workflows:workflow-build", args=[template.pk]),
        **bar_of(template, "", rights_on(request.membership, template)),
    }
    page = render(request, "workflows/workflow_set_up.html", context, status=422 if refusal else 200)
    return replies.vary(page)


# --- reading ----------------------------------------------------------------------------------------


def _source(form: ImportForm) -> str | bytes:
    """Raises DocumentError for what cannot be fetched."""
    file = form.file_bytes
    if file is not None:
        return file
    url = str(form.cleaned_data["url"]).strip()
    return fetch_document(url) if url else str(form.cleaned_data["text"])


def _as_text(source: str | bytes) -> str:
    return source if isinstance(source, str) else source.decode("utf-8", "replace").replace("\0", "")


def _with_text(form: ImportForm, text: str) -> ImportForm:
    """The form with the document in its text box, whatever way it came: it can be mended there."""
    shown = ImportForm({**form.data.dict(), "text": text, "url": ""})  # type: ignore[attr-defined]  # a QueryDict
    shown.is_valid()
    return shown


def _placed(text: str, faults: Sequence[Fault]) -> list[Placed]:
    lines = lines_of(text, [fault.path for fault in faults]) if faults else {}
    return [Placed(fault, lines.get(fault.path)) for fault in faults]


def _unknown_slots(request: AppRequest, source: str | bytes) -> list[str]:
    """Slots of the older form whose app nobody can guess and nobody has answered yet."""
    return [slot for slot in open_slots(request.workspace, source) if f"app-{slot}" not in request.POST]


def _answered(request: AppRequest) -> dict[str, str]:
    """Slot → id of the connection that was said to be meant."""
    given = {
        name.removeprefix("app-"): value for name, value in request.POST.items() if name.startswith("app-")
    }
    return {slot: str(value) for slot, value in given.items() if value and value != LATER}


def _my_connections(request: AppRequest) -> list[UserIntegration]:
    rows = UserIntegration.objects.usable_by(request.user, request.workspace).filter(workflow=None)
    return list(rows.select_related("integration").order_by("integration__display_name", "name"))


# --- taking in --------------------------------------------------------------------------------------


def _take(request: AppRequest, source: str | bytes) -> HttpResponse:
    """Raises DocumentError."""
    answered = _answered(request)
    try:
        documents.usable_connections(request.workspace, request.user, answered)
        taken = take_in(request.workspace, source, answered, unfinished=True)
        known = {slot: id for slot, id in answered.items() if slot in taken.document.connections}
        template = documents.create(request.workspace, taken.document, by=request.user, bindings=known)
    except ConnectionRefused as error:
        raise DocumentError([Fault("", error.message)]) from None
    for sentence in _remarks(taken, template):
        messages.info(request, sentence)
    messages.success(request, f"{template.name} is imported as a draft.")
    is_open = bool(set(taken.document.connections) - set(known) or taken.warnings)
    page = "workflow-set-up" if is_open and (taken.document.connections or taken.notes) else "workflow-build"
    return replies.go(request, reverse(f"workflows:{page}", args=[template.pk]))


def _remarks(taken: Intake, template: WorkflowTemplate) -> list[str]:
    """What was guessed or changed on the way in."""
    remarks = [_FOR_SHELLS.sub("Choose its app in the builder.", note) for note in taken.notes]
    if template.template_id != taken.document.key:
        remarks.append(
            f"There is a workflow with the key {taken.document.key} already: this copy is called {template.template_id}."
        )
    return remarks


# --- setting up -------------------------------------------------------------------------------------


def _bound(request: AppRequest, template: WorkflowTemplate, slots: list[SlotChoice]) -> list[SlotChoice]:
    """With what sits in the slots already chosen, unless the person just chose otherwise."""
    if request.method == "POST" or "connection" in request.GET:
        return slots
    known: Mapping[str, str] = documents.bindings_of(template)
    return [replace(slot, chosen=known.get(slot.key, slot.chosen)) for slot in slots]


def _problems(request: AppRequest, template: WorkflowTemplate, document: Document) -> list[dict[str, Any]]:
    """What keeps it from being published besides connections, each with the way to its step."""
    catalogue = documents.catalogue_for(template.tenant)
    names = Names(document, catalogue, Graph(document).outline())
    build = reverse("workflows:workflow-build", args=[template.pk])
    found = publishing.problems(template, document, by=request.user, catalogue=catalogue)
    return [
        {
            "text": names.in_words(fault.message),
            "title": names.numbered(fault.step) if fault.step else "",
            "url": f"{build}?step={fault.step}" if fault.step else build,
            "is_error": fault.severity == "error",
        }
        for fault in found
        if not fault.path.startswith("connections.")
    ][:FIRST_FAULTS]
