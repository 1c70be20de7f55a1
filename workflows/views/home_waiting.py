"""Approvals that wait for the person who looks at the first page."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.models import Membership
from automate.lib import clock
from automate.templatetags.formats import ago_words
from workflows.models import ActiveRun, WaitToken, WorkflowExecution
from workflows.runs.program import programs
from workflows.runs.tokens import PLACES, secret_of

LOOKED_AT = 50


def waiting_for(membership: Membership) -> list[tuple[str, str, str]]:
    """Title, words and address of each open question to this member, the newest first (at most three SQL queries).

    The address works for everybody who is asked, also for members who may not see the workflow's runs.
    """
    tokens = list(_open(membership).order_by("-created_at")[:LOOKED_AT])
    if not tokens:
        return []
    rows = WorkflowExecution.objects.for_tenant(membership.tenant_id).select_related("template")
    runs = rows.only("version_id", "template__name").in_bulk({token.execution_id for token in tokens})
    known = programs.get({run.version_id for run in runs.values()})
    found = []
    for token in tokens:
        run = runs.get(token.execution_id)
        if run is None:
            continue
        program = known.get(run.version_id)
        step = program.graph.steps.get(token.path.rsplit(".", 1)[-1]) if program else None
        words = f"{run.template.name} asked you {ago_words(token.created_at, clock.now())}"
        found.append(
            (step.name if step else "Approval", words, f"/{PLACES[token.kind]}/{secret_of(token.pk)}")
        )
    return found


def _open(membership: Membership) -> QuerySet[WaitToken]:
    asked = WaitToken.objects.for_tenant(membership.tenant_id).filter(
        person=membership.user.email, kind=WaitToken.Kind.APPROVAL, answered_at=None, closed_at=None
    )
    in_time = Q(expires_at=None) | Q(expires_at__gt=clock.now())
    under_way = ActiveRun.objects.filter(tenant_id=membership.tenant_id, cancel_requested=False)
    return asked.filter(in_time, execution_id__in=under_way.values("pk"))
