"""The page behind the link of an approval: who looks, who answers, and when it is too late."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from tests.workflows.runs.conftest import let_time_pass, steps_of
from tests.workflows.runs.waits.conftest import tokens
from workflows.models import WaitNotice, WorkflowExecution
from workflows.runs import notices
from workflows.runs.cancel import cancel
from workflows.runs.tokens import secret_of

FIELDS = {
    "type": "object", "required": ["cost_centre"],
    "properties": {"cost_centre": {"type": "integer", "title": "Cost centre"}, "urgent": {"type": "boolean"}},
}  # fmt: skip


def url_of(run: WorkflowExecution, person: str = "alice@example.com") -> str:
    return f"/approvals/{secret_of(tokens(run)[person].pk)}"


@pytest.fixture
def nobody() -> Client:
    """A browser without an account."""
    return Client()


def test_the_page_shows_what_is_asked_without_an_account(ask, nobody):
    page = nobody.get(url_of(ask(timeout_s=3600, assignees=["alice@example.com", "bob@example.com"])))

    assert page.status_code == 200
    text = page.content.decode()
    for words in ("Pay 7 EUR?", "Northwind", "1 other", "Answer by", "Approve", "Reject"):
        assert words in text
    assert page["Cache-Control"].find("no-store") >= 0


def test_looking_decides_nothing_however_often(ask, nobody):
    run = ask()

    for method in (nobody.get, nobody.head, nobody.get):
        assert method(url_of(run)).status_code == 200
    for method in (nobody.put, nobody.delete, nobody.options):
        assert method(url_of(run)).status_code == 405

    assert tokens(run)["alice@example.com"].answered_at is None


def test_a_link_that_nobody_was_sent_is_not_there(nobody, db):
    assert nobody.get(f"/approvals/{'x' * 43}").status_code == 404
    assert nobody.post("/approvals/short", {"decision": "approve"}).status_code == 404


def test_approving_goes_on_with_what_was_filled_in(ask, engine, nobody):
    run = ask(fields=FIELDS)

    answer = nobody.post(url_of(run), {"decision": "approve", "comment": "Fine", "f-cost_centre": "12"})

    assert answer.status_code == 303
    assert "You approved this" in nobody.get(answer["Location"]).content.decode()
    engine.drain()
    output = steps_of(run)["ask"].output
    assert (output["answers"], output["comment"]) == ({"cost_centre": 12, "urgent": False}, "Fine")


def test_what_is_asked_must_be_filled_in_to_approve_but_not_to_reject(ask, engine, nobody):
    run = ask(fields=FIELDS)

    refused = nobody.post(url_of(run), {"decision": "approve", "f-cost_centre": "many"})
    taken = nobody.post(url_of(run), {"decision": "reject"})

    assert refused.status_code == 422
    assert "Write a whole number" in refused.content.decode()
    assert taken.status_code == 303
    engine.drain()
    assert WorkflowExecution.objects.get(pk=run.pk).output == {"done": "refused"}


def test_neither_approve_nor_reject_is_no_answer(ask, nobody):
    run = ask()

    assert nobody.post(url_of(run), {"decision": "maybe"}).status_code == 422
    assert nobody.post(url_of(run), {}).status_code == 422
    assert tokens(run)["alice@example.com"].answered_at is None


def test_the_second_answer_hears_who_gave_the_first_and_when(ask, nobody):
    run = ask(assignees=["alice@example.com", "bob@example.com"])
    nobody.post(url_of(run), {"decision": "reject", "comment": "Too dear"})

    second = nobody.post(url_of(run, "bob@example.com"), {"decision": "approve"})
    looking = nobody.get(url_of(run, "bob@example.com"))

    assert (second.status_code, looking.status_code) == (409, 200)
    for words in ("Rejected by alice@example.com", "Too dear", "Your answer changed nothing"):
        assert words in second.content.decode()
    assert tokens(run)["bob@example.com"].answered_at is None


def test_an_answer_after_the_time_is_told_so(ask, engine, nobody):
    run = ask(timeout_s=60)
    let_time_pass(run.pk)
    engine.drain()

    for answer in (nobody.get(url_of(run)), nobody.post(url_of(run), {"decision": "approve"})):
        assert answer.status_code == 410
        assert "The time to answer is over" in answer.content.decode()


def test_a_stopped_run_says_so(ask, alice, nobody):
    run = ask()
    cancel(run, by=alice)

    answer = nobody.post(url_of(run), {"decision": "approve"})

    assert answer.status_code == 410
    assert "was stopped or has ended" in answer.content.decode()


def test_what_people_wrote_stays_text(ask, nobody):
    page = nobody.get(url_of(ask(message="<script>alert(1)</script>{{ trigger.body.total }}")))

    assert b"<script>alert(1)" not in page.content
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;7" in page.content


def test_a_message_that_is_data_is_shown_as_data(ask, nobody):
    page = nobody.get(url_of(ask(message="{{ trigger.body }}")))

    assert b'<pre class="json"' in page.content


def test_another_site_cannot_answer_for_somebody(ask):
    run = ask()

    refused = Client(enforce_csrf_checks=True).post(url_of(run), {"decision": "approve"})

    assert refused.status_code == 403


def later(seconds: float) -> None:
    for notice in WaitNotice.objects.exclude(due_at=None):
        assert notice.due_at is not None
        notice.due_at -= timedelta(seconds=seconds)
        notice.save()


class TestMails:
    """What is sent, once, to whom."""

    @pytest.fixture(autouse=True)
    def mailing(self, settings):
        settings.HAS_EMAIL = True
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    def send(self):
        notices.send_due()
        return mail.outbox

    def test_everybody_asked_gets_their_own_link_once(self, ask, nobody):
        run = ask(
            assignees=["alice@example.com", "bob@example.com"], message="Pay {{ trigger.body.total }} EUR?"
        )

        self.send()
        sent = self.send()

        assert sorted(one.to for one in sent) == [["alice@example.com"], ["bob@example.com"]]
        mine = next(one for one in sent if one.to == ["bob@example.com"])
        assert url_of(run, "bob@example.com") in mine.body
        assert url_of(run) not in mine.body
        assert "Pay 7 EUR?" in mine.body
        assert mine.subject == "Approve? Ask (Under test)"

    def test_a_reminder_goes_to_those_who_have_not_answered_once(self, ask, nobody):
        run = ask(assignees=["alice@example.com", "bob@example.com"], need="all", reminder_s=3600)
        self.send()
        nobody.post(url_of(run), {"decision": "approve"})
        mail.outbox.clear()

        later(3601)
        self.send()
        later(36_000)
        sent = self.send()

        assert [(one.to, one.subject) for one in sent] == [
            (["bob@example.com"], "Reminder: Approve? Ask (Under test)")
        ]

    def test_a_mail_server_that_is_down_is_tried_again_and_named(self, ask, settings):
        settings.EMAIL_BACKEND, good = "django.core.mail.backends.smtp.EmailBackend", settings.EMAIL_BACKEND
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        ask()
        self.send()
        assert "mail server did not take it" in WaitNotice.objects.get().error

        settings.EMAIL_BACKEND = good
        assert self.send() == []
        later(31)
        assert len(self.send()) == 1
        assert WaitNotice.objects.get().error == ""

    def test_a_sender_that_died_is_followed_by_another_with_the_same_message_id(self, ask, monkeypatch):
        ask()
        monkeypatch.setattr("workflows.runs.notices._done", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            self.send()
        monkeypatch.undo()
        assert len(self.send()) == 1

        later(301)
        sent = self.send()

        assert len({one.extra_headers["Message-ID"] for one in sent}) == 1

    def test_nobody_is_bothered_about_a_run_that_was_stopped(self, ask, alice):
        cancel(ask(), by=alice)

        assert self.send() == []
        assert WaitNotice.objects.get().due_at is None

    def test_without_a_mail_server_the_mails_wait_for_one(self, ask, settings):
        settings.HAS_EMAIL = False
        ask()
        assert self.send() == []

        settings.HAS_EMAIL = True

        assert len(self.send()) == 1
