"""The numbers beside the entries of the side bar."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.http import HttpRequest

from accounts.models import Membership, Tenant
from automate.lib import clock
from automate.lib.ids import first_id_at
from workflows.access import hidden_workflows
from workflows.models import WorkflowExecution, WorkflowTemplate
from workflows.views.run_filters import visible

SEEN: Final = "runs_seen"  # of the session: {workspace id: moment the list of runs was last opened}
MAX_SHOWN: Final = 99
FIRST_LOOK: Final = timedelta(days=1)  # what counts as new to somebody who never opened the list of runs
RUN_LIST: Final = "workflows:run-list"


def workflow_count(request: HttpRequest) -> int:
    """Workflows that are not archived (one SQL query)."""
    tenant: Tenant | None = getattr(request, "workspace", None)
    return WorkflowTemplate.objects.for_tenant(tenant).not_archived().count() if tenant else 0


def failed_count(request: HttpRequest) -> int:
    """Runs that failed since this person last opened the list of runs, at most 99 (one SQL query).

    Opening the list is what resets it, so it is noted here when that page draws its side bar.
    """
    tenant: Tenant | None = getattr(request, "workspace", None)
    if tenant is None:
        return 0
    since = _since(request, tenant)
    if request.resolver_match is not None and request.resolver_match.view_name == RUN_LIST:
        seen = request.session.get(SEEN, {})
        request.session[SEEN] = {**seen, str(tenant.pk): clock.now().isoformat()}
        return 0
    membership: Membership | None = getattr(request, "membership", None)
    hidden = hidden_workflows(membership) if membership else ()
    failed = visible(WorkflowExecution.objects.for_tenant(tenant), hidden).filter(
        is_failed=True, is_test=False, pk__gte=first_id_at(since)
    )
    return failed.order_by()[:MAX_SHOWN].count()


def failure_workflows(tenant: Tenant) -> list[tuple[str, str]]:
    """The workflows a workspace may start when another one fails."""
    rows = WorkflowTemplate.objects.for_tenant(tenant).not_archived().order_by("name")
    return list(rows.values_list("template_id", "name"))


def _since(request: HttpRequest, tenant: Tenant) -> datetime:
    text = request.session.get(SEEN, {}).get(str(tenant.pk))
    try:
        return datetime.fromisoformat(text) if text else clock.now() - FIRST_LOOK
    except ValueError:
        return clock.now() - FIRST_LOOK
