"""What a workflow remembers between its runs: its names and values, and how many items its steps have seen."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.db.models import Count, Max
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from accounts.audit import record
from accounts.models import Environment
from accounts.request import AppRequest
from automate.lib import clock, jsontypes
from workflows.access import get_workflow_or_404, rights_on
from workflows.models import SeenItem, StepState, WorkflowStep, WorkflowTemplate
from workflows.runs.memory import Owner
from workflows.runs.memory_store import keys_of, seen_items
from workflows.views.frame import bar_of, run_tabs
from workflows.views.replies import vary

PAGE_SIZE: Final = 100
SHOWN_CHARS: Final = 2_000  # of one value
TESTS: Final = "tests"


@dataclass(frozen=True)
class Kept:
    """One name as a row; what quotes a secret is not shown."""

    row: StepState
    text: str
    is_cut: bool

    @classmethod
    def of(cls, row: StepState) -> Kept:
        text = "" if row.is_encrypted else jsontypes.dumps(row.value)
        return cls(row, text[:SHOWN_CHARS], len(text) > SHOWN_CHARS)


@require_GET
def memory_list(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    template = get_workflow_or_404(request, id, "execution.view")
    chosen, chips = _places(template, request.GET.get("of", ""))
    query, after = request.GET.get("q", "").strip()[:120], request.GET.get("after", "")[:120]
    rows = (
        keys_of(chosen)
        .filter(key__icontains=query, key__gt=after)
        .exclude(value__isnull=True)
        .order_by("key")
    )
    found = list(rows[: PAGE_SIZE + 1])
    base = reverse("workflows:memory-list", args=[template.pk])
    more = (
        {"of": _name(chosen), "q": query, "after": found[PAGE_SIZE - 1].key} if len(found) > PAGE_SIZE else {}
    )
    rights = rights_on(request.membership, template)
    context = {
        "workflow": template,
        "kept": [Kept.of(row) for row in found[:PAGE_SIZE]],
        "seen": _seen(template, chosen),
        "now": clock.now(),
        "q": query,
        "of": _name(chosen),
        "chips": chips,
        "list_url": base,
        "more_url": f"{base}?{urlencode(more)}" if more else "",
        "may_forget": "workflow.edit" in rights,
        "tabs": run_tabs(template),
    }
    return vary(render(request, "workflows/memory_list.html", context | bar_of(template, "runs", rights)))


@require_POST
def memory_forget(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """Forget one name (`key`), what a step has seen (`step`), or everything (`all`) of one memory."""
    template = get_workflow_or_404(request, id, "workflow.edit")
    chosen, _ = _places(template, request.POST.get("of", ""))
    count, words = _forget(chosen, request.POST)
    if count:
        detail = {"forgot": words, "of": _name(chosen)}
        record(template.tenant, request.user, "workflow.memory_changed", template, after=detail)
    messages.success(request, f"Forgot {words}." if count else "There was nothing to forget.")
    return redirect(
        f"{reverse('workflows:memory-list', args=[template.pk])}?{urlencode({'of': _name(chosen)})}"
    )


def _forget(owner: Owner, post: Any) -> tuple[int, str]:
    """How many rows went, and what that was."""
    if "key" in post:
        return keys_of(owner).filter(key=post["key"]).delete()[0], f"“{post['key'][:120]}”"
    if "step" in post:
        return seen_items(owner, post["step"]).delete()[0], "which items went through before"
    if "all" not in post:
        raise Http404
    seen = SeenItem.objects.for_tenant(owner.tenant_id).filter(
        template_id=owner.template_id, environment_id=owner.environment_id
    )
    return keys_of(owner).delete()[0] + seen.delete()[0], "everything"


def _places(template: WorkflowTemplate, wanted: str) -> tuple[Owner, list[dict[str, Any]]]:
    """The memory that is asked for, the default environment's unless another is named; and all there are."""
    environments = list(Environment.objects.for_tenant(template.tenant_id).order_by("order", "pk"))
    owners = [(str(one.pk), one.name, one.pk) for one in environments] + [(TESTS, "Test runs", None)]
    default = next((str(one.pk) for one in environments if one.is_default), owners[0][0])
    known = {name for name, _, _ in owners}
    chosen = wanted if wanted in known else default
    base = reverse("workflows:memory-list", args=[template.pk])
    chips = [
        {"label": label, "url": f"{base}?{urlencode({'of': name})}", "active": name == chosen}
        for name, label, _ in owners
    ]
    place = next(pk for name, _, pk in owners if name == chosen)
    return Owner(template.tenant_id, template.pk, place), chips


def _name(owner: Owner) -> str:
    return str(owner.environment_id) if owner.environment_id else TESTS


def _seen(template: WorkflowTemplate, owner: Owner) -> list[dict[str, Any]]:
    """Per step, how many items it knows and when the last one came (two SQL queries)."""
    rows = SeenItem.objects.for_tenant(owner.tenant_id).filter(
        template_id=owner.template_id, environment_id=owner.environment_id
    )
    counted = list(
        rows.values("step_key").annotate(count=Count("pk"), last=Max("seen_at")).order_by("step_key")
    )
    steps = WorkflowStep.objects.for_tenant(template.tenant_id).filter(template=template)
    names = dict(steps.values_list("key", "name"))
    return [{**row, "name": names.get(row["step_key"]) or row["step_key"]} for row in counted]
