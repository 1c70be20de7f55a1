"""What the library shows of each integration: counts, and whether this person is connected."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q
from django.http import Http404
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import Tenant, User
from accounts.request import AppRequest
from integrations.models import AuthType, DefinitionQuerySet, IntegrationDefinition, UserIntegration

CONNECTED = "connected"  # the chip that is no category
_ACRONYMS = {"ai": "AI", "crm": "CRM", "hr": "HR", "it": "IT", "iot": "IoT"}


@dataclass(frozen=True)
class Card:
    definition: IntegrationDefinition
    connections: list[UserIntegration]

    @property
    def category(self) -> str:
        return category_word(self.definition.category)

    @property
    def can_connect(self) -> bool:
        return any(way.get("type") != "none" for way in self.definition.auth_config)

    @property
    def must_connect(self) -> bool:
        """Whether nothing of it works without a connection."""
        return self.can_connect and all(way.get("type") != "none" for way in self.definition.auth_config)

    @property
    def broken(self) -> UserIntegration | None:
        """One to reconnect, unless another one works."""
        broken = [connection for connection in self.connections if connection.needs_reconnect]
        return broken[0] if broken and len(broken) == len(self.connections) else None

    @property
    def status(self) -> str:
        """A status word of the pills, or empty."""
        if not self.connections:
            return ""
        return "EXPIRED" if self.broken else "CONNECTED"

    @property
    def facts(self) -> str:
        """“4 triggers · 11 actions”."""
        counts = [
            (getattr(self.definition, "trigger_count", 0), "trigger"),
            (getattr(self.definition, "action_count", 0), "action"),
        ]
        return " · ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts if n)


def category_word(category: str) -> str:
    """The category as people read it: `project_management` is “Project management”."""
    return _ACRONYMS.get(category, category.replace("_", " ").replace("-", " ").capitalize())


def offered(tenant: Tenant) -> DefinitionQuerySet:
    """The integrations of a workspace with `action_count` and `trigger_count`."""
    live = Q(actions__is_deprecated=False)
    heard = Q(triggers__is_deprecated=False)
    return IntegrationDefinition.objects.offered_to(tenant).annotate(
        action_count=Count("actions", filter=live, distinct=True),
        trigger_count=Count("triggers", filter=heard, distinct=True),
    )


def find_definition(tenant: Tenant, slug: str) -> IntegrationDefinition:
    """The workspace's own integration of that name, else the shipped one. Raises Http404."""
    found = sorted(offered(tenant).filter(name=slug), key=lambda row: row.tenant_id is None)
    if not found:
        raise Http404
    return found[0]


def connections_by_integration(user: User, tenant: Tenant) -> dict[uuid.UUID, list[UserIntegration]]:
    """What this person may use here (one SQL query)."""
    found: dict[uuid.UUID, list[UserIntegration]] = defaultdict(list)
    for connection in UserIntegration.objects.usable_by(user, tenant).filter(workflow=None):
        found[connection.integration_id].append(connection)
    return found


def cards(request: AppRequest, *, text: str, category: str) -> tuple[list[Card], list[dict[str, object]]]:
    """The cards that match, and the chips to filter by (two SQL queries)."""
    mine = connections_by_integration(request.user, request.workspace)
    every = [Card(row, mine.get(row.pk, [])) for row in offered(request.workspace).matching(text)]
    chosen = [card for card in every if _is_in(card, category)]
    return chosen, _chips(request, every, text, category)


def _is_in(card: Card, category: str) -> bool:
    if category == CONNECTED:
        return bool(card.connections)
    return not category or card.definition.category == category


def _chips(request: AppRequest, every: Iterable[Card], text: str, category: str) -> list[dict[str, object]]:
    """All, Connected with its count, then the categories by name."""
    every = list(every)
    base = reverse("integrations:integration-list", args=[request.workspace.slug])
    connected = sum(bool(card.connections) for card in every)
    names = {card.definition.category: card.category for card in every} | (
        {category: category_word(category)} if category not in ("", CONNECTED) else {}
    )
    entries: list[tuple[str, str, int | None]] = [("", "All", None), (CONNECTED, "Connected", connected)]
    entries += [(key, word, None) for key, word in sorted(names.items(), key=lambda pair: pair[1]) if key]
    return [
        {"label": label, "count": count, "active": key == category, "url": _with(base, q=text, cat=key)}
        for key, label, count in entries
    ]


def _with(base: str, **query: str) -> str:
    given = urlencode({key: value for key, value in query.items() if value})
    return f"{base}?{given}" if given else base


def auth_word(auth_type: str) -> str:
    return AuthType(auth_type.upper()).label
