"""Two versions, or a version and the draft, beside each other: as a picture with the changed fields, and as text."""

from __future__ import annotations

import difflib
import uuid
from typing import Any, Final

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from accounts.request import AppRequest
from workflows import publishing
from workflows.access import get_workflow_or_404
from workflows.documents import catalogue_for, load_draft
from workflows.engine.document import Document, dump_yaml, load
from workflows.models import WorkflowTemplate
from workflows.views import replies
from workflows.views.version_picture import compared, titles
from workflows.views.versions import find_version, frame

DRAFT: Final = "draft"
CONTEXT_LINES: Final = 3
SHOWN: Final = (("picture", "Picture"), ("text", "Text"))
MAX_OFFERED: Final = 100  # versions to choose from


@require_GET
def version_compare(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """`?from=2&to=5`; `to=draft` is what is being edited. `&show=text`: the documents as text."""
    template = get_workflow_or_404(request, id, "workflow.view")
    left_name, right_name = request.GET.get("from", ""), request.GET.get("to", DRAFT)
    left, right = _named(template, left_name), _named(template, right_name)
    catalogue = catalogue_for(template.tenant)
    show = "text" if request.GET.get("show") == "text" else "picture"
    context = frame(request, template) | {
        "left": _words(left_name),
        "right": _words(right_name),
        "left_words": f"In {_words(left_name)}",
        "right_words": f"In {_words(right_name)}",
        "from": left_name,
        "to": right_name,
        "show": show,
        "tabs": _tabs(template, left_name, right_name, show),
        "changes": publishing.changes(left, right, title=titles(catalogue, left, right)),
        "numbers": list(template.versions.numbered().values_list("version_number", flat=True)[:MAX_OFFERED]),
    }
    if show == "text":
        context["lines"] = diff(dump_yaml(left), dump_yaml(right))
    else:
        context |= compared(left, right, catalogue)
    return replies.vary(render(request, "workflows/version_compare.html", context))


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


def _tabs(template: WorkflowTemplate, left: str, right: str, chosen: str) -> list[dict[str, Any]]:
    url = reverse("workflows:version-compare", args=[template.pk])
    return [
        {"label": label, "active": key == chosen,
         "url": f"{url}?{urlencode({'from': left, 'to': right, 'show': key})}"}
        for key, label in SHOWN
    ]  # fmt: skip


def _named(template: WorkflowTemplate, name: str) -> Document:
    if name == DRAFT:
        return load_draft(template)
    if not name.isascii() or not name.isdigit() or len(name) > 9:
        raise Http404
    return load(find_version(template, int(name)).workflow_data)


def _words(name: str) -> str:
    return "the draft" if name == DRAFT else f"version {name}"
