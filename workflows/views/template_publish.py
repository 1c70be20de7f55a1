"""Putting one's own workflow into the workspace's library, renewing it there, and taking it back."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from typing import Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import workspace_view
from accounts.request import AppRequest, client_ip
from workflows import gallery
from workflows.access import get_workflow_or_404, hidden_workflows
from workflows.builder.names import Names
from workflows.documents import catalogue_for
from workflows.documents.catalogue import TenantCatalogue
from workflows.engine.document import Document
from workflows.engine.graph import Graph
from workflows.gallery.asks import Ask, read_asks
from workflows.gallery.sharing import Offered
from workflows.models import WorkflowTemplate, WorkflowTemplateLibrary
from workflows.views import replies
from workflows.views.library import find_template
from workflows.views.template_asks import SIMPLE, Question, questions
from workflows.views.template_cards import category_word

MAX_LISTED: Final = 200  # workflows to choose from
MAX_ASKS: Final = 20


class ShareForm(forms.Form):
    name = forms.CharField(max_length=200, help_text="What it does, as a newcomer would say it.")
    description = forms.CharField(
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="In one line",
        help_text="Shown on its card.",
    )
    category = forms.CharField(
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"list": "categories", "autocomplete": "off"}),
        help_text="Choose one, or type a new one.",
    )

    def clean_category(self) -> str:
        """As shipped ones are stored: `developer_tools`."""
        return re.sub(r"[^\w]+", "_", str(self.cleaned_data["category"]).strip().lower()).strip("_")


@dataclass(frozen=True)
class Candidate:
    """A value of the workflow that people can be asked for."""

    n: int
    question: Question
    where: str
    chosen: bool
    label: str

    @property
    def shown(self) -> str:
        return self.question.text[:80] if not self.question.times else self.question.times.cron


@require_http_methods(["GET", "POST"])
@workspace_view(need="library.manage")
def template_publish(request: AppRequest, workspace_slug: str) -> HttpResponse:
    """Without `?workflow=` a list to choose from; with it the page that says what becomes public, and the deed."""
    given = request.POST.get("workflow") or request.GET.get("workflow", "")
    if not given:
        return _choose(request)
    template = _workflow(request, given)
    catalogue = catalogue_for(request.workspace)
    offered = gallery.offer_of(template, catalogue)
    entry = gallery.entry_of(template)
    candidates = _candidates(request, offered, catalogue, entry)
    samples = gallery.samples_of(template, offered.document)
    form = ShareForm(request.POST or None, initial=_initial(template, entry))
    form.fields["category"].widget.attrs["placeholder"] = "Sales"
    if request.method == "POST" and form.is_valid():
        card = gallery.Card(
            asks=_asks(candidates),
            samples=samples if request.POST.get("with_sample") else {},
            **form.cleaned_data,
        )
        return _done(request, gallery.share(template, offered, card, by=request.user, ip=client_ip(request)))
    context = {
        "nav": "templates",
        "workflow": template,
        "form": form,
        "entry": entry,
        "offered": offered,
        "candidates": candidates,
        "has_samples": bool(samples),
        "with_sample": bool(request.POST.get("with_sample") or (entry and entry.samples)),
        "categories": [category_word(word) for word in gallery.used_categories(request.workspace)],
    }
    status = 422 if form.errors else 200
    return replies.vary(render(request, "workflows/template_publish.html", context, status=status))


@require_POST
@workspace_view(need="library.manage")
def template_withdraw(request: AppRequest, workspace_slug: str, slug: str) -> HttpResponse:
    entry = find_template(request.workspace, slug)
    if entry.tenant_id is None:
        raise Http404
    gallery.withdraw(entry, by=request.user, ip=client_ip(request))
    messages.success(
        request, f"“{entry.name}” is taken out of the library. Workflows made of it go on as they are."
    )
    return replies.go(request, reverse("workflows:template-list", args=[workspace_slug]) + "?cat=workspace")


def _choose(request: AppRequest) -> HttpResponse:
    rows = WorkflowTemplate.objects.for_tenant(request.workspace).not_archived()
    rows = rows.exclude(pk__in=hidden_workflows(request.membership)).order_by("-updated_at")[:MAX_LISTED]
    shared = WorkflowTemplateLibrary.objects.filter(tenant=request.workspace).exclude(source=None)
    context = {
        "nav": "templates",
        "workflows": rows,
        "shared": set(shared.values_list("source_id", flat=True)),
        "dialog_title": "Which workflow?",
        "back_url": reverse("workflows:template-list", args=[request.workspace.slug]),
    }
    return replies.dialog(request, "workflows/template_choose.html", context)


def _done(request: AppRequest, entry: WorkflowTemplateLibrary) -> HttpResponse:
    if entry.edition == 1:
        messages.success(
            request, f"“{entry.name}” is in the library. Everybody in this workspace can use it."
        )
    else:
        messages.success(request, f"“{entry.name}” is renewed in the library: edition {entry.edition}.")
    url = reverse("workflows:template-detail", args=[request.workspace.slug, entry.slug])
    return replies.go(request, url)


def _workflow(request: AppRequest, given: str) -> WorkflowTemplate:
    """Of this workspace, and one that this person may change. Raises Http404."""
    workspace = request.workspace
    try:
        id = uuid.UUID(given)
    except ValueError:
        raise Http404 from None
    if not WorkflowTemplate.objects.for_tenant(workspace).filter(pk=id).exists():
        raise Http404
    return get_workflow_or_404(request, id, "workflow.edit")


def _initial(template: WorkflowTemplate, entry: WorkflowTemplateLibrary | None) -> dict[str, str]:
    if entry is None:
        return {"name": template.name, "description": template.description.split("\n")[0][:300]}
    return {"name": entry.name, "description": entry.description, "category": category_word(entry.category)}


def _candidates(
    request: AppRequest, offered: Offered, catalogue: TenantCatalogue, entry: WorkflowTemplateLibrary | None
) -> list[Candidate]:
    """What can be asked for; ticked is what was asked before, or what was posted."""
    before = {ask.place: ask for ask in read_asks(entry.asks)} if entry else {}
    names = Names(offered.document, catalogue, Graph(offered.document).outline())
    found = []
    for n, place in enumerate(offered.places):
        question = _shown(n, place, offered.document, catalogue)
        if question is None:
            continue
        known = before.get(place)
        label = request.POST.get(f"label-{n}", "") or (known.label if known else "") or question.spec.label
        chosen = f"ask-{n}" in request.POST if request.method == "POST" else known is not None
        where = names.numbered(question.part.key) if question.part else ""
        found.append(Candidate(n, question, where, chosen, label))
    return found


def _shown(n: int, place: str, document: Document, catalogue: TenantCatalogue) -> Question | None:
    """The question, if a set-up page can put it."""
    question = questions(document, [Ask((place,))], catalogue)[0]
    return replace(question, n=n) if question.spec.kind in SIMPLE else None


def _asks(candidates: list[Candidate]) -> tuple[Ask, ...]:
    return tuple(Ask(one.question.ask.at, label=one.label[:120]) for one in candidates if one.chosen)[
        :MAX_ASKS
    ]
