"""What starts when a run fails: the workflow its settings name, else the workspace's, and failure triggers.

Never for test runs, and never for a run that a failure started, directly or through sub-workflows: a failure workflow
that fails starts nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from automate.lib import clock
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON
from workflows.engine.document import Document
from workflows.runs.facts import Facts, limit_key
from workflows.runs.shapes import Child, Claimed, Ending

FAILED = frozenset({"FAILED", "TIMED_OUT"})
OF_FAILURE = "of_failure"  # of a run's options: a failure started it, or what started it


@dataclass(frozen=True, slots=True)
class Listener:
    """A published workflow that wants to hear of failures. `workflows`: of these keys alone; None: of all."""

    template_id: uuid.UUID
    version_id: uuid.UUID
    deployment_id: uuid.UUID
    trigger_key: str
    workflows: frozenset[str] | None
    limit_key: str = ""


def failure_runs(claimed: Claimed, document: Document, ending: Ending, url: str, facts: Facts) -> list[Child]:
    """The runs to queue with the end of this one."""
    if ending.status not in FAILED or claimed.is_test or is_of_failure(claimed):
        return []
    tenant = claimed.lease.tenant_id
    found = {
        listener.template_id: listener
        for listener in facts.fresh(("failure", tenant), lambda: _read_listeners(tenant))
        if listener.workflows is None or document.key in listener.workflows
    }
    key = document.settings.on_failure or facts.fresh(
        ("on_failure", tenant), lambda: _read_tenant_choice(tenant)
    )
    if key and (chosen := facts.live_workflow(claimed, key)) is not None:
        template_id = uuid.UUID(str(chosen["template_id"]))
        found.setdefault(
            template_id,
            Listener(
                template_id, uuid.UUID(str(chosen["version_id"])), uuid.UUID(str(chosen["deployment_id"])),
                str(chosen["trigger_key"]), None, str(chosen["limit_key"]),
            ),
        )  # fmt: skip
    found.pop(claimed.lease.workflow_id, None)
    body = _body(claimed, document, ending, url)
    return [_child(claimed, listener, body) for listener in found.values()]


def is_of_failure(claimed: Claimed) -> bool:
    trigger = claimed.input if isinstance(claimed.input, dict) else {}
    return trigger.get("type") == "failure" or bool(claimed.options.get(OF_FAILURE))


def _body(claimed: Claimed, document: Document, ending: Ending, url: str) -> JSON:
    run: JSON = {
        "id": str(claimed.lease.execution_id),
        "number": claimed.number,
        "url": url,
        "is_test": False,
    }
    return {
        "workflow": {"key": document.key, "name": document.name},
        "run": run,
        "error": ending.error,
        "trigger": claimed.input,
    }


def _child(claimed: Claimed, listener: Listener, body: JSON) -> Child:
    trigger: JSON = {
        "type": "failure",
        "key": listener.trigger_key,
        "at": clock.now().isoformat(),
        "body": body,
    }
    return Child(
        id=uuid7(), template_id=listener.template_id, version_id=listener.version_id,
        deployment_id=listener.deployment_id, input=trigger, parent_path="", depth=claimed.depth + 1, is_test=False,
        options={"detached": True}, trigger_type="FAILURE", concurrency_key=listener.limit_key,
    )  # fmt: skip


def _read_listeners(tenant_id: uuid.UUID) -> list[Listener]:
    from workflows.models import LiveTrigger, TriggerType

    rows = LiveTrigger.objects.for_tenant(tenant_id).filter(
        type=TriggerType.FAILURE, is_off=False, deployment__is_active=True
    )
    columns = (
        "template_id",
        "deployment__version_id",
        "deployment_id",
        "key",
        "deployment__version__workflow_data",
    )
    return [
        Listener(
            template, version, deployment, key, _wanted(data, key), limit_key(data, deployment, tenant_id)
        )
        for template, version, deployment, key, data in rows.values_list(*columns)
    ]


def _wanted(data: dict[str, Any], key: str) -> frozenset[str] | None:
    """The workflows a failure trigger names; None for all."""
    for trigger in data.get("triggers", []):
        if trigger.get("key") == key:
            wanted = trigger.get("config", {}).get("workflows", "all")
            return frozenset(wanted) if isinstance(wanted, list) else None
    return None


def _read_tenant_choice(tenant_id: uuid.UUID) -> str:
    from accounts.models import Tenant

    return Tenant.objects.filter(pk=tenant_id).values_list("on_failure", flat=True).first() or ""
