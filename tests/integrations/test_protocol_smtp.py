"""The SMTP protocol against a real mail server on loopback, and against broken ones."""

import contextlib
import email
import email.policy
import socket
import ssl
import subprocess
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from automate.lib.http import EgressPolicy, HttpClient
from integrations.actions import ActionError, ActionRunner, Connection, InputError
from integrations.manifest import shipped

MANIFEST = shipped("smtp")


class Inbox:
    """Keeps what arrives; refuses recipients at refused.example."""

    def __init__(self) -> None:
        self.received: list[tuple[str, list[str], bytes]] = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@refused.example"):
            return "550 No such person here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if b"poison" in envelope.content:
            return "554 Looks like spam"
        self.received.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 OK"

    @property
    def messages(self):
        return [email.message_from_bytes(raw, policy=email.policy.default) for _, _, raw in self.received]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mail")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=mail.example",
         "-addext", "subjectAltName=DNS:mail.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def _sign_in(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ada", b"s3cret-pw")
    return AuthResult(success=known, handled=False)


@pytest.fixture
def serve(certificate):
    controllers = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    def start(security="none"):
        inbox = Inbox()
        options = {
            "authenticator": _sign_in,
            "auth_require_tls": security == "starttls",
            "enable_SMTPUTF8": True,
        }
        if security == "starttls":
            options["tls_context"] = tls
        controller = Controller(
            inbox,
            hostname="127.0.0.1",
            port=_free_port(),
            ssl_context=tls if security == "tls" else None,
            **options,
        )
        controller.start()
        controllers.append(controller)
        inbox.port = controller.port
        return inbox

    yield start
    for controller in controllers:
        controller.stop()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def inbox(serve):
    return serve()


def _connection(port, **values):
    given = {
        "host": "mail.example",
        "port": port,
        "security": "none",
        "from_address": "Acme <hello@acme.example>",
    }
    return Connection("c1", "smtp", "basic", {**given, **values})


@pytest.fixture
def send(certificate):
    policy = EgressPolicy(allow=("127.0.0.1",), resolver=lambda host, port: ["127.0.0.1"])
    runner = ActionRunner(
        HttpClient(policy, tls=ssl.create_default_context(cafile=str(certificate / "cert.pem")))
    )

    def call(connection, key="run:1", timeout_s=5.0, **given):
        given = {"to": "ada@example.com", "subject": "Hi", "text": "Hello", **given}
        return runner.run(
            MANIFEST,
            "send_email",
            input=given,
            connection=connection,
            idempotency_key=key,
            timeout_s=timeout_s,
        )

    call.runner = runner
    return call


def test_a_message_arrives_with_its_parts(send, inbox):
    result = send(
        _connection(inbox.port), to="Ada <ada@example.com>, bob@example.com", cc=["cy@example.com"], bcc="di@example.com",
        reply_to="desk@acme.example", subject="Grüße ☃", text="Plain", html="<p>Fancy</p>",
        attachments=[{"name": "nöte.txt", "mime": "text/plain", "text": "content"},
                     {"name": "a.bin", "base64": "AAEC"}],
    )  # fmt: skip

    sender, recipients, raw = inbox.received[0]
    message = inbox.messages[0]
    assert sender == "hello@acme.example"
    assert recipients == ["ada@example.com", "bob@example.com", "cy@example.com", "di@example.com"]
    assert (message["From"], message["Subject"], message["Reply-To"]) == (
        "Acme <hello@acme.example>", "Grüße ☃", "desk@acme.example",
    )  # fmt: skip
    assert (message["To"], message["Cc"], message["Bcc"]) == (
        "Ada <ada@example.com>, bob@example.com",
        "cy@example.com",
        None,
    )
    assert b"di@example.com" not in raw
    assert message.get_body(("plain",)).get_content().strip() == "Plain"
    assert message.get_body(("html",)).get_content().strip() == "<p>Fancy</p>"
    assert [(part.get_filename(), part.get_content()) for part in message.iter_attachments()] == [
        ("nöte.txt", "content"), ("a.bin", b"\x00\x01\x02"),
    ]  # fmt: skip
    assert result.output == {"message_id": message["Message-ID"], "accepted": recipients, "refused": {}}


def test_the_message_id_is_the_same_for_a_repeated_attempt_only(send, inbox):
    ids = [send(_connection(inbox.port), key=key).output["message_id"] for key in ("run:1", "run:1", "run:2")]

    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@acme.example>")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", "Hi\r\nBcc: evil@example.com"),
        ("subject", "Hi\nX: y"),
        ("subject", "Hi\x00"),
        ("to", "ada@example.com\r\nBcc: evil@example.com"),
        ("to", "ada@example.com>\r\nRCPT TO:<evil@example.com"),
        ("to", ["a@b.example\n"]),
        ("cc", "x\r\n@example.com"),
        ("reply_to", "a@b.example\r\nX: y"),
        ("from", "a@b.example\r\nX: y"),
        ("attachments", [{"name": "a\r\nX: y", "text": "x"}]),
        ("attachments", [{"name": "a", "mime": "text/plain\r\nX: y", "text": "x"}]),
    ],
)
def test_line_breaks_never_reach_a_header(send, inbox, field, value):
    with pytest.raises(InputError) as caught:
        send(_connection(inbox.port), **{field: value})

    assert caught.value.field == field
    assert inbox.received == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to", "nobody"), ("to", "a@"), ("to", "@b"), ("to", "a b@c.example"), ("to", ""), ("to", []), ("to", "a@b.example, oops"),
        ("from", "a@b.example, c@d.example"), ("to", [f"p{n}@example.com" for n in range(101)]),
        ("attachments", [{"name": "a", "base64": "%%%"}]), ("attachments", [{"$file": "x", "name": "gone"}]),
    ],
)  # fmt: skip
def test_bad_input_is_named_by_its_field(send, inbox, field, value):
    with pytest.raises(InputError) as caught:
        send(_connection(inbox.port), **{field: value})

    assert caught.value.field == field
    assert caught.value.message.endswith(".")


