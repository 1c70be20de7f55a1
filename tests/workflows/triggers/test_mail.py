"""Mail that starts runs: each mail once, its files kept by reference, whatever dies in between."""

from __future__ import annotations

import itertools
from contextlib import suppress
from datetime import timedelta

import pytest

from automate.lib import clock
from integrations.connections import forget_everything
from integrations.manifest import shipped
from integrations.sync import write_definition
from tests.support.mailbox import Mailbox, mail
from tests.workflows.triggers.conftest import poll_now
from tests.workflows.triggers.test_subscriptions import connect
from workflows import documents
from workflows.engine.document import load
from workflows.models import Blob, LiveTrigger, Sample, WorkflowExecution
from workflows.publishing import publish
from workflows.runs.blobs import bytes_of
from workflows.runs.failpoints import dying_at
from workflows.triggers import claims
from workflows.triggers.sampling import fetch_sample

pytestmark = pytest.mark.django_db
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server():
    running = Mailbox().start()
    yield running
    running.stop()


@pytest.fixture
def mailbox(server, db):
    write_definition(shipped("imap"), digest="imap")
    forget_everything()
    return server


def document(**config):
    trigger = {"key": "mail", "type": "email", "connection": "box", "config": config}
    return {
        "format": "automate/1", "key": f"mail-{next(_numbers)}", "connections": {"box": {"integration": "imap"}},
        "triggers": [trigger], "start": "shape",
        "steps": [{"key": "shape", "type": "transform", "config": {"set": {"a": "{{ trigger.body.subject }}"}}}],
    }  # fmt: skip


@pytest.fixture
def draft(alice, workspace, mailbox):
    """`draft(folder)`: a workflow that waits for mail in that folder of the mailbox."""
    from integrations.models import IntegrationDefinition

    definition = IntegrationDefinition.objects.get(name="imap")
    connection = connect(workspace, alice, definition, "BASIC", mailbox.values)

    def make(folder="INBOX", **config):
        mailbox.make(folder)
        data = load(document(folder=folder, **config))
        return documents.create(workspace, data, by=alice, bindings={"box": str(connection.pk)})

    return make


@pytest.fixture
def listen(draft, alice):
    def make(folder, **config):
        template = draft(folder, **config)
        publish(template, by=alice)
        live = LiveTrigger.objects.get(template=template)
        poll_now(live)
        return live

    return make


def with_file(subject):
    message = mail(subject)
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="invoice.pdf")
    return message


def test_a_mail_starts_a_run_with_its_files(listen, mailbox):
    mailbox.make("files")
    live = listen("files")
    mailbox.deliver(with_file("invoice"), folder="files")

    assert poll_now(live) == 1

    run = WorkflowExecution.objects.get()
    assert (run.trigger_type, run.input["type"]) == ("EMAIL", "email")
    assert run.input["body"]["subject"] == "invoice"
    [file] = run.input["files"]
    assert run.input["body"]["attachments"] == [file]
    assert (file["name"], file["mime"], file["size"]) == ("invoice.pdf", "application/pdf", 8)
    blob = Blob.objects.get(pk=file["$file"])
    assert (blob.execution_id, bytes_of(blob)) == (run.pk, b"%PDF-1.7")
    assert poll_now(live) == 0


@pytest.mark.parametrize("point", ["poll.asked", "poll.before_commit", "poll.after_commit"])
def test_a_death_neither_loses_a_mail_nor_takes_it_twice(listen, mailbox, point):
    class Killed(BaseException):
        pass

    live = listen(point)
    mailbox.deliver(with_file("one"), mail("two"), folder=point)

    with suppress(Killed), dying_at(point, 1, Killed):
        poll_now(live)
    poll_now(live, later=claims.lease())

    assert [run.input["body"]["subject"] for run in WorkflowExecution.objects.order_by("id")] == [
        "one",
        "two",
    ]
    assert Blob.objects.count() == 1


def test_a_sample_is_fetched_without_starting_anything(draft, mailbox):
    template = draft("sample")
    mailbox.deliver(mail("older"), with_file("newer"), folder="sample")
    [trigger] = documents.load_draft(template).triggers

    found = fetch_sample(template, trigger, documents.bindings_of(template))

    assert [one["body"]["subject"] for one in found] == ["newer", "older"]
    sample = Sample.objects.get()
    assert sample.data["files"][0]["name"] == "invoice.pdf"
    assert Blob.objects.get(pk=sample.data["files"][0]["$file"]).execution_id is None
    assert not WorkflowExecution.objects.exists()


def test_the_interval_of_mail_is_a_minute(listen):
    live = listen("interval")

    live.refresh_from_db()
    assert timedelta(seconds=40) < live.next_fire_at - clock.now() <= timedelta(seconds=60)
