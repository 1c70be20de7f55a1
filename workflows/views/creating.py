"""Beginning: the three ways to a new workflow, and bringing one in."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import workspace_view
from accounts.request import AppRequest
from workflows import documents
from workflows.documents.intake import Intake, take_in
from workflows.engine.document import Document
from workflows.engine.errors import DocumentError, Fault
from workflows.engine.legacy_names import workflow_key
from workflows.forms.workflows import ImportForm, NewWorkflowForm
from workflows.models import WorkflowTemplate
from workflows.views import replies

FIRST_FAULTS = 50  # as many are listed; nobody mends more at once


@require_http_methods(["GET", "POST"])
@workspace_view(need="workflow.edit")
def workflow_new(request: AppRequest, workspace_slug: str) -> HttpResponse:
    """Three choices; the empty one asks for a name only and leads to the builder."""
    form = NewWorkflowForm(request.POST or None)
    if form.is_valid():
        name = form.cleaned_data["name"]
        template = documents.create(
            request.workspace, Document(key=workflow_key(name), name=name), by=request.user
        )
        return replies.go(request, reverse("workflows:workflow-build", args=[template.pk]))
    context = {
        "nav": "workflows",
        "form": form,
        "dialog_title": "New workflow",
        "back_url": reverse("workflows:workflow-list", args=[workspace_slug]),
    }
    status = 422 if form.is_bound else 200
    return replies.dialog(request, "workflows/workflow_new.html", context, status=status)


@require_http_methods(["GET", "POST"])
@workspace_view(need="workflow.edit")
def workflow_import(request: AppRequest, workspace_slug: str) -> HttpResponse:
    """A document becomes a new workflow, or everything that is wrong with it is listed with its place."""
    bound = request.method == "POST"
    form = ImportForm(request.POST, request.FILES) if bound else ImportForm()
    faults: Sequence[Fault] = ()
    if form.is_valid():
        try:
            return _take(request, form.source)
        except DocumentError as error:
            faults = error.faults
    context = {
        "nav": "workflows",
        "form": form,
        "faults": faults[:FIRST_FAULTS],
        "more_faults": max(len(faults) - FIRST_FAULTS, 0),
        "dialog_title": "Import a workflow",
        "dialog_wide": True,
        "back_url": reverse("workflows:workflow-list", args=[workspace_slug]),
    }
    return replies.dialog(request, "workflows/workflow_import.html", context, status=422 if bound else 200)


def _take(request: AppRequest, source: str | bytes) -> HttpResponse:
    """Raises DocumentError."""
    taken = take_in(request.workspace, source)
    template = documents.create(request.workspace, taken.document, by=request.user)
    for sentence in _remarks(taken, template):
        messages.info(request, sentence)
    messages.success(request, f"{template.name} is imported as a draft.")
    return replies.go(request, reverse("workflows:workflow-build", args=[template.pk]))


def _remarks(taken: Intake, template: WorkflowTemplate) -> list[str]:
    """What was guessed or changed on the way in."""
    remarks = list(taken.notes)
    if template.template_id != taken.document.key:
        remarks.append(
            f"There is a workflow with the key {taken.document.key} already: this copy is called {template.template_id}."
        )
    return remarks
