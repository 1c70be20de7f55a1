"""The versions of a workflow: what was published when, what changed, and the way back."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.request import AppRequest
from workflows import publishing
from workflows.access import get_workflow_or_404, rights_on
from workflows.documents import load_draft
from workflows.engine.document import Document, dump_yaml, load
from workflows.engine.errors import Fault
from workflows.models import WorkflowTemplate, WorkflowVersion
from workflows.views import replies
from workflows.views.exports import as_file
from workflows.views.frame import bar_of

PAGE_SIZE: Final = 15
SHOWN_CHANGES: Final = 5  # sentences per version; the others are behind "more"
DRAFT: Final = "draft"
CONTEXT_LINES: Final = 3


@dataclass
class VersionRow:
    version: WorkflowVersion
    is_live: bool
    changes: list[str] = field(default_factory=list)

    @property
    def first_changes(self) -> list[str]:
        return self.changes[:SHOWN_CHANGES]

    @property
    def more_changes(self) -> list[str]:
        return self.changes[SHOWN_CHANGES:]


@require_GET
def version_list(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Newest first, each with what changed since the one before."""
    template = get_workflow_or_404(request, id, "workflow.view")
    versions = template.versions.numbered().select_related("created_by").order_by("-version_number")
    page = Paginator(versions, PAGE_SIZE).get_page(request.GET.get("page"))
    live = _live_versions(template)
    rows = _rows(list(page), _before(template, page), live)
    context = _frame(request, template) | {
        "rows": rows,
        "page_obj": page,
        "live": live,
        "unpublished": _unpublished(template, rows) if page.number == 1 else [],
        "numbers": list(template.versions.numbered().values_list("version_number", flat=True)[:100]),
    }
    return replies.vary(render(request, "workflows/version_list.html", context))


@require_GET
def version_detail(request: AppRequest, id: uuid.UUID, number: int) -> HttpResponse:
    """The document of one version; `?as=json` or `?as=yaml` downloads it."""
    template = get_workflow_or_404(request, id, "workflow.view")
    version = _version(template, number)
    document = load(version.workflow_data)
    if request.GET.get("as") in ("json", "yaml"):
        return as_file(document, f"{template.template_id}-v{number}", request.GET["as"])
    before = (
        template.versions.numbered().filter(version_number__lt=number).order_by("-version_number").first()
    )
    context = _frame(request, template) | {
        "version": version,
        "is_live": version.pk in _live_versions(template),
        "before": before,
        "changes": publishing.changes(load(before.workflow_data) if before else None, document),
        "text": dump_yaml(document),
    }
    return replies.vary(render(request, "workflows/version_detail.html", context))


@require_GET
def version_compare(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Two versions as a text diff: `?from=2&to=5`; `to=draft` is what is being edited."""
    template = get_workflow_or_404(request, id, "workflow.view")
    left_name, right_name = request.GET.get("from", ""), request.GET.get("to", DRAFT)
    left, right = _named(template, left_name), _named(template, right_name)
    context = _frame(request, template) | {
        "left": _words(left_name),
        "right": _words(right_name),
        "from": left_name,
        "to": right_name,
        "changes": publishing.changes(left, right),
        "lines": diff(dump_yaml(left), dump_yaml(right)),
        "numbers": list(template.versions.numbered().values_list("version_number", flat=True)[:100]),
    }
    return replies.vary(render(request, "workflows/version_compare.html", context))


@require_http_methods(["GET", "POST"])
def version_roll_back(request: AppRequest, id: uuid.UUID, number: int) -> HttpResponse:
    """GET asks and says what changes for what runs now; POST publishes the old document again."""
    template = get_workflow_or_404(request, id, "workflow.publish")
    version = _version(template, number)
    faults: Sequence[Fault] = ()
    if request.method == "POST":
        try:
            made = publishing.roll_back(template, version, by=request.user)
        except publishing.NotPublishable as refusal:
            faults = refusal.faults
        else:
            messages.success(request, f"Version {number} runs again, as version {made.version_number}.")
            return replies.go(request, reverse("workflows:workflow-versions", args=[template.pk]))
    live = publishing.published_document(template)
    context = _frame(request, template) | {
        "version": version,
        "faults": faults,
        "changes": publishing.changes(live, load(version.workflow_data)) if live else [],
        "dialog_title": f"Roll back to version {number}?",
        "back_url": reverse("workflows:workflow-versions", args=[template.pk]),
    }
    return replies.dialog(request, "workflows/version_roll_back.html", context, status=409 if faults else 200)


def diff(left: str, right: str) -> list[dict[str, str]]:
    """The changed lines with some around them: each with `kind` (same, added, removed, gap) and `text`."""
    kinds = {"+": "added", "-": "removed", "@": "gap", " ": "same"}
    lines = difflib.unified_diff(left.splitlines(), right.splitlines(), lineterm="", n=CONTEXT_LINES)
    return [
        {
            "kind": kinds[line[0]],
            "sign": line[0] if line[0] in "+-" else " ",
            "text": line[1:] if line[0] != "@" else "…",
        }
        for line in list(lines)[2:]
    ]


def _rows(
    versions: list[WorkflowVersion], before: WorkflowVersion | None, live: dict[uuid.UUID, str]
) -> list[VersionRow]:
    texts = [load(version.workflow_data) for version in versions]
    texts_before: list[Document | None] = [*texts[1:], load(before.workflow_data) if before else None]
    return [
        VersionRow(version, version.pk in live, publishing.changes(old, new))
        for version, new, old in zip(versions, texts, texts_before, strict=False)
    ]


def _before(template: WorkflowTemplate, page: Any) -> WorkflowVersion | None:
    """The version just older than the page's last one."""
    if not page.object_list:
        return None
    last = list(page)[-1].version_number
    return template.versions.numbered().filter(version_number__lt=last).order_by("-version_number").first()


def _live_versions(template: WorkflowTemplate) -> dict[uuid.UUID, str]:
    """Version → where it runs; paused ones say so."""
    rows = template.deployments.select_related("environment")
    return {row.version_id: row.environment.name + ("" if row.is_active else ", paused") for row in rows}


def _unpublished(template: WorkflowTemplate, rows: list[VersionRow]) -> list[str]:
    """What the draft has that the newest version has not."""
    newest = load(rows[0].version.workflow_data) if rows else None
    return publishing.changes(newest, load_draft(template)) if newest else []


def _version(template: WorkflowTemplate, number: int) -> WorkflowVersion:
    rows = template.versions.numbered().select_related("created_by")
    version = rows.filter(version_number=number).first()
    if version is None:
        raise Http404
    return version


def _named(template: WorkflowTemplate, name: str) -> Document:
    if name == DRAFT:
        return load_draft(template)
    if not name.isascii() or not name.isdigit() or len(name) > 9:
        raise Http404
    return load(_version(template, int(name)).workflow_data)


def _words(name: str) -> str:
    return "the draft" if name == DRAFT else f"version {name}"


def _frame(request: AppRequest, template: WorkflowTemplate) -> dict[str, Any]:
    rights = rights_on(request.membership, template)
    return {
        "workflow": template,
        "may_publish": "workflow.publish" in rights,
        "may_edit": "workflow.edit" in rights,
        **bar_of(template, "versions", rights),
    }
