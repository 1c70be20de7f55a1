"""How pages and the API get a workflow or a run: 404 to strangers, 403 to members who may not do it."""

from __future__ import annotations

import uuid
from typing import Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from accounts.access import open_workspace
from accounts.models import Membership, User
from accounts.permissions import has_permission, membership_of, permissions_of
from workflows.models import WorkflowAccess, WorkflowExecution, WorkflowTemplate

LEVEL_OF: Final = {
    "workflow.view": 1, "execution.view": 1,
    "workflow.run": 2, "execution.retry": 2, "execution.cancel": 2,
    "workflow.edit": 3, "workflow.publish": 3, "workflow.delete": 3,
}  # fmt: skip
LEVELS: Final = {
    WorkflowAccess.Level.VIEW.value: 1,
    WorkflowAccess.Level.RUN.value: 2,
    WorkflowAccess.Level.EDIT.value: 3,
}


def get_workflow_or_404(request: HttpRequest, id: uuid.UUID, need: str = "workflow.view") -> WorkflowTemplate:
    """The workflow, with `request.workspace` set to its workspace.

    Raises Http404 for unknown ids and strangers alike, PermissionDenied for members who may not do `need`.
    """
    template = WorkflowTemplate.objects.select_related("tenant").filter(pk=id).first()
    open_workspace(request, template.tenant if template else None, need)
    if template is None:
        raise Http404
    _narrow(request.membership, template, need)  # type: ignore[attr-defined]  # set by open_workspace
    return template


def get_run_or_404(request: HttpRequest, id: uuid.UUID, need: str = "execution.view") -> WorkflowExecution:
    """The run with its workflow and version at hand; its data and the document come when asked for (a query each).

    Raises as `get_workflow_or_404`.
    """
    rows = WorkflowExecution.objects.select_related("template", "tenant", "version", "live_trigger")
    rows = rows.defer("input", "output", "version__workflow_data")
    execution = rows.filter(pk=id).first()
    open_workspace(request, execution.tenant if execution else None, need)
    if execution is None:
        raise Http404
    _narrow(request.membership, execution.template, need)  # type: ignore[attr-defined]  # set by open_workspace
    return execution


def may(user: User, template: WorkflowTemplate, need: str) -> bool:
    """Whether this person may do it with this workflow, the workspace role and the workflow's own list considered."""
    membership = membership_of(user, template.tenant)
    return (
        membership is not None
        and has_permission(membership, need)
        and _level_of(membership, template) >= _level(need)
    )


def rights_on(membership: Membership, template: WorkflowTemplate) -> frozenset[str]:
    """Everything this member may do with this workflow, by permission name (one or two SQL queries)."""
    level = _level_of(membership, template)
    granted = permissions_of(membership.role)
    return frozenset(name for name in granted if level >= _level(name)) if level else frozenset()


def hidden_workflows(membership: Membership) -> set[uuid.UUID]:
    """Workflows of the workspace that are shared with others only: lists leave them out (at most two SQL queries)."""
    if has_permission(membership, "member.manage"):
        return set()
    rows = list(
        WorkflowAccess.objects.for_tenant(membership.tenant_id)
        .exclude(template__created_by_id=membership.user_id)
        .values_list("template_id", "user_id", "role_id", "group_id")
    )
    groups = set(membership.groups.values_list("pk", flat=True)) if any(row[3] for row in rows) else set()
    seen = {
        template
        for template, user, role, group in rows
        if user == membership.user_id or role == membership.role_id or group in groups
    }
    return {row[0] for row in rows} - seen


def _level(need: str) -> int:
    return LEVEL_OF.get(need, 1)


def _narrow(membership: Membership, template: WorkflowTemplate, need: str) -> None:
    level = _level_of(membership, template)
    if level == 0:
        raise Http404
    if level < _level(need):
        raise PermissionDenied(
            f'"{template.name}" is shared with you for less than this. Ask its owner to give you more access.'
        )


def _level_of(membership: Membership, template: WorkflowTemplate) -> int:
    """0 to 3. No rows: the workspace role alone decides. Who made it, and who manages members, may always do all."""
    rows = list(WorkflowAccess.objects.for_tenant(template.tenant_id).filter(template=template))
    manages = has_permission(membership, "member.manage")
    if not rows or manages or template.created_by_id == membership.user_id:
        return 3
    groups = (
        set(membership.groups.values_list("pk", flat=True)) if any(row.group_id for row in rows) else set()
    )
    mine = [
        LEVELS[row.level]
        for row in rows
        if row.user_id == membership.user_id or row.role_id == membership.role_id or row.group_id in groups
    ]
    return max(mine, default=0)
