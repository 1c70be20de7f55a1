"""The versions of a workflow: what was published when, what changed, and the way back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.request import AppRequest
from workflows import publishing
from workflows.access import get_workflow_or_404, rights_on
from workflows.documents import catalogue_for, load_draft
from workflows.documents.catalogue import TenantCatalogue
from workflows.documents.changes import SUMMED_UP, summed_up
from workflows.engine.document import Document, dump_yaml, load
from workflows.models import WorkflowTemplate, WorkflowVersion
from workflows.views import replies
from workflows.views.exports import as_file
from workflows.views.frame import bar_of
from workflows.views.version_picture import titles

PAGE_SIZE: Final = 15
SHOWN_CHANGES: Final = 5  # sentences per version; the others are behind "more"


@dataclass
class VersionRow:
    """`before`: the number of the version before it, to compare with."""

    version: WorkflowVersion
    is_live: bool
    changes: list[str] = field(default_factory=list)
    before: int | None = None

    @property
    def menu(self) -> str:
        return f"version-menu-{self.version.version_number}"

    @property
    def is_summed_up(self) -> bool:
        """Whether the note says the changes already, or the first of them."""
        return summed_up(self.changes) == self.version.change_description

    @property
    def first_changes(self) -> list[str]:
        return [] if self.is_summed_up else self.changes[:SHOWN_CHANGES]

    @property
    def more_changes(self) -> list[str]:
        return self.changes[SUMMED_UP if self.is_summed_up else SHOWN_CHANGES :]


@require_GET
def version_list(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Newest first, each with what changed since the one before."""
    template = get_workflow_or_404(request, id, "workflow.view")
    versions = template.versions.numbered().select_related("created_by").order_by("-version_number")
    page = Paginator(versions, PAGE_SIZE).get_page(request.GET.get("page"))
    live = live_versions(template)
    catalogue = catalogue_for(template.tenant)
    rows = _rows(list(page), _before(template, page), live, catalogue)
    context = frame(request, template) | {
        "rows": rows,
        "page_obj": page,
        "live": live,
        "unpublished": _unpublished(template, rows, catalogue) if page.number == 1 else [],
        "numbers": list(template.versions.numbered().values_list("version_number", flat=True)[:100]),
    }
    return replies.vary(render(request, "workflows/version_list.html", context))


@require_GET
def version_detail(request: AppRequest, id: uuid.UUID, number: int) -> HttpResponse:
    """The document of one version; `?as=json` or `?as=yaml` downloads it."""
    template = get_workflow_or_404(request, id, "workflow.view")
    version = find_version(template, number)
    document = load(version.workflow_data)
    if request.GET.get("as") in ("json", "yaml"):
        return as_file(document, f"{template.template_id}-v{number}", request.GET["as"])
    before = (
        template.versions.numbered().filter(version_number__lt=number).order_by("-version_number").first()
    )
    context = frame(request, template) | {
        "version": version,
        "is_live": version.pk in live_versions(template),
        "before": before,
        "changes": _changes(
            catalogue_for(template.tenant), load(before.workflow_data) if before else None, document
        ),
        "text": dump_yaml(document),
    }
    return replies.vary(render(request, "workflows/version_detail.html", context))


def _changes(catalogue: TenantCatalogue, old: Document | None, new: Document) -> list[str]:
    known = (old, new) if old else (new,)
    return publishing.changes(old, new, title=titles(catalogue, *known))


def _rows(
    versions: list[WorkflowVersion],
    before: WorkflowVersion | None,
    live: dict[uuid.UUID, str],
    catalogue: TenantCatalogue,
) -> list[VersionRow]:
    texts = [load(version.workflow_data) for version in versions]
    texts_before: list[Document | None] = [*texts[1:], load(before.workflow_data) if before else None]
    numbers = [version.version_number for version in versions[1:]]
    numbers.append(before.version_number if before else None)
    return [
        VersionRow(version, version.pk in live, _changes(catalogue, old, new), number)
        for version, new, old, number in zip(versions, texts, texts_before, numbers, strict=False)
    ]


def _before(template: WorkflowTemplate, page: Any) -> WorkflowVersion | None:
    """The version just older than the page's last one."""
    if not page.object_list:
        return None
    last = list(page)[-1].version_number
    return template.versions.numbered().filter(version_number__lt=last).order_by("-version_number").first()


def live_versions(template: WorkflowTemplate) -> dict[uuid.UUID, str]:
    """Version → where it runs; paused ones say so."""
    rows = template.deployments.select_related("environment")
    return {row.version_id: row.environment.name + ("" if row.is_active else ", paused") for row in rows}


def _unpublished(template: WorkflowTemplate, rows: list[VersionRow], catalogue: TenantCatalogue) -> list[str]:
    """What the draft has that the newest version has not."""
    newest = load(rows[0].version.workflow_data) if rows else None
    return _changes(catalogue, newest, load_draft(template)) if newest else []


def find_version(template: WorkflowTemplate, number: int) -> WorkflowVersion:
    rows = template.versions.numbered().select_related("created_by")
    version = rows.filter(version_number=number).first()
    if version is None:
        raise Http404
    return version


def frame(request: AppRequest, template: WorkflowTemplate) -> dict[str, Any]:
    rights = rights_on(request.membership, template)
    return {
        "workflow": template,
        "may_publish": "workflow.publish" in rights,
        "may_edit": "workflow.edit" in rights,
        **bar_of(template, "versions", rights),
    }
