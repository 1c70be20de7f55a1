"""Mail from a real IMAP server: each once, unread, with its files; broken mails too."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from automate.lib.http import EgressPolicy, HttpClient
from integrations.actions import ActionRunner, Connection
from integrations.errors import ActionError
from integrations.manifest import shipped
from integrations.protocols.imap import conversation, looking
from integrations.protocols.imap.messages import read_mail
from tests.support.mailbox import PASSWORD, USER, Mailbox, mail

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def server():
    running = Mailbox().start()
    yield running
    running.stop()


@pytest.fixture
def folder(server, request):
    name = request.node.name[:60].replace("[", "-").replace("]", "")
    server.make(name)
    return name


@pytest.fixture
def runner():
    return ActionRunner(HttpClient(EgressPolicy(("127.0.0.1",))))


@pytest.fixture
def look(server, runner, folder):
    connection = Connection("c", "imap", "basic", server.values)
    manifest = shipped("imap")

    def look(state=None, first=None, **more):
        given = {"folder": folder, **more}
        return runner.look(
            manifest, manifest.trigger("new_mail"), input=given, connection=connection, state=state or {}, now=NOW,
            first=first,
        )  # fmt: skip

    return look


def subjects(batch):
    return [item.value["subject"] for item in batch.items]


def test_new_mail_comes_once_and_stays_unread(server, look, folder):
    server.deliver(mail("old"), folder=folder)
    state = look(first="nothing").state_after(0)
    server.deliver(mail("one"), mail("two"), folder=folder)

    batch = look(state)
    state = batch.state_after(2)

    assert subjects(batch) == ["one", "two"]
    assert subjects(look(state)) == []
    assert b"\\Seen" not in b"".join(server.flags(folder))


def test_a_mail_is_plain_data(server, look, folder):
    message = mail(
        "Grüße ✓",
        "Plain text.\n",
        sender='"Änne, A." <a@example.com>',
        Reply_To="r@example.com",
        Cc="c@example.com",
    )
    message.add_alternative("<p>Rich <b>text</b></p>", subtype="html")
    message.add_attachment(b"%PDF-1", maintype="application", subtype="pdf", filename="Rechnung März.pdf")
    server.deliver(message, folder=folder)

    item = look(first="all").items[0]

    value = item.value
    assert value["subject"] == "Grüße ✓"
    assert value["from"] == {"name": "Änne, A.", "address": "a@example.com"}
    assert value["to"] == [{"name": "", "address": USER}]
    assert (value["cc"][0]["address"], value["reply_to"][0]["address"]) == ("c@example.com", "r@example.com")
    assert value["text"] == "Plain text.\n"
    assert value["html"] == "<p>Rich <b>text</b></p>\n"
    assert value["date"] == "2026-11-20T10:00:00+01:00"
    assert value["attachments"] == [{"name": "Rechnung März.pdf", "mime": "application/pdf", "size": 6}]
    assert [file.data for file in item.files] == [b"%PDF-1"]
    assert re.fullmatch(r"\d+-\d+", value["id"])
    assert value["is_whole"] is True


def test_html_alone_becomes_text(server, look, folder):
    message = mail("x")
    message.set_content("<p>One</p><script>bad()</script><p>Two</p>", subtype="html")
    server.deliver(message, folder=folder)

    assert look(first="all").items[0].value["text"] == "One\n\nTwo"


def test_the_first_look_may_take_the_last_ones(server, look, folder):
    server.deliver(*[mail(f"m{n}") for n in range(12)], folder=folder)

    assert subjects(look(first="last")) == [f"m{n}" for n in range(2, 12)]
    assert subjects(look(first="nothing")) == []


def test_many_mails_come_in_portions_none_twice(server, look, folder, monkeypatch):
    monkeypatch.setattr(looking, "MAX_MAILS", 3)
    state = look(first="nothing").state_after(0)
    server.deliver(*[mail(f"m{n}") for n in range(8)], folder=folder)
    found = []

    for taken in (2, 3, 3, 3):
        batch = look(state)
        found += subjects(batch)[:taken]
        state = batch.state_after(min(taken, len(batch.items)))

    assert found == [f"m{n}" for n in range(8)]
    assert not look(state).has_more


def test_a_query_chooses_and_what_it_leaves_out_is_done_with(server, look, folder):
    state = look(first="nothing").state_after(0)
    server.deliver(mail("an invoice"), mail("a joke"), folder=folder)

    batch = look(state, query='SUBJECT "invoice"')

    assert subjects(batch) == ["an invoice"]
    assert subjects(look(batch.state_after(1))) == []


def test_a_folder_numbered_anew_brings_nothing_twice_and_loses_nothing(server, look, folder):
    server.deliver(mail("old"), folder=folder)
    state = look(first="nothing").state_after(0)
    server.deliver(mail("one"), folder=folder)
    state = look(state).state_after(1)
    server.deliver(mail("two"), folder=folder)

    server.renumber(folder)
    batch = look(state)

    assert subjects(batch) == ["two"]
    state = batch.state_after(1)
    assert subjects(look(state)) == []
    server.deliver(mail("three"), folder=folder)
    assert subjects(look(state)) == ["three"]


def test_of_a_mail_that_is_too_large_only_the_head_is_read(server, look, folder, monkeypatch):
    monkeypatch.setattr(looking, "MAX_MAIL_BYTES", 1000)
    server.deliver(mail("big", "x" * 2000), folder=folder)

    item = look(first="all").items[0]

    assert (item.value["subject"], item.value["text"], item.value["is_whole"]) == ("big", "", False)
    assert item.files == ()


def test_folders_are_listed_by_their_names(server, runner):
    server.make('"&BBQ-"')  # modified UTF-7 for a Cyrillic letter
    connection = Connection("c", "imap", "basic", server.values)

    found = runner.run(shipped("imap"), "list_folders", input={}, connection=connection).output

    assert {"name": "INBOX"} in found
    assert {"name": "Д"} in found


@pytest.mark.parametrize("name", ["Entwürfe", "A & B", 'say "hi"', "日本語/x", "back\\slash"])
def test_names_of_folders_survive_the_way_there_and_back(name):
    written = conversation.quoted(name)

    assert written.isascii()
    assert conversation.plain_name(written[1:-1].replace('\\"', '"').replace("\\\\", "\\")) == name


def test_a_wrong_password_asks_to_connect_again(server, runner):
    connection = Connection("c", "imap", "basic", {**server.values, "password": "wrong-password"})

    with pytest.raises(ActionError, match="did not accept the user name and password") as caught:
        runner.test(shipped("imap"), connection)

    assert caught.value.reconnect
    assert "wrong-password" not in caught.value.message


def test_test_of_a_connection_names_the_user(server, runner):
    assert runner.test(shipped("imap"), Connection("c", "imap", "basic", server.values)) == USER


def test_a_folder_that_does_not_exist_is_named(look):
    with pytest.raises(ActionError, match="There is no folder “Nowhere”"):
        look(first="all", folder="Nowhere")


def test_a_server_that_is_away_may_be_asked_again(runner):
    values = {"host": "127.0.0.1", "port": 1, "security": "none", "username": USER, "password": PASSWORD}

    with pytest.raises(ActionError, match="nothing listens on that port") as caught:
        runner.test(shipped("imap"), Connection("c", "imap", "basic", values))

    assert caught.value.retryable


def test_an_address_of_the_own_network_is_not_dialled(server):
    runner = ActionRunner(HttpClient(EgressPolicy()))

    with pytest.raises(ActionError, match="AUTOMATE_EGRESS_ALLOW"):
        runner.test(shipped("imap"), Connection("c", "imap", "basic", server.values))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\r\n", b"no header at all", b"Subject: =?utf-8?b?////?=\r\n\r\n\xff\xfe",
        b"From: <<<>>>,,;\r\nDate: yesterday\r\nTo: a@b@c\r\n\r\nx",
        b"Content-Type: text/plain; charset=martian\r\n\r\nhi \xe4", b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: image/png\r\n\r\nabc\r\n--x--",
        b"Content-Disposition: attachment; filename*=utf-8''%00%FF/../x\r\n\r\nabc", b"Subject: a\x00b\r\n\r\nc\x00d",
    ],
)  # fmt: skip
def test_broken_mails_are_read_as_far_as_they_go(raw):
    value, files = read_mail(raw)

    assert "\x00" not in value["subject"] + value["text"]
    assert all("/" not in file.name for file in files)
