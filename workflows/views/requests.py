"""The newest requests of a workflow's webhooks and forms: what came in, what came of it, and using it again."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from accounts.request import AppRequest
from automate.lib.ids import uuid7
from workflows import documents
from workflows.access import get_workflow_or_404, rights_on
from workflows.engine.errors import DocumentError
from workflows.errors import WorkflowError
from workflows.ingress import requests
from workflows.models import LiveTrigger, TriggerType, WorkflowTemplate, WorkflowTrigger
from workflows.views.frame import bar_of, run_tabs
from workflows.views.replies import vary
from workflows.views.run_filters import as_id

SHAPES: Final = {"json": "JSON", "tree": "Tree", "raw": "As sent"}
MAX_DEPTH: Final = 12  # of a tree; what lies deeper is shown as text
MAX_BRANCHES: Final = 500  # values a tree draws


@require_GET
def request_list(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """The list with one request open: `?trigger=`, `?open=` (the newest without it), `?as=` json, tree or raw."""
    template = get_workflow_or_404(request, id, "execution.view")
    triggers = _triggers(template)
    live = _chosen(triggers, request.GET.get("trigger", ""))
    found = requests.recent(template, live) if live else []
    opened = as_id(request.GET.get("open"))
    chosen = next((one for one in found if one.id == opened), found[0] if found else None)
    rights = rights_on(request.membership, template)
    context = bar_of(template, "runs", rights) | {
        "workflow": template,
        "tabs": run_tabs(template),
        "triggers": [(row.key, name) for row, name in triggers],
        "live": live,
        "requests": found,
        "chosen": chosen,
        "kept": requests.KEPT,
        "rights": rights,
        "press": uuid7(),
        "list_url": reverse("workflows:request-list", args=[template.pk]),
        **(_shown(template, chosen, request.GET.get("as", "")) if chosen else {}),
    }
    return vary(render(request, "workflows/request_list.html", context))


@require_POST
def request_use(request: AppRequest, id: uuid.UUID, request_id: uuid.UUID) -> HttpResponse:
    """`do`: `sample` keeps it for the builder, `draft` runs the draft on it, `replay` what is published."""
    do = request.POST.get("do", "")
    template = get_workflow_or_404(request, id, "workflow.edit" if do == "sample" else "workflow.run")
    live = _chosen(_triggers(template), request.POST.get("trigger", ""))
    if live is None or requests.one(template, live, request_id) is None:
        raise Http404
    try:
        return _used(request, template, live, request_id, do)
    except WorkflowError as error:
        messages.error(request, error.message)
    except DocumentError as error:
        messages.error(request, error.faults[0].message)
    query = urlencode({"trigger": live.key, "open": str(request_id)})
    return redirect(f"{reverse('workflows:request-list', args=[template.pk])}?{query}")


def _used(
    request: AppRequest, template: WorkflowTemplate, live: LiveTrigger, request_id: uuid.UUID, do: str
) -> HttpResponse:
    if do == "sample":
        requests.keep_as_sample(template, live, request_id)
        messages.success(request, "The builder works with the data of this request now.")
        query = urlencode({"trigger": live.key, "tab": "sample"})
        return redirect(f"{reverse('workflows:workflow-build', args=[template.pk])}?{query}")
    if do == "draft":
        run = requests.replay_to_draft(template, live, request_id, by=request.user)
        return redirect("workflows:run-detail", run)
    if do == "replay":
        press = str(as_id(request.POST.get("press")) or uuid7())
        result = requests.replay(template, live, request_id, press=press, by=request.user)
        if result.execution_id is None:
            raise requests.NotReplayable(
                "Nothing was started: an earlier run is under way, and the settings say so."
            )
        return redirect("workflows:run-detail", result.execution_id)
    raise Http404


def _triggers(template: WorkflowTemplate) -> list[tuple[LiveTrigger, str]]:
    """The addresses of this workflow with the names of their triggers, in the draft's order (three SQL queries)."""
    rows = documents.addresses(template)
    named = (
        WorkflowTrigger.objects.for_tenant(template.tenant_id).filter(template=template).order_by("position")
    )
    names = dict(named.values_list("key", "name"))
    keys = [*[key for key in names if key in rows], *sorted(rows.keys() - names.keys())]
    kinds = (TriggerType.WEBHOOK, TriggerType.FORM, TriggerType.EVENT)
    return [(rows[key], names.get(key) or key) for key in keys if rows[key].type in kinds]


def _chosen(triggers: list[tuple[LiveTrigger, str]], key: str) -> LiveTrigger | None:
    named = [row for row, _ in triggers if row.key == key]
    return next(iter(named or [row for row, _ in triggers]), None)


def _shown(template: WorkflowTemplate, chosen: requests.Request, shape: str) -> dict[str, Any]:
    """The data of the open request, in the shape that was asked for."""
    data = requests.data_of(template, chosen.id)
    shape = shape if shape in SHAPES else "json"
    parts = [
        (name, (data or {}).get(key))
        for name, key in (("Body", "body"), ("Query", "query"), ("Headers", "headers"))
    ]
    return {
        "data": data,
        "shape": shape,
        "segments": [
            {
                "label": label,
                "active": key == shape,
                "url": "?" + urlencode({"trigger": chosen.trigger_key, "open": str(chosen.id), "as": key}),
            }
            for key, label in SHAPES.items()
        ],
        "method": (data or {}).get("method", ""),
        "parts": [
            (name, value, tree(value) if shape == "tree" else ())
            for name, value in parts
            if value not in (None, "", {})
        ],
        "raw": requests.as_http(data) if data and shape == "raw" else "",
    }


def tree(value: Any, depth: int = 0, budget: list[int] | None = None) -> list[dict[str, Any]]:
    """The parts of an object or list: {name, value} for leaves, {name, count, children} for branches."""
    left = budget if budget is not None else [MAX_BRANCHES]
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else [("", value)]
    )
    found = []
    for name, part in pairs:
        if left[0] <= 0:
            break
        left[0] -= 1
        branch = isinstance(part, dict | list) and bool(part) and depth < MAX_DEPTH
        children = tree(part, depth + 1, left) if branch else []
        found.append(
            {"name": str(name), "value": part, "count": len(part) if branch else 0, "children": children}
        )
    return found
