"""What can be done with a version: roll back to it, take it into the draft, say that nobody should go back to it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Final

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.request import AppRequest
from workflows import publishing, versions
from workflows.access import get_workflow_or_404
from workflows.engine.document import load
from workflows.engine.errors import DocumentError, Fault
from workflows.errors import VersionDeprecated
from workflows.models import WorkflowTemplate
from workflows.views import replies
from workflows.views.versions import find_version, frame, live_versions

MAX_NOTE: Final = 500  # characters


@require_http_methods(["GET", "POST"])
def version_roll_back(request: AppRequest, id: uuid.UUID, number: int) -> HttpResponse:
    """GET asks and says what changes for what runs now; POST publishes the old document again.

    A deprecated version is only gone back to with `anyway` ticked.
    """
    template = get_workflow_or_404(request, id, "workflow.publish")
    version = find_version(template, number)
    faults: Sequence[Fault] = ()
    refusal = ""
    if request.method == "POST":
        try:
            made = publishing.roll_back(template, version, by=request.user, anyway="anyway" in request.POST)
        except publishing.NotPublishable as refused:
            faults = refused.faults
        except VersionDeprecated:
            refusal = "Tick the box to go back to it anyway."
        else:
            messages.success(request, f"Version {number} runs again, as version {made.version_number}.")
            return replies.go(request, _list_url(template))
    live = publishing.published_document(template)
    context = frame(request, template) | {
        "version": version,
        "faults": faults,
        "refusal": refusal,
        "changes": publishing.changes(live, load(version.workflow_data)) if live else [],
        "dialog_title": f"Roll back to version {number}?",
        "back_url": _list_url(template),
    }
    status = 409 if faults else 422 if refusal else 200
    return replies.dialog(request, "workflows/version_roll_back.html", context, status=status)


@require_POST
def version_restore(request: AppRequest, id: uuid.UUID, number: int) -> HttpResponse:
    """The draft becomes this version, as one change that can be undone; what is live stays."""
    template = get_workflow_or_404(request, id, "workflow.edit")
    version = find_version(template, number)
    try:
        changed = versions.restore(template, version, by=request.user)
    except DocumentError as error:
        messages.error(request, error.faults[0].message)
        return replies.go(request, _list_url(template))
    said = f"The draft is version {number} again. Undo brings back what it was." if changed else (
        f"The draft is the same as version {number} already.")  # fmt: skip
    messages.success(request, said)
    return replies.go(request, reverse("workflows:workflow-build", args=[template.pk]))


@require_http_methods(["GET", "POST"])
def version_deprecate(request: AppRequest, id: uuid.UUID, number: int) -> HttpResponse:
    """GET asks why; POST marks the version, or with `do=reinstate` takes the mark away."""
    template = get_workflow_or_404(request, id, "workflow.publish")
    version = find_version(template, number)
    if request.method == "GET":
        context = frame(request, template) | {
            "version": version,
            "is_live": version.pk in live_versions(template),
            "dialog_title": f"Deprecate version {number}?",
            "back_url": _list_url(template),
        }
        return replies.dialog(request, "workflows/version_deprecate.html", context)
    if request.POST.get("do") == "reinstate":
        versions.reinstate(version, by=request.user)
        messages.success(request, f"Version {number} is not deprecated any more.")
    else:
        note = request.POST.get("note", "").replace("\x00", "").strip()[:MAX_NOTE]
        versions.deprecate(version, by=request.user, note=note)
        messages.success(request, f"Version {number} is deprecated.")
    return replies.go(request, _list_url(template))


def _list_url(template: WorkflowTemplate) -> str:
    return reverse("workflows:workflow-versions", args=[template.pk])
