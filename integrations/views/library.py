"""The integration library: everything that can be connected, and one integration's page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.access import workspace_view
from accounts.request import AppRequest
from integrations.models import UserIntegration
from integrations.views.shelf import Card, cards, find_definition


@require_GET
@workspace_view(need="connection.view")
def integration_list(request: AppRequest, workspace_slug: str) -> HttpResponse:
    text, category = request.GET.get("q", "")[:100], request.GET.get("cat", "")[:60]
    chosen, chips = cards(request, text=text, category=category)
    connections = UserIntegration.objects.usable_by(request.user, request.workspace)
    context = {
        "nav": "integrations",
        "cards": chosen,
        "chips": chips,
        "text": text,
        "category": category,
        "connection_count": connections.count(),
    }
    name = (
        "integrations/_integration_cards.html"
        if request.htmx.target == "apps"
        else "integrations/integration_list.html"
    )
    return render(request, name, context)


@require_GET
@workspace_view(need="connection.view")
def integration_detail(request: AppRequest, workspace_slug: str, slug: str) -> HttpResponse:
    definition = find_definition(request.workspace, slug)
    mine = UserIntegration.objects.usable_by(request.user, request.workspace).filter(integration=definition)
    connections = list(mine.select_related("user", "integration"))
    context = {
        "nav": "integrations",
        "card": Card(definition, connections),
        "definition": definition,
        "connections": connections,
        "actions": definition.actions.filter(is_deprecated=False),
        "triggers": definition.triggers.filter(is_deprecated=False),
    }
    return render(request, "integrations/integration_detail.html", context)
