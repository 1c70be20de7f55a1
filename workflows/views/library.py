"""The template library: finding a template, and looking at it."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET
from django_htmx.http import push_url

from accounts.access import workspace_view
from accounts.models import Tenant
from accounts.permissions import has_permission
from accounts.request import AppRequest
from integrations.models import IntegrationDefinition, UserIntegration
from workflows.builder.chosen_view import OUTLINE, chosen_view, view_switch
from workflows.documents import catalogue_for
from workflows.documents.catalogue import TenantCatalogue
from workflows.engine.document import Document, load
from workflows.gallery.asks import read_asks
from workflows.models import WorkflowTemplateLibrary
from workflows.views import replies
from workflows.views.template_asks import questions
from workflows.views.template_cards import TemplateCard, canvas_of, category_word, outline_of
from workflows.views.template_story import story_of

FEATURED: Final = "featured"
NO_ACCOUNT: Final = "no-account"
OWN: Final = "workspace"


@require_GET
@workspace_view(need="workflow.view")
def template_list(request: AppRequest, workspace_slug: str) -> HttpResponse:
    text, category = request.GET.get("q", "").strip()[:100], request.GET.get("cat", "")[:60]
    only_mine = bool(request.GET.get("mine"))
    offered = list(WorkflowTemplateLibrary.objects.offered_to(request.workspace).matching(text))
    if only_mine:
        connected = connected_apps(request)
        offered = [entry for entry in offered if set(entry.required_integrations) <= connected]
    found = [entry for entry in offered if _is_in(entry, category)]
    url = reverse("workflows:template-list", args=[workspace_slug])
    kept = {"q": text, "mine": "1" if only_mine else ""}
    context = {
        "nav": "templates",
        "list_url": url,
        "q": text,
        "cat": category,
        "mine": only_mine,
        "cards": [TemplateCard(entry) for entry in found],
        "chips": _chips(offered, url, kept, category),
        "may_share": has_permission(request.membership, "library.manage"),
        "is_own": category == OWN,
    }
    is_part = replies.asks_for(request, "templates")
    name = "workflows/_template_cards.html" if is_part else "workflows/template_list.html"
    response = replies.vary(render(request, name, context))
    return push_url(response, _with(url, kept | {"cat": category})) if is_part else response


@require_GET
@workspace_view(need="workflow.view")
def template_detail(request: AppRequest, workspace_slug: str, slug: str) -> HttpResponse:
    entry = find_template(request.workspace, slug)
    document = load(entry.template_data)
    catalogue = catalogue_for(request.workspace)
    context = {
        "nav": "templates",
        "card": TemplateCard(entry),
        "document": document,
        "views": view_switch(request, free=False),
        **_drawn(request, document, catalogue),
        "story": story_of(document, catalogue),
        "needs": _needs(request, entry.required_integrations),
        "questions": questions(document, read_asks(entry.asks), catalogue),
        **_own(request, entry),
    }
    return replies.vary(render(request, "workflows/template_detail.html", context))


def _drawn(request: AppRequest, document: Document, catalogue: TenantCatalogue) -> dict[str, Any]:
    """The steps in the view this person chose."""
    if chosen_view(request) == OUTLINE:
        return {"outline": outline_of(document, catalogue)}
    return {"canvas": canvas_of(document, catalogue)}


def _own(request: AppRequest, entry: WorkflowTemplateLibrary) -> dict[str, Any]:
    """Of a template of this workspace: the workflow it was made of, and whether that has changed since."""
    if entry.tenant_id is None:
        return {}
    may_share = has_permission(request.membership, "library.manage")
    source = entry.source if may_share else None
    return {
        "may_share": may_share,
        "source": source,
        "has_news": source is not None and source.draft_version != entry.source_draft,
    }


def find_template(tenant: Tenant, slug: str) -> WorkflowTemplateLibrary:
    """The workspace's own template of that name, else the shipped one. Raises Http404."""
    rows = WorkflowTemplateLibrary.objects.offered_to(tenant).filter(slug=slug)
    found = sorted(rows, key=lambda entry: entry.tenant_id is None)
    if not found:
        raise Http404
    return found[0]


def connected_apps(request: AppRequest) -> set[str]:
    """Slugs of the apps this person has a working connection to (one SQL query)."""
    rows = UserIntegration.objects.usable_by(request.user, request.workspace).filter(
        workflow=None, needs_reconnect=False
    )
    return set(rows.values_list("integration__name", flat=True))


def _needs(request: AppRequest, slugs: list[str]) -> list[dict[str, Any]]:
    """The apps a template needs, and whether this person is connected."""
    connected = connected_apps(request) if slugs else set()
    names = dict(
        IntegrationDefinition.objects.offered_to(request.workspace)
        .filter(name__in=slugs)
        .values_list("name", "display_name")
    )
    return [{"slug": slug, "name": names.get(slug, slug), "connected": slug in connected} for slug in slugs]


def _is_in(entry: WorkflowTemplateLibrary, category: str) -> bool:
    if category == FEATURED:
        return entry.is_featured
    if category == NO_ACCOUNT:
        return not entry.required_integrations
    if category == OWN:
        return entry.tenant_id is not None
    return not category or entry.category == category


def _chips(
    offered: list[WorkflowTemplateLibrary], url: str, kept: dict[str, str], chosen: str
) -> list[dict[str, Any]]:
    """All, featured, without an account, the workspace's own, then the categories there are: each with its number."""
    categories = sorted({entry.category for entry in offered if entry.category}, key=category_word)
    entries = [
        ("", "All"),
        (FEATURED, "Featured"),
        (NO_ACCOUNT, "No account needed"),
        (OWN, "Your workspace"),
    ]
    entries += [(name, category_word(name)) for name in categories]
    if chosen and chosen not in dict(entries):
        entries.append((chosen, category_word(chosen)))
    return [
        {
            "label": label,
            "active": name == chosen,
            "url": _with(url, kept | {"cat": name}),
            "count": sum(_is_in(entry, name) for entry in offered),
        }
        for name, label in entries
    ]


def _with(url: str, query: dict[str, str]) -> str:
    said = urlencode({key: value for key, value in query.items() if value})
    return f"{url}?{said}" if said else url
