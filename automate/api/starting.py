"""Starting what is published, from the API or a shell, instead of waiting for its trigger."""

from __future__ import annotations

import hashlib

from accounts.models import Environment, User
from automate.api.errors import ApiError
from automate.lib.jsontypes import JSON, dumps_bytes
from workflows.documents import trigger_type
from workflows.engine.document import Document, Trigger, load
from workflows.models import WorkflowTemplate
from workflows.runs import by_hand
from workflows.runs.start import Receipt, StartResult, start_run


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
    deployment = by_hand.deployment_of(template, environment)
    document = load(deployment.version.workflow_data)
    trigger = _trigger(document, trigger_key)
    if fault := by_hand.fault_of_input(document, trigger, input):
        where, message = fault
        raise ApiError(422, "invalid_input", message, where)
    return start_run(
        deployment=deployment,
        trigger=by_hand.payload(trigger, input),
        live_trigger=by_hand.live_trigger_of(deployment, trigger),
        trigger_type=trigger_type(trigger.type),
        receipt=_receipt(idempotency_key, input),
        started_by=by.pk if by else None,
        awaited=awaited,
        depth=depth,
    )


def _trigger(document: Document, key: str | None) -> Trigger:
    """The one asked for; else the first that is started by hand; else the first."""
    possible = by_hand.triggers_of(document)
    if key is None:
        return possible[0]
    found = next(
        (trigger for trigger in possible if trigger.key == key and trigger in document.triggers), None
    )
    if found is None:
        known = ", ".join(trigger.key for trigger in document.triggers if trigger.enabled) or "none"
        words = f"The published version has no trigger {key[:60]!r}. It has: {known}."
        raise ApiError(422, "invalid", words, "trigger")
    return found


def _receipt(key: str | None, input: JSON) -> Receipt | None:
    if not key:
        return None
    digest = hashlib.sha256(dumps_bytes(input, sort_keys=True)).hexdigest()
    return Receipt(dedup_key=f"api:{hashlib.sha256(key.encode()).hexdigest()}", body_hash=digest)