def test_dots_and_long_lines_arrive_unchanged(send, inbox):
    text = ".\n..dots\n" + "x" * 3000 + "\nend"

    send(_connection(inbox.port), text=text)

    assert inbox.messages[0].get_content().replace("\r\n", "\n").rstrip("\n") == text


def test_letters_beyond_ascii_in_addresses(send, inbox):
    send(_connection(inbox.port), to="jörg@bücher.example")

    assert inbox.received[0][1] == ["jörg@xn--bcher-kva.example"]


def test_some_refused_recipients_are_told_and_the_others_get_it(send, inbox):
    output = send(_connection(inbox.port), to="ada@example.com, x@refused.example").output

    assert output["accepted"] == ["ada@example.com"]
    assert output["refused"] == {"x@refused.example": "550 No such person here"}


def test_all_recipients_refused_is_an_error(send, inbox):
    with pytest.raises(ActionError, match="No such person") as caught:
        send(_connection(inbox.port), to="x@refused.example")

    assert (caught.value.status, caught.value.sent, caught.value.retryable) == (550, False, False)


def test_a_refused_message_is_a_definite_answer(send, inbox):
    with pytest.raises(ActionError, match="Looks like spam") as caught:
        send(_connection(inbox.port), text="poison")

    assert (caught.value.status, caught.value.sent) == (554, True)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_protected_connections_sign_in_and_check_the_name(send, serve, security):
    inbox = serve(security)
    values = {"security": security, "username": "ada", "password": "s3cret-pw"}

    send(_connection(inbox.port, **values))

    assert len(inbox.received) == 1
    with pytest.raises(ActionError, match="certificate") as caught:
        send(_connection(inbox.port, **values, host="other.example"))
    assert caught.value.sent is False


def test_a_wrong_password_asks_to_connect_again_and_stays_secret(send, serve):
    inbox = serve("starttls")

    with pytest.raises(ActionError, match="did not accept") as caught:
        send(_connection(inbox.port, security="starttls", username="ada", password="wrong-pw"))

    assert (caught.value.reconnect, caught.value.sent) == (True, False)
    assert "wrong-pw" not in caught.value.message


def test_a_server_without_starttls_is_not_used_in_clear(send, inbox):
    with pytest.raises(ActionError, match="chosen security") as caught:
        send(_connection(inbox.port, security="starttls", username="ada", password="s3cret-pw"))

    assert caught.value.sent is False
    assert inbox.received == []


def test_a_connection_is_tested_by_signing_in(send, serve):
    inbox = serve("starttls")
    connection = _connection(inbox.port, security="starttls", username="ada", password="s3cret-pw")

    assert send.runner.test(MANIFEST, connection) == "Acme <hello@acme.example>"


class Broken:
    """A server that speaks a script, each answer to one line, then goes silent, drips on, or hangs up."""

    def __init__(self, *answers: bytes, silent: bool = False, drip: bytes = b"") -> None:
        self._drip = drip
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._answers, self._silent = answers, silent
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        sock, _ = self._listener.accept()
        with sock, self._listener:
            for answer in self._answers:
                sock.sendall(answer)
                sock.recv(65536)
            with contextlib.suppress(OSError):
                for _ in range(30 if self._drip else 0):
                    sock.sendall(self._drip)
                    time.sleep(0.1)
            time.sleep(3 if self._silent else 0)


GREETING = (b"220 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n")


@pytest.mark.parametrize(
    ("answers", "silent", "sent"),
    [
        ((b"",), False, False),
        ((b"220 hi\r\n",), False, False),
        ((b"220 hi\r\n",), True, False),
        ((b"",), True, False),
        (GREETING, False, False),
        ((*GREETING, b"354 go\r\n"), False, None),
        ((*GREETING, b"354 go\r\n"), True, None),
        ((b"220-a\r\n" * 1000,), True, False),
    ],
)
def test_a_broken_server_tells_whether_the_message_may_have_gone(send, answers, silent, sent):
    server = Broken(*answers, silent=silent)
    started = time.monotonic()

    with pytest.raises(ActionError) as caught:
        send(_connection(server.port), timeout_s=0.5)

    assert time.monotonic() - started < 2
    assert (caught.value.sent, caught.value.retryable) == (sent, True)


def test_a_server_that_drips_is_cut_off_at_the_deadline(send):
    server = Broken(drip=b"220-still here\r\n")
    started = time.monotonic()

    with pytest.raises(ActionError, match="in time") as caught:
        send(_connection(server.port), timeout_s=0.5)

    assert time.monotonic() - started < 1.5
    assert caught.value.sent is False


def test_inner_addresses_are_blocked():
    runner = ActionRunner(HttpClient(EgressPolicy()))

    for host in ("127.0.0.1", "localhost", "10.0.0.1", "0x7f.1", "[::1]", "169.254.169.254"):
        with pytest.raises(ActionError) as caught:
            runner.run(
                MANIFEST, "send_email", input={"to": "a@b.example", "subject": "x", "text": "y"},
                connection=_connection(25, host=host),
            )  # fmt: skip
        assert (caught.value.code, caught.value.sent) == ("blocked_address", False)
