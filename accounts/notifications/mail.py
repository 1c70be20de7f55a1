"""Notifications by mail: one mail a person for what came together.

Whoever sends puts the time off first, so two senders never send the same; a sender that dies is followed by another.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import User
from accounts.notifications.models import Notification
from automate.lib import clock

log = logging.getLogger(__name__)
TASK: Final = "notifications.send_mails"
LEASE: Final = timedelta(minutes=5)
PAUSES_S: Final = (60, 600, 3_600, 3_600, 3_600)  # between tries; then the list alone has it
MAX_TOGETHER: Final = 20


def has_due() -> bool:
    """Whether there is something to send (one SQL query on a short index)."""
    return settings.HAS_EMAIL and _due(clock.now()).exists()


def send_due() -> int:
    """Send everything that is due; gives how many mails were sent."""
    return sum(_send(rows) for rows in _claimed())


def _due(now: datetime) -> QuerySet[Notification]:
    return Notification.objects.filter(mail_due_at__lte=now)


def _claimed() -> Iterator[list[Notification]]:
    """What is due for one person after the other."""
    while first := _due(clock.now()).order_by("mail_due_at").first():
        waiting = Notification.objects.filter(user=first.user_id, mail_due_at__isnull=False)
        rows = list(waiting.select_related("user", "tenant").order_by("id")[:MAX_TOGETHER])
        mine = []
        for row in rows:
            claim = Notification.objects.filter(pk=row.pk, mail_due_at=row.mail_due_at)
            if claim.update(mail_due_at=clock.now() + LEASE, tries=F("tries") + 1):
                row.tries += 1
                mine.append(row)
        if mine:
            yield mine


def _send(rows: list[Notification]) -> bool:
    """What was read meanwhile is not mailed, nor what is of a workspace the person has left."""
    user = rows[0].user
    ours = set(user.memberships.values_list("tenant_id", flat=True)) if user.is_active else set()
    wanted = [row for row in rows if row.read_at is None and row.tenant_id in ours]
    if wanted:
        try:
            _message(user, wanted).send()
        except (SMTPException, OSError) as error:
            log.warning("notifications of %s were not mailed: %s", user.pk, error)
            for row in rows:
                _put_off(row)
            return False
    Notification.objects.filter(pk__in=[row.pk for row in rows]).update(mail_due_at=None)
    return bool(wanted)


def _put_off(row: Notification) -> None:
    again = clock.now() + timedelta(seconds=PAUSES_S[row.tries - 1]) if row.tries <= len(PAUSES_S) else None
    Notification.objects.filter(pk=row.pk).update(mail_due_at=again)


def _message(user: User, rows: list[Notification]) -> EmailMessage:
    first = rows[0]
    what = (
        f"{first.get_kind_display()}: {first.title}" if len(rows) == 1 else f"{len(rows)} things need a look"
    )
    base = settings.AUTOMATE_BASE_URL.rstrip("/")
    context = {
        "name": user.shown_name,
        "rows": [{"row": row, "link": f"{base}{row.url}"} for row in rows],
        "settings_url": f"{base}{reverse('notifications:settings')}",
    }
    headers = {"Message-ID": f"<{first.pk}@{settings.BASE_HOST}>", "Auto-Submitted": "auto-generated"}
    text = render_to_string("notifications/mail.txt", context)
    return EmailMessage(" ".join(f"[automate] {what}".split())[:200], text, to=[user.email], headers=headers)
