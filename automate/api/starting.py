"""Starting what is published, from the API or a shell, instead of waiting for its trigger."""

from __future__ import annotations

import hashlib
from typing import Any

from accounts.models import Environment, User
from automate.api.errors import ApiError
from automate.lib import clock
from automate.lib.jsontypes import JSON, dumps_bytes
from workflows.documents import trigger_type
from workflows.engine.document import Document, Trigger, load
from workflows.errors import NothingPublished
from workflows.models import Deployment, LiveTrigger, WorkflowTemplate
from workflows.runs.start import Receipt, StartResult, start_run

_OF_A_CALL: dict[str, JSON] = {"method": "POST", "path": "", "query": {}, "headers": {}, "files": {}}
_BESIDES: dict[str, dict[str, JSON]] = {
    "webhook": _OF_A_CALL,
    "form": {"files": {}},
    "event": {"headers": {}},
}


def start(
    template: WorkflowTemplate,
    *,
    input: JSON,
    by: User | None,
    trigger_key: str | None = None,
    idempotency_key: str | None = None,
    environment: Environment | None = None,
    awaited: bool = False,
    depth: int = 0,
) -> StartResult:
    """Start the published version with `input` as `trigger.body`.

    Raises NothingPublished (also while it is paused), ApiError for a wrong trigger or input, DedupConflict for a key
    that was used with another input.
    """
    deployment = _deployment(template, environment)
    document = load(deployment.version.workflow_data)
    trigger = _trigger(document, trigger_key)
    _check(document, trigger, input)
    live = (
        LiveTrigger.objects.for_tenant(template.tenant_id)
        .filter(deployment=deployment, key=trigger.key)
        .first()
    )
    return start_run(
        deployment=deployment,
        trigger=_payload(trigger, input),
        live_trigger=live,
        trigger_type=trigger_type(trigger.type),
        receipt=_receipt(idempotency_key, input),
        started_by=by.pk if by else None,
        awaited=awaited,
        depth=depth,
    )


def _deployment(template: WorkflowTemplate, environment: Environment | None) -> Deployment:
    rows = (
        Deployment.objects.for_tenant(template.tenant_id).filter(template=template).select_related("version")
    )
    which = {"environment": environment} if environment else {"environment__is_default": True}
    deployment = rows.filter(**which).first()
    if deployment is None:
        raise NothingPublished(f'"{template.name}" has no published version yet. Publish it first.')
    if not deployment.is_active:
        raise NothingPublished(f'"{template.name}" is paused. Resume it first.')
    return deployment


def _trigger(document: Document, key: str | None) -> Trigger:
    """The one asked for; else the first that is started by hand; else the first."""
    enabled = [trigger for trigger in document.triggers if trigger.enabled]
    if key is not None:
        found = next((trigger for trigger in enabled if trigger.key == key), None)
        if found is None:
            known = ", ".join(trigger.key for trigger in enabled) or "none"
            raise ApiError(
                422,
                "invalid",
                f"The published version has no trigger {key[:60]!r}. It has: {known}.",
                "trigger",
            )
        return found
    by_hand = [trigger for trigger in enabled if trigger.type == "manual"]
    return next(iter(by_hand or enabled), Trigger(key="manual", type="manual"))


def _check(document: Document, trigger: Trigger, input: JSON) -> None:
    schema: Any = trigger.config.get("input_schema") or document.settings.input_schema
    if not schema:
        return
    from jsonschema import Draft202012Validator  # takes a second to import; most workflows name no schema
    from jsonschema.exceptions import best_match
    from referencing import Registry

    nothing_remote: Registry[Any] = Registry()  # the default one would fetch `$ref` URLs
    fault = best_match(Draft202012Validator(schema, registry=nothing_remote).iter_errors(input))
    if fault is not None:
        where = ".".join(["input", *map(str, fault.absolute_path)])
        raise ApiError(
            422,
            "invalid_input",
            f"`{where}` does not fit the workflow's input: {fault.message[:200]}.",
            where,
        )


def _payload(trigger: Trigger, input: JSON) -> dict[str, JSON]:
    base: dict[str, JSON] = {
        "type": trigger.type,
        "key": trigger.key,
        "at": clock.now().isoformat(),
        "body": input,
    }
    if trigger.type == "schedule":
        base["scheduled_at"] = base["at"]
    return {**_BESIDES.get(trigger.type, {}), **base}


def _receipt(key: str | None, input: JSON) -> Receipt | None:
    if not key:
        return None
    digest = hashlib.sha256(dumps_bytes(input, sort_keys=True)).hexdigest()
    return Receipt(dedup_key=f"api:{hashlib.sha256(key.encode()).hexdigest()}", body_hash=digest)
