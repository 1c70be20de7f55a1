"""Rows as the API and the shell show them. Plain JSON: ids as text, moments as ISO 8601 in UTC."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Model

from workflows import documents
from workflows.engine.document import dump
from workflows.models import (
    Deployment,
    LiveTrigger,
    StepExecution,
    WorkflowExecution,
    WorkflowTemplate,
    WorkflowTrigger,
    WorkflowVersion,
)
from workflows.runs.outputs import bytes_referred, resolve

EXECUTION_FIELDS = (
    *(
        "id",
        "number",
        "status",
        "is_failed",
        "is_test",
        "had_errors",
        "trigger_type",
        "input",
        "output",
        "error",
    ),
    *(
        "parent_id",
        "root",
        "retry_of_id",
        "depth",
        "created_at",
        "started_at",
        "completed_at",
        "execution_time_ms",
    ),
)
STEP_FIELDS = (
    *("id", "path", "step_id", "step_name", "step_type", "step_status", "port", "input", "output", "error"),
    *("retry_count", "retry_attempt", "attempts", "request_log", "is_encrypted", "copied_from"),
    *("started_at", "completed_at", "duration_ms"),
)
BRIEF_FIELDS = tuple(name for name in EXECUTION_FIELDS if name not in ("input", "output"))
HIDDEN = "••••"
FETCHED_BYTES = 16 * 1024 * 1024  # of values that were put aside, in one answer
_LINKS = {"parent_id": "parent", "retry_of_id": "retry_of"}


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


def picked(row: Model, names: Iterable[str]) -> dict[str, Any]:
    """Fields by their names; of a foreign key the id, under the name of the field."""
    return {_LINKS.get(name, name): plain(getattr(row, name)) for name in names}


# --- workflows ------------------------------------------------------------------------------------


def workflow_shape(template: WorkflowTemplate) -> dict[str, Any]:
    """One workflow with its draft as a document (about eight SQL queries)."""
    return {**workflow_shapes([template])[0], "document": dump(documents.load_draft(template))}


def workflow_shapes(templates: Sequence[WorkflowTemplate]) -> list[dict[str, Any]]:
    """Workflows without their documents (three SQL queries, however many there are)."""
    deployments = _deployments(templates)
    triggers = _triggers(templates)
    return [
        _workflow(template, deployments.get(template.pk), triggers[template.pk]) for template in templates
    ]


def _workflow(
    template: WorkflowTemplate, deployment: Deployment | None, triggers: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "id": str(template.pk),
        "key": template.template_id,
        "name": template.name,
        "description": template.description,
        "status": template.status,
        "is_active": bool(deployment and deployment.is_active),
        "draft_version": template.draft_version,
        "version": deployment.version.version_number if deployment else None,
        "folder": template.folder.name if template.folder else None,
        "tags": template.tags,
        "created_at": plain(template.created_at),
        "updated_at": plain(template.updated_at),
        "triggers": triggers,
    }


def _deployments(templates: Sequence[WorkflowTemplate]) -> dict[uuid.UUID, Deployment]:
    """Of each workflow: what runs in the default environment, else anywhere."""
    rows = Deployment.objects.filter(template__in=templates).select_related("version", "environment")
    return {row.template_id: row for row in rows.order_by("environment__is_default")}


def _triggers(templates: Sequence[WorkflowTemplate]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    live = LiveTrigger.objects.filter(template__in=templates, environment__is_default=True)
    urls = {(row.template_id, row.key): row.webhook_url for row in live}
    found: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in WorkflowTrigger.objects.filter(template__in=templates).order_by("position"):
        shape = {
            "key": row.key,
            "type": documents.trigger_word(row.type),
            "webhook_url": urls.get((row.template_id, row.key)),
        }
        found[row.template_id].append(shape)
    return found


def version_shapes(versions: Sequence[WorkflowVersion]) -> list[dict[str, Any]]:
    """Versions without their documents (one SQL query)."""
    active = set(
        Deployment.objects.filter(version__in=versions, is_active=True).values_list("version_id", flat=True)
    )
    names = (
        "id",
        "version_number",
        "digest",
        "change_description",
        "is_rollback_version",
        "rollback_of",
        "created_at",
    )
    return [{**picked(row, names), "is_active": row.pk in active} for row in versions]


# --- runs -----------------------------------------------------------------------------------------


def execution_shape(execution: WorkflowExecution) -> dict[str, Any]:
    """One run with its finished steps (one SQL query)."""
    steps = (
        StepExecution.objects.for_tenant(execution.tenant_id).filter(execution_id=execution.pk).order_by("id")
    )
    shape = _execution(execution, EXECUTION_FIELDS)
    return {**shape, "output": run_output(execution), "steps": step_shapes(steps)}


def run_output(execution: WorkflowExecution) -> Any:
    """What the run gave, fetched where it was put aside (one SQL query then)."""
    return resolve(execution.output, execution.tenant_id, execution.pk)


def execution_shapes(executions: Sequence[WorkflowExecution]) -> list[dict[str, Any]]:
    """Runs without their data and steps; no SQL query."""
    return [_execution(execution, BRIEF_FIELDS) for execution in executions]


def step_shapes(steps: Iterable[StepExecution]) -> list[dict[str, Any]]:
    """Steps as they were recorded. An output that holds a secret is not shown; of those that were put aside (one SQL
    query each) only so many that the answer can be borne: the others stay references."""
    shapes, room_bytes = [], FETCHED_BYTES
    for step in steps:
        shape = picked(step, STEP_FIELDS)
        if step.is_encrypted:
            shape["output"] = HIDDEN
        for name in ("input", "output"):
            room_bytes -= bytes_referred(shape[name])
            if room_bytes >= 0:
                shape[name] = resolve(shape[name], step.tenant_id, step.execution_id)
        shapes.append(shape)
    return shapes


def _execution(execution: WorkflowExecution, names: Iterable[str]) -> dict[str, Any]:
    return {
        **picked(execution, names),
        "workflow": str(execution.template_id),
        "version": str(execution.version_id),
        "deployment": plain(execution.deployment_id),
        "live_trigger": plain(execution.live_trigger_id),
    }
