"""The template library: finding a template, looking at it, and making a workflow of it."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import push_url

from accounts.access import workspace_view
from accounts.models import Tenant
from accounts.request import AppRequest
from integrations.models import IntegrationDefinition, UserIntegration
from workflows import gallery
from workflows.builder.chosen_view import OUTLINE, chosen_view, view_switch
from workflows.documents import catalogue_for
from workflows.documents.catalogue import TenantCatalogue
from workflows.engine.document import Document, load
from workflows.errors import ConnectionRefused
from workflows.models import WorkflowTemplateLibrary
from workflows.views import replies
from workflows.views.template_cards import TemplateCard, canvas_of, category_word, outline_of
from workflows.views.template_setup import chosen_bindings, slot_choices

FEATURED: Final = "featured"
NO_ACCOUNT: Final = "no-account"


@require_GET
@workspace_view(need="workflow.view")
def template_list(request: AppRequest, workspace_slug: str) -> HttpResponse:
    text, category = request.GET.get("q", "").strip()[:100], request.GET.get("cat", "")[:60]
    only_mine = bool(request.GET.get("mine"))
    offered = list(WorkflowTemplateLibrary.objects.offered_to(request.workspace).matching(text))
    found = [entry for entry in offered if _is_in(entry, category)]
    if only_mine:
        connected = connected_apps(request)
        found = [entry for entry in found if set(entry.required_integrations) <= connected]
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
        "needs": _needs(request, entry.required_integrations),
    }
    return replies.vary(render(request, "workflows/template_detail.html", context))


def _drawn(request: AppRequest, document: Document, catalogue: TenantCatalogue) -> dict[str, Any]:
    """The steps in the view this person chose."""
    if chosen_view(request) == OUTLINE:
        return {"outline": outline_of(document, catalogue)}
    return {"canvas": canvas_of(document, catalogue)}


@require_http_methods(["GET", "POST"])
@workspace_view(need="workflow.edit")
def template_use(request: AppRequest, workspace_slug: str, slug: str) -> HttpResponse:
    """POST makes the workflow and leads to the builder; GET asks for the connections it needs, if it needs any."""
    entry = find_template(request.workspace, slug)
    slots = slot_choices(request, load(entry.template_data))
    refusal = ""
    if request.method == "POST":
        try:
            template = gallery.use(
                entry, request.workspace, by=request.user, bindings=chosen_bindings(request, slots)
            )
            return replies.go(request, reverse("workflows:workflow-build", args=[template.pk]))
        except ConnectionRefused as error:
            refusal = error.message
    context = {"nav": "templates", "card": TemplateCard(entry), "slots": slots, "refusal": refusal}
    page = render(request, "workflows/template_use.html", context, status=422 if refusal else 200)
    return replies.vary(page)


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
    return not category or entry.category == category


def _chips(
    offered: list[WorkflowTemplateLibrary], url: str, kept: dict[str, str], chosen: str
) -> list[dict[str, Any]]:
    """All, featured, without an account, then the categories there are."""
    categories = sorted({entry.category for entry in offered if entry.category}, key=category_word)
    entries = [("", "All"), (FEATURED, "Featured"), (NO_ACCOUNT, "No account needed")]
    entries += [(name, category_word(name)) for name in categories]
    return [
        {"label": label, "active": name == chosen, "url": _with(url, kept | {"cat": name})}
        for name, label in entries
    ]


def _with(url: str, query: dict[str, str]) -> str:
    said = urlencode({key: value for key, value in query.items() if value})
    return f"{url}?{said}" if said else url
