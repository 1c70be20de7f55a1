"""The first steps in a workspace, as a list that fills itself: from making a workflow to seeing it run."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access import workspace_view
from accounts.models import Membership, Tenant
from accounts.permissions import has_permission
from accounts.request import AppRequest
from integrations.models import UserIntegration
from workflows.models import Deployment, WorkflowExecution, WorkflowTemplate, WorkflowVersion
from workflows.views import replies


@dataclass(frozen=True)
class Step:
    title: str
    help: str
    url: str
    action: str
    done: bool


@dataclass(frozen=True)
class Guide:
    steps: list[Step]

    @property
    def done(self) -> int:
        return sum(step.done for step in self.steps)

    @property
    def next(self) -> Step | None:
        return next((step for step in self.steps if not step.done), None)


def guide_of(membership: Membership) -> Guide | None:
    """None once it was put away, when all of it is done, and for those who build nothing (two SQL queries at most)."""
    if membership.guide_hidden or not has_permission(membership, "workflow.edit"):
        return None
    guide = Guide(_steps(membership.tenant))
    if guide.next is None:
        hide(membership)
        return None
    return guide


def hide(membership: Membership) -> None:
    """For good, for this person in this workspace."""
    Membership.objects.filter(pk=membership.pk).update(guide_hidden=True)


@require_POST
@workspace_view(need="workflow.view")
def guide_hide(request: AppRequest, workspace_slug: str) -> HttpResponse:
    hide(request.membership)
    home = reverse("workspace-home", args=[workspace_slug])
    return replies.vary(HttpResponse()) if request.htmx else redirect(home)


def _steps(tenant: Tenant) -> list[Step]:
    """What there is in the workspace (one SQL query), and where the next thing is made."""
    of, slug = {"tenant": OuterRef("pk")}, tenant.slug
    newest = WorkflowTemplate.objects.for_tenant(tenant).not_archived().order_by("-updated_at")
    has = Tenant.objects.filter(pk=tenant.pk).values(
        made=Exists(WorkflowTemplate.objects.filter(**of)),
        tested=Exists(WorkflowVersion.objects.filter(**of, version_number=None)),
        published=Exists(Deployment.objects.filter(**of)),
        ran=Exists(WorkflowExecution.objects.filter(**of, is_test=False)),
        connected=Exists(UserIntegration.objects.filter(**of)),
    )[0]
    flow = newest.values_list("pk", flat=True).first() if has["made"] else None
    list_url = reverse("workflows:workflow-list", args=[slug])
    new_url = reverse("workflows:workflow-new", args=[slug])
    build = reverse("workflows:workflow-build", args=[flow]) if flow else new_url
    return [
        Step(
            "Make a workflow", "Take an example, or begin with an empty one.", new_url, "Begin", has["made"]
        ),
        Step(
            "Try it", "Press Test run in the builder: it runs on sample data.", build, "Open", has["tested"]
        ),
        Step("Publish it", "From then on its trigger starts it by itself.", build, "Open", has["published"]),
        Step("See it run", "Every run is listed with the data of each step.", list_url, "Look", has["ran"]),
        Step(
            "Connect an app",
            "Sign in to a service once, and use it in every workflow.",
            reverse("integrations:integration-list", args=[slug]),
            "Connect",
            has["connected"],
        ),
    ]
