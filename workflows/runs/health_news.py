"""Which workflows began to fail, and who is told: by the counting of runs, some seconds after they ended."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Membership
from accounts.notifications import notify
from accounts.notifications.kinds import Kind
from accounts.notifications.models import NotificationSettings
from accounts.permissions import has_permission
from automate.lib import clock
from workflows.access import hidden_workflows
from workflows.models import Deployment, WorkflowExecution, WorkflowTemplate

if TYPE_CHECKING:
    from workflows.runs.counting import Sums


def look(passed: QuerySet[WorkflowExecution] | None, sums: Sums) -> None:
    """Of the runs that were just counted. A workflow fails until a run of it succeeds (one SQL query, more when one fails)."""
    if not sums:
        return
    bad = {template: ran.tenant_id for (template, _), ran in sums.items() if ran.failed}
    well = {template for (template, _), ran in sums.items() if ran.succeeded}
    notify.is_over(Kind.FAILED, (well - bad.keys()) & notify.open_subjects(Kind.FAILED) if well else ())
    for template, tenant in bad.items():
        _fails(template, tenant)
        if template in well and not _ended_badly(passed, template):
            notify.is_over(Kind.FAILED, [template])


def _ended_badly(passed: QuerySet[WorkflowExecution] | None, template: uuid.UUID) -> bool:
    """Whether the newest of the runs that were passed failed."""
    if passed is None:
        return True
    ended = passed.filter(template_id=template, is_test=False, completed_at__isnull=False).order_by("-pk")
    return bool(ended.values_list("is_failed", flat=True).first())


def _fails(template_id: uuid.UUID, tenant_id: uuid.UUID) -> None:
    now = clock.now()
    if not notify.is_new(Kind.FAILED, template_id, tenant_id, now):
        return
    template = WorkflowTemplate.objects.select_related("tenant").filter(pk=template_id).first()
    runs = WorkflowExecution.objects.for_tenant(tenant_id).filter(is_failed=True, is_test=False)
    run = runs.filter(template_id=template_id).only("error").order_by("-pk").first()
    if template is None or run is None:
        return
    error = run.error if isinstance(run.error, dict) else {}
    said = str(error.get("message", "")) or "Open the run to see why."
    url = reverse("workflows:run-detail", args=[run.pk])
    news = notify.News(Kind.FAILED, tenant_id, template_id, template.name, said, url)
    notify.tell(news, listeners(template), now)


def listeners(template: WorkflowTemplate, need: str = "execution.view") -> list[notify.Listener]:
    """The members who may be told of this workflow (three SQL queries, and one or two for each of them).

    It is theirs if they made or published it; if none of those is left, it is the owners'.
    """
    rows = Membership.objects.for_tenant(template.tenant_id).filter(user__is_active=True)
    members = [one for one in rows.select_related("user", "role", "tenant") if has_permission(one, need)]
    published = Deployment.objects.for_tenant(template.tenant_id).filter(template=template)
    makers = {template.created_by_id, *published.values_list("published_by_id", flat=True)}
    if not any(one.user_id in makers for one in members):
        makers = {one.user_id for one in members if has_permission(one, "workspace.delete")}
    curious = set(
        NotificationSettings.objects.filter(
            which=NotificationSettings.Which.ALL, user__in=[one.user_id for one in members]
        ).values_list("user_id", flat=True)
    )
    return [
        notify.Listener(one.user, one.user_id in makers)
        for one in members
        if one.user_id in makers or (one.user_id in curious and template.pk not in hidden_workflows(one))
    ]
