"""Beginning: the three ways to a new workflow. Bringing one in: `importing.py`."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import workspace_view
from accounts.request import AppRequest
from workflows import documents
from workflows.engine.document import Document
from workflows.engine.legacy_names import workflow_key
from workflows.forms.workflows import NewWorkflowForm
from workflows.views import replies


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
