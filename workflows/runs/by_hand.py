"""Starting what is published without its trigger: by a person on a page, the API, or a shell."""

from __future__ import annotations

from typing import Any

from accounts.models import Environment
from automate.lib import clock
from automate.lib.jsontypes import JSON
from workflows.engine.document import Document, Trigger
from workflows.errors import NothingPublished
from workflows.models import Deployment, LiveTrigger, WorkflowTemplate

_OF_A_CALL: dict[str, JSON] = {"method": "POST", "path": "", "query": {}, "headers": {}, "files": {}}
_BESIDES: dict[str, dict[str, JSON]] = {
    "webhook": _OF_A_CALL,
    "form": {"files": {}},
    "event": {"headers": {}},
}


def deployment_of(template: WorkflowTemplate, environment: Environment | None = None) -> Deployment:
    """What runs in an environment, the default one unless given. Raises NothingPublished, also while it is paused."""
    rows = Deployment.objects.for_tenant(template.tenant_id).filter(template=template)
    which = {"environment": environment} if environment else {"environment__is_default": True}
    deployment = rows.filter(**which).select_related("version").first()
    if deployment is None:
        raise NothingPublished(f'"{template.name}" has no published version yet. Publish it first.')
    if not deployment.is_active:
        raise NothingPublished(f'"{template.name}" is paused. Resume it first.')
    return deployment


def triggers_of(document: Document) -> list[Trigger]:
    """What it can be started as: what is meant to be started by hand first."""
    enabled = [trigger for trigger in document.triggers if trigger.enabled]
    by_hand = [trigger for trigger in enabled if trigger.type == "manual"]
    others = [trigger for trigger in enabled if trigger.type != "manual"]
    return [*by_hand, *others] or [Trigger(key="manual", type="manual")]


def live_trigger_of(deployment: Deployment, trigger: Trigger) -> LiveTrigger | None:
    rows = LiveTrigger.objects.for_tenant(deployment.tenant_id).filter(deployment=deployment, key=trigger.key)
    return rows.first()


def schema_of(document: Document, trigger: Trigger) -> dict[str, Any]:
    """The JSON Schema of what a start must bring; empty when anything will do."""
    schema: dict[str, Any] = trigger.config.get("input_schema") or document.settings.input_schema or {}
    return schema


def fault_of_input(document: Document, trigger: Trigger, input: JSON) -> tuple[str, str] | None:
    """Where the input does not fit the workflow's schema, as `input.total`, and a sentence; None when it fits."""
    schema = schema_of(document, trigger)
    if not schema:
        return None
    from jsonschema import Draft202012Validator  # takes a second to import; most workflows name no schema
    from jsonschema.exceptions import best_match
    from referencing import Registry

    nothing_remote: Registry[Any] = Registry()  # the default one would fetch `$ref` URLs
    fault = best_match(Draft202012Validator(schema, registry=nothing_remote).iter_errors(input))
    if fault is None:
        return None
    where = ".".join(["input", *map(str, fault.absolute_path)])
    return where, f"`{where}` does not fit the workflow's input: {fault.message[:200]}."


def payload(trigger: Trigger, input: JSON) -> dict[str, JSON]:
    """What the run sees as `trigger`."""
    at = clock.now().isoformat()
    base: dict[str, JSON] = {"type": trigger.type, "key": trigger.key, "at": at, "body": input}
    if trigger.type == "schedule":
        base["scheduled_at"] = at
    return {**_BESIDES.get(trigger.type, {}), **base}
