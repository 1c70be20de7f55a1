"""What else people are told: runs and approvals that wait for them, connections that expired, triggers that stopped,
and workflows that were paused because they failed again and again.

The scheduler looks every few seconds at what is so now, and remembers of what it has told. Runs pay nothing for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from django.db import transaction
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import Membership, User
from accounts.notifications import notify
from accounts.notifications.kinds import Kind
from accounts.notifications.notify import Listener, News
from accounts.permissions import has_permission
from automate.lib import clock
from automate.lib.ids import first_id_at
from integrations.models import UserIntegration
from workflows.models import ActiveRun, LiveTrigger, RunEvent, WaitToken, WorkflowExecution, WorkflowTemplate
from workflows.publishing import pause
from workflows.runs.health_news import listeners
from workflows.runs.questions import question_of
from workflows.runs.tokens import PLACES, secret_of
from workflows.triggers.poll_troubles import in_trouble

EVERY_S: Final = 10.0
AT_ONCE: Final = 500  # of a kind; the rest follows with the next look


def look() -> None:
    """Of everything (ten SQL queries on short indexes while there is nothing new)."""
    now = clock.now()
    _tell_new(Kind.ATTENTION, _asking(), _attention, now)
    _tell_new(Kind.APPROVAL, _approvals(now), _approval, now)
    _tell_new(Kind.EXPIRED, _expired(), _connection, now)
    _tell_new(Kind.SWITCHED_OFF, _stopped(), _trigger, now)
    _pause_failing(now)


Told = tuple[News, list[Listener]]


def _tell_new(
    kind: Kind,
    found: Iterable[tuple[uuid.UUID, uuid.UUID]],
    words: Callable[[uuid.UUID], Told | None],
    now: datetime,
) -> None:
    """`found`: what is so now, as (subject, workspace). What is so no longer may be told again."""
    lasting = dict(found)
    told = notify.open_subjects(kind)
    notify.is_over(kind, told - lasting.keys())
    for subject in lasting.keys() - told:
        if notify.is_new(kind, subject, lasting[subject], now) and (said := words(subject)):
            notify.tell(said[0], said[1], now)


# --- runs that ask --------------------------------------------------------------------------------
def _asking() -> Iterable[tuple[uuid.UUID, uuid.UUID]]:
    rows = ActiveRun.objects.filter(state=ActiveRun.State.ATTENTION, execution__is_test=False)
    return rows.values_list("pk", "tenant_id")[:AT_ONCE]


def _attention(run: uuid.UUID) -> Told | None:
    row = ActiveRun.objects.select_related("workflow").filter(pk=run).first()
    if row is None:
        return None
    text = "A step may or may not have happened. Say what became of it, and the run goes on."
    url = reverse("workflows:run-detail", args=[run])
    news = News(Kind.ATTENTION, row.tenant_id, run, row.workflow.name, text, url)
    return news, listeners(row.workflow, "execution.retry")


# --- approvals ------------------------------------------------------------------------------------
def _approvals(now: datetime) -> Iterable[tuple[uuid.UUID, uuid.UUID]]:
    """Open questions, the newest first. The address in a link is not known to us, but its owner's mail address is."""
    rows = WaitToken.objects.filter(kind=WaitToken.Kind.APPROVAL, answered_at=None, closed_at=None)
    return (
        rows.exclude(person="")
        .exclude(expires_at__lte=now)
        .order_by("-pk")
        .values_list("pk", "tenant_id")[:AT_ONCE]
    )


def _approval(token_id: uuid.UUID) -> Told | None:
    token = WaitToken.objects.filter(pk=token_id).first()
    question = question_of(token) if token else None
    if token is None or question is None or question.is_test:
        return None
    people = User.objects.filter(email=token.person, is_active=True, memberships__tenant=token.tenant_id)
    url = f"/{PLACES[token.kind]}/{secret_of(token.pk)}"
    text = f"{question.workflow} asks you to approve or reject."
    news = News(Kind.APPROVAL, token.tenant_id, token.pk, question.title, text, url)
    return news, [Listener(user, True) for user in people]


