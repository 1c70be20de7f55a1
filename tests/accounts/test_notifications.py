"""What people are told: the list, the bell, the mail, and what they choose."""

from __future__ import annotations

import re
import smtplib

import pytest
from django.core import mail as outbox
from django.urls import reverse

from accounts.models import Membership
from accounts.notifications import mail
from accounts.notifications.models import Notification, NotificationSettings
from accounts.notifications.notify import Listener, News, tell
from automate.lib import clock
from automate.lib.ids import uuid7
from tests.factories import make_workspace


@pytest.fixture
def with_mail(settings):
    settings.HAS_EMAIL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def give(tenant, *users, kind="failed", title="Orders", **listener):
    news = News(kind, tenant.pk, uuid7(), title, "Slack refused it.", "/profile/")
    return tell(news, [Listener(user, listener.get("is_theirs", True)) for user in users], clock.now())


def send_now():
    Notification.objects.exclude(mail_due_at=None).update(mail_due_at=clock.now())
    return mail.send_due()


def test_list_shows_ones_own_and_opening_one_makes_it_read(as_alice, alice, bob, workspace):
    [mine] = give(workspace, alice)
    [his] = give(workspace, bob, title="Bob's <b>")

    page = as_alice.get(reverse("notifications:list")).content.decode()
    opened = as_alice.get(reverse("notifications:open", args=[mine.pk]))

    assert "Orders" in page
    assert "Bob&#x27;s" not in page
    assert opened["Location"] == "/profile/"
    assert Notification.objects.get(pk=mine.pk).read_at
    assert as_alice.get(reverse("notifications:open", args=[his.pk])).status_code == 404
    as_alice.post(reverse("notifications:read"), {"id": str(his.pk)})
    assert Notification.objects.get(pk=his.pk).read_at is None


def test_bell_counts_what_is_unread_and_polls_bring_it_along(as_alice, alice, workspace):
    give(workspace, alice)
    give(workspace, alice)
    home = reverse("accounts:profile")
    bell = re.compile(r'data-bell="(\d+)"')

    shown = bell.findall(as_alice.get(home).content.decode())
    plain, asked = as_alice.get(home), as_alice.get(home, headers={"X-Bell": "?"})
    as_alice.post(reverse("notifications:read"))

    assert set(shown) == {"2"}
    assert ("X-Bell" in plain, asked["X-Bell"]) == (False, "2")
    assert as_alice.get(home, headers={"X-Bell": "?"})["X-Bell"] == "0"


def test_those_who_left_a_workspace_hear_and_see_no_more_of_it(as_bob, bob, workspace, with_mail):
    give(workspace, bob)
    make_workspace(bob, "His own")
    Membership.objects.filter(user=bob, tenant=workspace).delete()

    assert "Orders" not in as_bob.get(reverse("notifications:list")).content.decode()
    assert (send_now(), outbox.outbox) == (0, [])


def test_choices_decide_where_one_is_told(as_alice, alice, workspace, with_mail):
    url = reverse("notifications:settings")
    as_alice.post(url, {"which": "all", "failed_mail": "on", "expired_app": "on"})

    failed, expired = give(workspace, alice), give(workspace, alice, kind="expired", is_theirs=False)
    nothing = give(workspace, alice, kind="attention")

    assert [(row.is_listed, bool(row.mail_due_at)) for row in (*failed, *expired)] == [
        (False, True),
        (True, False),
    ]
    assert nothing == []
    assert as_alice.post(url, {"which": "theirs"}).status_code == 422
    assert NotificationSettings.objects.get(user=alice).which == "all"


def test_what_came_together_goes_into_one_mail_and_what_was_read_into_none(alice, workspace, with_mail):
    give(workspace, alice)
    give(workspace, alice, kind="expired", title="Our Jira")
    [read] = give(workspace, alice, title="Already seen")
    Notification.objects.filter(pk=read.pk).update(read_at=clock.now())

    assert (send_now(), mail.send_due()) == (1, 0)

    [sent] = outbox.outbox
    assert sent.to == ["alice@example.com"]
    assert sent.subject == "[automate] 2 things need a look"
    assert "Our Jira" in sent.body
    assert "http" in sent.body
    assert "Already seen" not in sent.body


def test_mail_server_that_is_down_is_asked_again_later(alice, workspace, with_mail, monkeypatch):
    def refuse(self, fail_silently=False):
        raise smtplib.SMTPServerDisconnected("down")

    give(workspace, alice)
    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)

    assert send_now() == 0
    assert Notification.objects.get().mail_due_at > clock.now()
