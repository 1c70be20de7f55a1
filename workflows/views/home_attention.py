"""What on the first page asks for a person: runs that failed or have a question, connections that expired."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import Membership
from accounts.notifications.kinds import Kind
from accounts.notifications.models import Told
from automate.lib import clock
from automate.lib.ids import first_id_at
from automate.templatetags.formats import ago_words
from integrations.models import UserIntegration
from workflows.access import hidden_workflows
from workflows.models import ActiveRun, LiveTrigger, WorkflowExecution, WorkflowTemplate
from workflows.triggers.poll_troubles import in_trouble
from workflows.views.home_figures import first_apps
from workflows.views.home_waiting import waiting_for
from workflows.views.run_filters import Runs
from workflows.views.run_words import advice

FAILED_FOR: Final = timedelta(days=7)
LOOKED_AT: Final = 200  # of the newest failed runs; a workflow that failed more often says "200+"
SHOWN: Final = 4


@dataclass
class Concern:
    """One row: what it is about, what is wrong, and where it is put right."""

    title: str
    text: str
    url: str
    action: str
    tile: str
    dialog: bool = False


@dataclass
class Attention:
    concerns: list[Concern] = field(default_factory=list)

    @property
    def shown(self) -> list[Concern]:
        return self.concerns[:SHOWN]

    @property
    def more(self) -> int:
        return max(len(self.concerns) - SHOWN, 0)


def attention(membership: Membership, rows: Runs) -> Attention:
    """What waits for this member first, then questions, expired connections and failures (six SQL queries)."""
    asking, failing = _by_workflow(_asking(membership, rows)), _by_workflow(_failing(rows))
    apps = first_apps(run.template_id for run, _ in [*asking, *failing])
    home = reverse("workspace-home", args=[membership.tenant.slug])
    return Attention(
        [
            *(
                Concern(title, text, url, "Answer", "approval")
                for title, text, url in waiting_for(membership)
            ),
            *(_question(run, number, apps) for run, number in asking),
            *(_expired(connection, home) for connection in _expired_connections(membership)),
            *(_trouble(live) for live in _triggers_in_trouble(membership)),
            *(_paused(template) for template in _paused_by_errors(membership)),
            *(_failure(run, number, apps) for run, number in failing),
        ]
    )


def _asking(membership: Membership, rows: Runs) -> Runs:
    """Runs with a step whose outcome nobody knows: somebody has to say."""
    waiting = ActiveRun.objects.filter(tenant_id=membership.tenant_id, state=ActiveRun.State.ATTENTION)
    return rows.filter(pk__in=waiting.values("pk"))


def _failing(rows: Runs) -> Runs:
    since = first_id_at(clock.now() - FAILED_FOR)
    well = WorkflowExecution.objects.filter(
        retry_of=OuterRef("pk"), status=WorkflowExecution.Status.COMPLETED
    )
    return rows.filter(is_failed=True, is_test=False, pk__gte=since).annotate(ended_well=Exists(well))


def _by_workflow(rows: Runs) -> list[tuple[WorkflowExecution, int]]:
    """The newest run of each workflow and how many there are, the newest first (one SQL query)."""
    found: dict[uuid.UUID, tuple[WorkflowExecution, int]] = {}
    settled: set[uuid.UUID | None] = set()
    columns = ("created_at", "status", "template_id", "template__name", "retry_of_id", "error")
    for run in rows.select_related("template").only(*columns).order_by("-pk")[:LOOKED_AT]:
        if getattr(run, "ended_well", False) or run.pk in settled:  # a retry, or a retry of one, succeeded
            settled.add(run.retry_of_id)
            continue
        newest, number = found.get(run.template_id, (run, 0))
        found[run.template_id] = (newest, number + 1)
    return list(found.values())


def _expired_connections(membership: Membership) -> list[UserIntegration]:
    rows = UserIntegration.objects.usable_by(membership.user, membership.tenant).filter(needs_reconnect=True)
    return list(rows.select_related("integration").order_by("name")[:LOOKED_AT])


def _triggers_in_trouble(membership: Membership) -> list[LiveTrigger]:
    """Triggers that look for something, or that a service should call, and cannot for a while now."""
    found = LiveTrigger.objects.for_tenant(membership.tenant).filter(deployment__is_active=True, is_off=False)
    found = found.exclude(last_error="").exclude(template__in=hidden_workflows(membership))
    live = found.select_related("template").order_by("pk")[:LOOKED_AT]
    return [one for one in live if in_trouble(one)]


def _paused_by_errors(membership: Membership) -> list[WorkflowTemplate]:
    """Workflows that were paused because they failed again and again, and still are."""
    told = Told.objects.for_tenant(membership.tenant).filter(kind=Kind.PAUSED, is_open=True)
    found = WorkflowTemplate.objects.for_tenant(membership.tenant).filter(pk__in=told.values("subject"))
    found = found.exclude(deployments__is_active=True).exclude(pk__in=hidden_workflows(membership))
    return list(found.order_by("name")[:LOOKED_AT])


def _paused(template: WorkflowTemplate) -> Concern:
    return Concern(
        title=template.name,
        text="Paused, since its runs failed one after the other",
        url=f"{reverse('workflows:workflow-runs', args=[template.pk])}?status=failed",
        action="Look",
        tile="workflow",
    )


def _question(run: WorkflowExecution, number: int, apps: dict[uuid.UUID, str]) -> Concern:
    return Concern(
        title=run.template.name,
        text="A run needs your decision" if number == 1 else f"{_many(number)} runs need your decision",
        url=reverse("workflows:run-detail", args=[run.pk]),
        action="Decide",
        tile=apps.get(run.template_id, "approval"),
    )


def _expired(connection: UserIntegration, home: str) -> Concern:
    return Concern(
        title=connection.name,
        text="The connection expired",
        url=f"{reverse('integrations:connection-reconnect', args=[connection.pk])}?{urlencode({'next': home})}",
        action="Reconnect",
        tile=connection.integration.name,
        dialog=True,
    )


def _trouble(live: LiveTrigger) -> Concern:
    return Concern(
        title=live.template.name,
        text=f"Its trigger does not work: {live.last_error}",
        url=f"{reverse('workflows:workflow-build', args=[live.template_id])}?{urlencode({'trigger': live.key})}",
        action="Look",
        tile="clock",
    )


def _failure(run: WorkflowExecution, number: int, apps: dict[uuid.UUID, str]) -> Concern:
    when = ago_words(run.created_at, clock.now())
    times = f"Failed {when}" if number == 1 else f"Failed {_many(number)} times, last {when}"
    error = run.error if isinstance(run.error, dict) else {}
    said = str(error.get("message", "")).strip()
    return Concern(
        title=run.template.name,
        text=f"{times}: {said if ' ' in said else advice(error)}" if error else times,
        url=reverse("workflows:run-detail", args=[run.pk]),
        action="Review",
        tile=apps.get(run.template_id, "workflow"),
    )


def _many(number: int) -> str:
    return f"{LOOKED_AT}+" if number >= LOOKED_AT else str(number)
