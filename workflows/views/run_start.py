"""Run now: what is published, started by a person."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.request import AppRequest
from automate.lib.jsontypes import JSON, BadJSON, loads
from workflows.access import get_workflow_or_404
from workflows.builder.forms.values import BadValue, clean, pretty
from workflows.documents import trigger_type
from workflows.engine.document import Document, Trigger, load
from workflows.engine.kinds import TRIGGER_KINDS
from workflows.errors import NothingPublished, WorkflowError
from workflows.models import Deployment
from workflows.runs import by_hand
from workflows.runs.start import StartResult, start_run
from workflows.views import replies
from workflows.views.run_deeds import MAX_INPUT_CHARS

LEFT_OUT = "Nothing was started: a run is under way, and the workflow's settings leave new ones out then."


@require_http_methods(["GET", "POST"])
def workflow_run(request: AppRequest, id: uuid.UUID) -> HttpResponse:
    """GET asks as what and with which data, POST starts it and goes to its run."""
    template = get_workflow_or_404(request, id, "workflow.run")
    home = reverse("workflows:workflow-runs", args=[template.pk])
    try:
        deployment = by_hand.deployment_of(template)
    except NothingPublished as refusal:
        return replies.done(request, refusal.message, home=home, tone="bad", status=409)
    document = load(deployment.version.workflow_data)
    trigger = _trigger(document, request.POST.get("trigger") or request.GET.get("trigger", ""))
    text, error = pretty(_example(document, trigger)), ""
    if request.method == "POST":
        text = request.POST.get("body", "")
        try:
            result = _started(request, deployment, document, trigger, text)
        except (BadJSON, BadValue, WorkflowError) as bad:
            error = getattr(bad, "message", "") or str(bad)
        else:
            if result.is_skipped:
                return replies.done(request, LEFT_OUT, home=home, tone="warn", events=("dialog-close",))
            return replies.go(request, reverse("workflows:run-detail", args=[result.execution_id]))
    context = {
        "dialog_title": "Run now",
        "dialog_sub": f"Runs {template.name} as it is published: v{deployment.version.version_number}.",
        "triggers": [
            (one.key, one.name or TRIGGER_KINDS[one.type].label) for one in by_hand.triggers_of(document)
        ],
        "trigger": trigger,
        "body": text,
        "error": error,
        "action": request.path,
        "back_url": home,
    }
    return replies.dialog(request, "workflows/run_now.html", context, status=422 if error else 200)


def _trigger(document: Document, key: str) -> Trigger:
    possible = by_hand.triggers_of(document)
    return next((trigger for trigger in possible if trigger.key == key), possible[0])


def _example(document: Document, trigger: Trigger) -> JSON:
    """What stands in the field at first: the schedule's own input, the names a schema asks for, or an empty object."""
    given: JSON = trigger.config.get("input")
    if trigger.type == "schedule" and given is not None:
        return given
    asked = by_hand.schema_of(document, trigger).get("properties")
    if not isinstance(asked, dict):
        return {}
    return {name: part.get("default") if isinstance(part, dict) else None for name, part in asked.items()}


def _started(
    request: AppRequest, deployment: Deployment, document: Document, trigger: Trigger, text: str
) -> StartResult:
    """Raises BadJSON, BadValue, WorkflowError."""
    if len(text) > MAX_INPUT_CHARS:
        raise BadValue(f"This is longer than {MAX_INPUT_CHARS:,} characters. Shorten it.")
    body = loads(clean(text)) if text.strip() else {}
    if fault := by_hand.fault_of_input(document, trigger, body):
        raise BadValue(fault[1])
    return start_run(
        deployment=deployment,
        trigger=by_hand.payload(trigger, body),
        live_trigger=by_hand.live_trigger_of(deployment, trigger),
        trigger_type=trigger_type(trigger.type),
        started_by=request.user.pk,
    )
