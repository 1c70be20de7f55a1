"""The settings of one workflow: name, filing, and how it runs."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.request import AppRequest
from workflows import documents, keeping
from workflows.access import get_workflow_or_404, rights_on
from workflows.engine.errors import DocumentError
from workflows.errors import DraftConflict
from workflows.forms.workflows import WorkflowSettingsForm, base_of
from workflows.models import WorkflowTemplate
from workflows.views import replies
from workflows.views.frame import bar_of

CHANGED_ELSEWHERE = (
    "Somebody else changed these settings since you opened this page. "
    "What you typed is still here: save again to keep it, or reload the page to see theirs."
)


@require_http_methods(["GET", "POST"])
def workflow_settings(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    template = get_workflow_or_404(request, id, "workflow.edit")
    document = documents.load_draft(template)
    form = WorkflowSettingsForm(request.POST or None, template=template, document=document)
    if not form.is_valid():
        return _page(request, template, form, status=422 if form.is_bound else 200)
    if form.is_stale:
        return _conflict(request, template, form)
    try:
        _save(request, template, form)
    except DraftConflict:
        return _conflict(request, template, form)
    except DocumentError as error:
        form.add_error(None, error.faults[0].message)
        return _page(request, template, form, status=422)
    messages.success(request, "The settings are saved.")
    return redirect("workflows:workflow-settings", template.pk)


def _save(request: AppRequest, template: WorkflowTemplate, form: WorkflowSettingsForm) -> None:
    """Raises DraftConflict, DocumentError; then nothing is written."""
    with transaction.atomic():
        documents.save(
            template,
            form.changed_document(),
            by=request.user,
            expected_version=template.draft_version,
            label="Changed the settings",
        )
        keeping.file_under(template, folder=form.cleaned_data["folder"], tags=form.cleaned_data["tags"])


def _conflict(request: AppRequest, template: WorkflowTemplate, form: WorkflowSettingsForm) -> HttpResponse:
    form.add_error(None, CHANGED_ELSEWHERE)
    form.data = {**request.POST.dict(), "base": base_of(documents.load_draft(template))}
    return _page(request, template, form, status=409)


def _page(
    request: AppRequest, template: WorkflowTemplate, form: WorkflowSettingsForm, *, status: int
) -> HttpResponse:
    rights = rights_on(request.membership, template)
    context = {
        "workflow": template,
        "form": form,
        "may_delete": "workflow.delete" in rights,
        "is_archived": template.status == WorkflowTemplate.Status.ARCHIVED,
        **bar_of(template, "settings", rights),
    }
    return replies.vary(render(request, "workflows/workflow_settings.html", context, status=status))
