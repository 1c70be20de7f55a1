"""How the API gets an object: through the token's workspace, then through what its owner may do with it."""

from __future__ import annotations

import uuid

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404

from accounts.permissions import has_permission
from automate.api.auth import ApiRequest
from workflows.access import may
from workflows.models import WorkflowExecution, WorkflowTemplate


def get_workflow(request: ApiRequest, id: uuid.UUID, need: str) -> WorkflowTemplate:
    """Raises Http404 for unknown, foreign and hidden ids alike, PermissionDenied when seen but not allowed."""
    rows = WorkflowTemplate.objects.for_tenant(request.workspace).select_related("tenant", "folder")
    template = rows.filter(pk=id).first()
    if template is None or not may(request.user, template, "workflow.view"):
        raise Http404
    _demand(request, template, need)
    return template


def get_execution(request: ApiRequest, id: uuid.UUID, need: str = "execution.view") -> WorkflowExecution:
    """Raises as `get_workflow`."""
    rows = WorkflowExecution.objects.for_tenant(request.workspace).select_related(
        "template__tenant", "version"
    )
    execution = rows.filter(pk=id).first()
    if execution is None or not may(request.user, execution.template, "execution.view"):
        raise Http404
    _demand(request, execution.template, need)
    return execution


def visible_workflows(request: ApiRequest) -> QuerySet[WorkflowTemplate]:
    """The workspace's workflows without those that are shared with others only."""
    rows = WorkflowTemplate.objects.for_tenant(request.workspace).select_related("folder")
    if has_permission(request.membership, "member.manage"):
        return rows
    groups = request.membership.groups.values_list("pk", flat=True)
    ours = Q(access__isnull=True) | Q(created_by=request.user) | Q(access__user=request.user)
    ours |= Q(access__role_id=request.membership.role_id) | Q(access__group__in=list(groups))
    return rows.filter(
        pk__in=WorkflowTemplate.objects.for_tenant(request.workspace).filter(ours).values("pk")
    )


def _demand(request: ApiRequest, template: WorkflowTemplate, need: str) -> None:
    if not may(request.user, template, need):
        raise PermissionDenied(
            f'You may see "{template.name}", but not do this with it. Ask its owner for more access.'
        )
