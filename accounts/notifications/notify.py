"""Telling people: once for each state of affairs, in the list and by mail as each of them wants it.

Called by the scheduler alone, never by a run: what people are told is read from what runs have written.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.notifications.kinds import Kind
from accounts.notifications.models import Notification, NotificationSettings, Told

AGAIN_AFTER: Final = timedelta(
    hours=1
)  # what comes and goes (a workflow that fails now and then) is told once in it
COMES_AGAIN: Final = frozenset({Kind.FAILED, Kind.EXPIRED, Kind.SWITCHED_OFF})
MAIL_AFTER: Final = timedelta(seconds=15)  # what happens together goes into one mail
KEPT: Final = timedelta(days=90)
TOLD_KEPT: Final = timedelta(days=90)


@dataclass(frozen=True)
class News:
    """`title` names what it is about, `text` says what happened, `url` is the path where it is put right."""

    kind: str
    tenant_id: uuid.UUID
    subject: uuid.UUID
    title: str
    text: str
    url: str


@dataclass(frozen=True)
class Listener:
    """Somebody who may be told. `is_theirs`: they made, published or own what the news is about."""

    user: User
    is_theirs: bool


def is_new(kind: str, subject: uuid.UUID, tenant_id: uuid.UUID, now: datetime) -> bool:
    """Note that this is so now; whether people are to be told. Whoever notes it first tells."""
    row, made = Told.objects.get_or_create(
        kind=kind, subject=subject, defaults={"tenant_id": tenant_id, "at": now}
    )
    if made:
        return True
    if row.is_open:
        return False
    is_due = kind in COMES_AGAIN and row.at < now - AGAIN_AFTER
    mine = Told.objects.filter(pk=row.pk, is_open=False)
    return bool(mine.update(is_open=True, at=now if is_due else row.at)) and is_due


def open_subjects(kind: str) -> set[uuid.UUID]:
    """What people were told of this kind and still lasts, as far as we know (one SQL query)."""
    return set(Told.objects.filter(kind=kind, is_open=True).values_list("subject", flat=True))


def note(kind: str, subject: uuid.UUID, tenant_id: uuid.UUID, now: datetime) -> None:
    """People are told now, whatever they were told before."""
    Told.objects.update_or_create(
        kind=kind, subject=subject, defaults={"tenant_id": tenant_id, "is_open": True, "at": now}
    )


def told_at(kind: str, subject: uuid.UUID) -> datetime | None:
    """When people were told of it last (one SQL query)."""
    return Told.objects.filter(kind=kind, subject=subject).values_list("at", flat=True).first()


def is_over(kind: str, subjects: Collection[uuid.UUID]) -> None:
    """These are so no longer: if they come again, people are told again."""
    if subjects:
        Told.objects.filter(kind=kind, subject__in=subjects, is_open=True).update(is_open=False)


@transaction.atomic
def tell(news: News, listeners: Iterable[Listener], now: datetime) -> list[Notification]:
    """One notification for each of them who wants it (two SQL queries)."""
    found = list(listeners)
    chosen = {
        row.user_id: row for row in NotificationSettings.objects.filter(user__in=[one.user for one in found])
    }
    rows = []
    for one in found:
        wishes = chosen.get(one.user.pk) or NotificationSettings(user=one.user)
        if not one.is_theirs and wishes.which != NotificationSettings.Which.ALL:
            continue
        in_app = wishes.wants(news.kind, "app")
        by_mail = settings.HAS_EMAIL and wishes.wants(news.kind, "mail")
        if in_app or by_mail:
            rows.append(
                Notification(
                    tenant_id=news.tenant_id, user=one.user, kind=news.kind, title=news.title[:200],
                    text=news.text[:500], url=news.url, is_listed=in_app, at=now,
                    mail_due_at=now + MAIL_AFTER if by_mail else None,
                )
            )  # fmt: skip
    return Notification.objects.bulk_create(rows)


def tidy(now: datetime) -> None:
    """Forget what is long over."""
    Notification.objects.filter(at__lt=now - KEPT).delete()
    over = Q(is_open=False) | ~Q(kind__in=COMES_AGAIN)
    Told.objects.filter(over, at__lt=now - TOLD_KEPT).delete()