# --- connections ----------------------------------------------------------------------------------
def _expired() -> Iterable[tuple[uuid.UUID, uuid.UUID]]:
    rows = UserIntegration.objects.filter(needs_reconnect=True, is_active=True)
    return rows.values_list("pk", "tenant_id")[:AT_ONCE]


def _connection(connection_id: uuid.UUID) -> Told | None:
    rows = UserIntegration.objects.select_related("user", "integration")
    found = rows.filter(pk=connection_id).first()
    if found is None:
        return None
    text = f"The connection to {found.integration.display_name} expired. Workflows that use it fail until you reconnect it."
    url = reverse("integrations:connection-edit", args=[found.pk])
    news = News(Kind.EXPIRED, found.tenant_id, found.pk, found.name, text, url)
    if found.sharing == UserIntegration.Sharing.PRIVATE:
        return news, [Listener(found.user, True)]
    members = Membership.objects.for_tenant(found.tenant_id).select_related("user", "role")
    may = [one for one in members if has_permission(one, "connection.edit")]
    return news, [Listener(one.user, one.user_id == found.user_id) for one in may]


# --- triggers -------------------------------------------------------------------------------------
def _stopped() -> Iterable[tuple[uuid.UUID, uuid.UUID]]:
    rows = LiveTrigger.objects.filter(deployment__is_active=True, is_off=False).exclude(last_error="")
    return [(live.pk, live.tenant_id) for live in rows.order_by("pk")[:AT_ONCE] if in_trouble(live)]


def _trigger(trigger_id: uuid.UUID) -> Told | None:
    live = LiveTrigger.objects.filter(pk=trigger_id).first()
    template = WorkflowTemplate.objects.filter(pk=live.template_id).first() if live else None
    if live is None or template is None:
        return None
    url = f"{reverse('workflows:workflow-build', args=[template.pk])}?{urlencode({'trigger': live.key})}"
    text = f"Its trigger does not work: {live.last_error}"
    return News(Kind.SWITCHED_OFF, live.tenant_id, live.pk, template.name, text, url), listeners(template)


# --- workflows that fail and fail -----------------------------------------------------------------
def _pause_failing(now: datetime) -> None:
    """Where a workspace wants it (two SQL queries while no workflow fails)."""
    live = WorkflowTemplate.objects.filter(deployments__is_active=True)
    paused = notify.open_subjects(Kind.PAUSED)
    if paused:
        notify.is_over(Kind.PAUSED, set(live.filter(pk__in=paused).values_list("pk", flat=True)))
    failing = notify.open_subjects(Kind.FAILED)
    wanted = live.filter(pk__in=failing, tenant__pause_after_failures__isnull=False) if failing else ()
    for template in wanted.select_related("tenant").distinct() if wanted else ():
        limit = template.tenant.pause_after_failures or 0
        if _failed_in_a_row(template, limit):
            _pause(template, limit, now)


def _failed_in_a_row(template: WorkflowTemplate, limit: int) -> bool:
    """Whether the newest `limit` runs failed, all of them since it was paused for it before."""
    runs = WorkflowExecution.objects.for_tenant(template.tenant_id).filter(template=template, is_test=False)
    before = notify.told_at(Kind.PAUSED, template.pk)
    if before:
        runs = runs.filter(pk__gt=first_id_at(before))
    ended = runs.filter(completed_at__isnull=False).order_by("-pk").values_list("is_failed", flat=True)
    newest = list(ended[:limit])
    return len(newest) == limit and all(newest)


@transaction.atomic
def _pause(template: WorkflowTemplate, limit: int, now: datetime) -> None:
    pause(template, None)
    text = f"{limit:,} runs failed in a row, so the workflow was paused. Mend it, then switch it on again."
    RunEvent.objects.create(
        tenant_id=template.tenant_id, template=template, kind=RunEvent.Kind.CHANGED, message=text, at=now
    )
    notify.note(Kind.PAUSED, template.pk, template.tenant_id, now)
    url = reverse("workflows:workflow-runs", args=[template.pk])
    news = News(Kind.PAUSED, template.tenant_id, template.pk, template.name, text, f"{url}?status=failed")
    notify.tell(news, listeners(template), now)
