"""Who else is here, and whether the draft on the page is still the newest: one small answer every 20 seconds."""

from __future__ import annotations

import hashlib
import uuid

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.request import AppRequest
from automate.lib import jsontypes
from automate.lib.jsontypes import JSON
from workflows import documents
from workflows.access import get_workflow_or_404
from workflows.builder import answers, here
from workflows.builder.commands import TRIGGER
from workflows.builder.outline import Addresses
from workflows.builder.room import base_of
from workflows.models import WorkflowStep, WorkflowTemplate, WorkflowTrigger

MAX_AT = 60  # characters of "trigger:<key>"


@require_GET
def who_is_here(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """`?at=` the open step, `&version=` the draft on the page, `&base=` the open step as it was shown, `&seen=` what is
    on the page already: 204 when that still holds."""
    template = get_workflow_or_404(request, id, "workflow.edit")
    at = request.GET.get("at", "")[:MAX_AT]
    people = here.beat(template, request.user, at)
    shown, newer = _shown(template, people, at), _newer(request, template, at)
    context = {
        "people": shown,
        "newer": newer,
        "workflow": template,
        "page_url": reverse("workflows:workflow-build", args=[template.pk]),
        "here_url": reverse("workflows:builder-here", args=[template.pk]),
    }
    seen = hashlib.sha256(jsontypes.dumps_bytes([list(shown), newer])).hexdigest()[:12]
    if seen == request.GET.get("seen", ""):
        return answers.vary(HttpResponse(status=204))
    return answers.fragment(request, "_here.html", context | {"seen": seen})


def _shown(template: WorkflowTemplate, people: list[here.Person], at: str) -> list[JSON]:
    """Each with the name of the open step and its address (two SQL queries where somebody has one open)."""
    names = _names(template, {person.at for person in people if person.at})
    addresses = Addresses(page=reverse("workflows:workflow-build", args=[template.pk]), add="")
    found: list[JSON] = []
    for person in people:
        is_trigger = person.at.startswith(TRIGGER)
        where = names.get(person.at, "")
        url = addresses.of(person.at.removeprefix(TRIGGER), trigger=is_trigger) if where else ""
        found.append(
            {"name": person.name, "where": where, "url": url, "same": bool(where) and person.at == at}
        )
    return found


def _names(template: WorkflowTemplate, places: set[str]) -> dict[str, str]:
    steps = {place for place in places if not place.startswith(TRIGGER)}
    triggers = {place.removeprefix(TRIGGER) for place in places} - steps
    found: dict[str, str] = {}
    if steps:
        rows = WorkflowStep.objects.for_tenant(template.tenant_id).filter(template=template, key__in=steps)
        found |= dict(rows.values_list("key", "name"))
    if triggers:
        own = WorkflowTrigger.objects.for_tenant(template.tenant_id).filter(template=template)
        for key, name in own.filter(key__in=triggers).values_list("key", "name"):
            found[f"{TRIGGER}{key}"] = name
    return {place: name or place.removeprefix(TRIGGER) for place, name in found.items()}


def _newer(request: AppRequest, template: WorkflowTemplate, at: str) -> dict[str, JSON] | None:
    """What was done since the page was drawn, by whom, and whether it concerns the open step."""
    version = request.GET.get("version", "")
    if not version.isdecimal() or int(version[:9]) >= template.draft_version:
        return None
    row = template.revisions.select_related("by").first()
    who = row.by.shown_name if row and row.by and row.by != request.user else ""
    return {
        "by": who,
        "label": row.patch["label"] if row else "",
        "open": _open_changed(request, template, at),
    }


def _open_changed(request: AppRequest, template: WorkflowTemplate, at: str) -> bool:
    """Whether the open step is another one now than the form was shown with."""
    base = request.GET.get("base", "")
    if not at or not base:
        return False
    document = documents.load_draft(template)
    parts = document.triggers if at.startswith(TRIGGER) else document.steps
    own = next((part for part in parts if part.key == at.removeprefix(TRIGGER)), None)
    return own is None or base_of(document, own) != base
