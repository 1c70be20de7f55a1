"""Telling people that a run waits for them: mails with their link, messages in a channel of a connected app.

Notices are rows, made with the tokens in the transaction that suspends the run. Whoever sends one first puts its time
off for LEASE, so two senders never send the same; a sender that dies is followed by another after that. Between the
mail server's yes and our note of it lies the one moment in which a crash doubles a mail; both then carry one Message-ID.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.dateformat import format as format_date

from accounts.models import User
from automate.lib import clock
from automate.lib.jsontypes import JSON
from automate.lib.zones import check_zone, zone
from integrations.connections import opening
from integrations.errors import ActionError
from integrations.models import UserIntegration
from workflows.engine.checks_catalogue import CHANNEL_ACTION
from workflows.models import WaitNotice, WaitToken, WorkflowExecution
from workflows.runs import dispatch
from workflows.runs.questions import Question, question_of
from workflows.runs.tokens import address, is_open, renew

log = logging.getLogger(__name__)
TASK: Final = "workflows.send_notices"
LEASE: Final = timedelta(minutes=5)
PAUSES_S: Final = (
    30,
    120,
    600,
    3_600,
    3_600,
    3_600,
)  # between tries; then the run's page says that it failed
ASK_AGAIN_S: Final = 2.0  # a worker that has the task is not sent another one at once
MAX_MESSAGE: Final = 20_000  # characters of a message that go into a mail
_asked_at = 0.0


def ask_for_sending() -> None:
    """Have a worker send what is due (one SQL query); called by the scheduler."""
    global _asked_at
    if time.monotonic() - _asked_at > ASK_AGAIN_S and _due(clock.now()).exists():
        _asked_at = time.monotonic()
        dispatch.queue_task(TASK, queue="mail")


def send_due() -> int:
    """Send everything that is due; gives how many were sent."""
    return sum(_send(notice) for notice in _claimed())


def _due(now: datetime) -> Any:
    """Without a mail server the mails wait for one; the links are on the run's page."""
    rows = WaitNotice.objects.filter(due_at__lte=now)
    return rows if settings.HAS_EMAIL else rows.exclude(slot="")


def _claimed() -> Iterator[WaitNotice]:
    while (notice := _due(clock.now()).order_by("due_at").first()) is not None:
        mine = WaitNotice.objects.filter(pk=notice.pk, due_at=notice.due_at)
        if mine.update(due_at=clock.now() + LEASE, tries=F("tries") + 1):
            notice.tries += 1
            yield notice


def _send(notice: WaitNotice) -> bool:
    token = _token_of(notice)
    question = question_of(token) if token else None
    if token is None or question is None or not _still_asks(notice, token):
        _done(notice)
        return False
    try:
        if notice.slot:
            _post(notice, question)
        else:
            _mail(notice, token, question)
    except (SMTPException, OSError) as error:
        _failed(notice, f"The mail server did not take it: {error}", again=True)
        return False
    except ActionError as error:
        _failed(notice, error.message, again=error.sent is False or error.retryable)
        return False
    _done(notice, sent_at=clock.now())
    return True


def _token_of(notice: WaitNotice) -> WaitToken | None:
    """The link it brings; for a channel any of the question's, to know what is asked."""
    rows = WaitToken.objects.select_related("tenant").filter(tenant_id=notice.tenant_id)
    if notice.token_id:
        return rows.filter(pk=notice.token_id).first()
    return rows.filter(execution_id=notice.execution_id, path=notice.path, answered_at=None).first()


def _still_asks(notice: WaitNotice, token: WaitToken) -> bool:
    now = clock.now()
    over = token.answered_at or token.closed_at or (token.expires_at and token.expires_at <= now)
    return not over and is_open(notice.execution_id)


def _done(notice: WaitNotice, **more: Any) -> None:
    WaitNotice.objects.filter(pk=notice.pk).update(due_at=None, **{"error": "", **more})


def _failed(notice: WaitNotice, why: str, *, again: bool) -> None:
    log.warning("notice %s was not sent, try %s", notice.pk, notice.tries)
    due_at = (
        clock.now() + timedelta(seconds=PAUSES_S[notice.tries - 1]) if notice.tries <= len(PAUSES_S) else None
    )
    WaitNotice.objects.filter(pk=notice.pk).update(due_at=due_at if again else None, error=why[:300])


# --- mails ----------------------------------------------------------------------------------------
def _mail(notice: WaitNotice, token: WaitToken, question: Question) -> None:
    renew(token)
    context = {
        "question": question,
        "text": as_text(question.message),
        "link": address("APPROVAL", token.pk),
        "until": _until(question, token),
        "is_reminder": notice.is_reminder,
    }
    subject = f"{'Reminder: ' if notice.is_reminder else ''}Approve? {question.title} ({question.workflow})"
    headers = {"Message-ID": f"<{notice.pk}@{settings.BASE_HOST}>", "Auto-Submitted": "auto-generated"}
    text = render_to_string("workflows/mail/approval.txt", context)
    EmailMessage(" ".join(subject.split())[:200], text, to=[notice.to], headers=headers).send()


def as_text(message: JSON) -> str:
    """A message as a mail shows it: text as it is, other values as JSON."""
    if message in (None, ""):
        return ""
    text = message if isinstance(message, str) else json.dumps(message, indent=2, ensure_ascii=False)
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]} … (cut; all of it is on the page)"


def _until(question: Question, token: WaitToken) -> str:
    """In the reader's zone where they have an account here, else in the workspace's."""
    if question.until is None:
        return ""
    known = User.objects.filter(email=token.person).values_list("time_zone", flat=True).first()
    name = known or token.tenant.time_zone
    local = timezone.localtime(question.until, zone(name if check_zone(name) is None else "UTC"))
    return f"{format_date(local, 'l, j F Y, H:i')} ({name})"


# --- channels -------------------------------------------------------------------------------------
def _post(notice: WaitNotice, question: Question) -> None:
    """A message with the address of the run's page, where members sign in and answer. Raises ActionError."""
    execution = WorkflowExecution.objects.select_related("deployment").get(pk=notice.execution_id)
    bindings = execution.options.get("bindings") or (
        execution.deployment.bindings if execution.deployment else {}
    )
    rows = UserIntegration.objects.for_tenant(notice.tenant_id).select_related("integration")
    bound = bindings.get(notice.slot)
    connection = rows.filter(pk=bound, is_active=True).first() if bound else None
    if connection is None:
        raise ActionError(f"No connection is chosen for “{notice.slot}”.", code="not_connected", sent=False)
    link = f"{settings.AUTOMATE_BASE_URL}/runs/{notice.execution_id}/"
    parts = [
        f"Approve? {question.title} ({question.workflow})",
        as_text(question.message),
        f"Answer here: {link}",
    ]
    opening.run_action(
        connection.integration.name, CHANNEL_ACTION, tenant=notice.tenant_id, connection_id=connection.pk,
        input={"channel": notice.to, "text": "\n\n".join(filter(None, parts))}, idempotency_key=str(notice.pk),
    )  # fmt: skip
