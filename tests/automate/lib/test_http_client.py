"""The guarded client against real servers on loopback: honest ones, slow ones, broken ones and hostile ones."""

import gzip
import os
import socket
import ssl
import subprocess
import threading
import time
import zlib

import pytest

from automate.lib.http import (
    AnswerTooLarge,
    BadAnswer,
    ConnectFailed,
    ConnectionLost,
    EgressBlocked,
    EgressPolicy,
    HttpClient,
    InvalidRequest,
    Request,
    TimedOut,
    TlsFailed,
    TooManyRedirects,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class RawServer:
    """Answers the n-th request of each connection with the n-th script; a script may be a list to send slowly."""

    def __init__(self, *scripts, tls: ssl.SSLContext | None = None, pause_s: float = 0.0) -> None:
        self.scripts, self.tls, self.pause_s = scripts, tls, pause_s
        self.requests: list[bytes] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str = "/", scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            try:
                if self.tls:
                    sock = self.tls.wrap_socket(sock, server_side=True)
                for script in self.scripts:
                    self.requests.append(self._read(sock))
                    self._play(sock, script)
            except OSError:
                return
            finally:
                sock.close()

    def _read(self, sock: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._some(sock)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        while len(body) < length:
            body += self._some(sock)
        return head + b"\r\n\r\n" + body

    def _some(self, sock: socket.socket) -> bytes:
        chunk = sock.recv(65536)
        if not chunk:
            raise OSError
        return chunk

    def _play(self, sock: socket.socket, script) -> None:
        for piece in script if isinstance(script, list) else [script]:
            sock.sendall(piece)
            time.sleep(self.pause_s)


@pytest.fixture
def serve():
    servers: list[RawServer] = []

    def start(*scripts, **options) -> RawServer:
        servers.append(RawServer(*scripts, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def client():
    client = HttpClient(EgressPolicy(allow=("127.0.0.1", "localhost")))
    yield client
    client.close()


# --- what is sent and what comes back ---------------------------------------------------------------------------


def test_a_request_arrives_as_given_and_the_answer_comes_back(httpserver, client):
    httpserver.expect_request(
        "/things", method="POST", query_string="a=1&b=%C3%A4", data=b"{}", headers={"X-One": "1"}
    ).respond_with_data("done", status=201, headers={"X-Two": "2"})

    answer = client.send(Request("post", httpserver.url_for("/things") + "?a=1&b=ä", {"X-One": "1"}, b"{}"))

    assert (answer.status, answer.body, answer.headers["x-two"]) == (201, b"done", "2")
    assert answer.elapsed_ms > 0


def test_the_client_sets_host_length_agent_and_encoding_itself(serve, client):
    server = serve(OK)

    client.send(Request("POST", server.url("/a b"), {"Accept": "text/plain"}, b"abc"))

    assert server.requests[0].split(b"\r\n") == [
        b"POST /a%20b HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}".encode(),
        b"Accept: text/plain",
        b"User-Agent: automate/0.1",
        b"Accept-Encoding: gzip, deflate",
        b"Content-Length: 3",
        b"",
        b"abc",
    ]


def test_error_statuses_are_answers(serve, client):
    server = serve(b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbusy")

    answer = client.send(Request("GET", server.url()))

    assert (answer.status, answer.headers["retry-after"], answer.body) == (503, "3", b"busy")


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n",
            b"abcde",
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_every_way_of_framing_a_body_is_understood(serve, client, answer, body):
    assert client.send(Request("GET", serve(answer).url())).body == body


def test_repeated_headers_are_joined(serve, client):
    server = serve(b"HTTP/1.1 200 OK\r\nLink: <a>\r\nlink: <b>\r\nContent-Length: 0\r\n\r\n")

    assert client.send(Request("GET", server.url())).headers["link"] == "<a>, <b>"


# --- kept connections -------------------------------------------------------------------------------------------


def test_connections_are_kept_and_used_again(serve, client):
    server = serve(OK, OK, OK)

    for _ in range(3):
        client.send(Request("GET", server.url()))

    assert (server.connections, len(server.requests)) == (1, 3)


def test_a_connection_the_server_closed_is_not_used_again(serve, client):
    server = serve(OK)

    for _ in range(3):
        client.send(Request("POST", server.url(), body=b"x"))
        time.sleep(0.05)

    assert (server.connections, len(server.requests)) == (3, 3)


def test_a_connection_that_says_something_unasked_is_dropped(serve, client):
    server = serve(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", OK)

    bodies = [client.send(Request("GET", server.url())).body for _ in range(2)]

    assert bodies == [b"ok", b"ok"]


def test_a_connection_told_to_close_is_closed(serve, client):
    server = serve(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", OK)

    for _ in range(2):
        client.send(Request("GET", server.url()))

    assert server.connections == 2


def test_a_dead_kept_connection_is_replaced_only_where_repeating_is_allowed(serve, client):
    server = serve(OK, b"")  # the second request of a connection is read, and then the server hangs up
    client.send(Request("GET", server.url()))

    assert client.send(Request("PUT", server.url(), body=b"1", allow_retry=True)).body == b"ok"
    with pytest.raises(ConnectionLost) as caught:
        client.send(Request("POST", server.url(), body=b"2"))

    assert caught.value.sent is None
    assert [request[-1:] for request in server.requests] == [b"\n", b"1", b"1", b"2"]


def test_a_request_that_may_go_only_once_does_not_trust_an_old_connection(serve, client, monkeypatch):
    server = serve(OK, OK, OK)
    client.send(Request("GET", server.url()))
    monkeypatch.setattr("automate.lib.http.client.MAX_IDLE_ONCE_S", 0.05)
    time.sleep(0.1)

    client.send(Request("POST", server.url(), body=b"x"))

    assert server.connections == 2


def test_threads_share_the_client(httpserver, client):
    httpserver.expect_request("/n").respond_with_handler(lambda request: _echo(request))
    answers: dict[int, bytes] = {}

    def call(number: int) -> None:
        for _ in range(5):
            answers[number] = client.send(Request("POST", httpserver.url_for("/n"), body=b"%d" % number)).body

    threads = [threading.Thread(target=call, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {number: b"%d" % number for number in range(12)}


def _echo(request):
    from werkzeug import Response

    return Response(request.get_data())


def test_a_forked_child_does_not_write_into_its_parents_connection(serve, client):
    server = serve(OK, OK, OK)
    client.send(Request("GET", server.url("/parent")))
    child = os.fork()
    if child == 0:
        try:
            client.send(Request("GET", server.url("/child")))
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    client.send(Request("GET", server.url("/parent")))

    assert server.connections == 2


# --- deadlines and limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "drip",
    [
        [b"HTTP/1.1 200 OK\r\n", *[b"X-%d: y\r\n" % n for n in range(50)]],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", *[b"."] * 50],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\n.\r\n"] * 50],
        [b"", *[b"HTTP/1.1 102 Processing\r\n\r\n"] * 50],
    ],
)
def test_an_answer_that_drips_is_cut_off_at_the_deadline(serve, client, drip):
    server = serve(drip, pause_s=0.1)
    started = time.monotonic()

    with pytest.raises(TimedOut) as caught:
        client.send(Request("POST", server.url(), body=b"x", timeout_s=0.5))

    assert 0.4 < time.monotonic() - started < 0.9
    assert caught.value.sent is not False
    assert caught.value.retryable


def test_a_server_that_never_answers_leaves_the_outcome_unknown(serve, client):
    server = serve([b""], pause_s=3)

    with pytest.raises(TimedOut) as caught:
        client.send(Request("POST", server.url(), body=b"x", timeout_s=0.2))

    assert caught.value.sent is None


def test_a_server_that_does_not_read_is_cut_off_too(client):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        with pytest.raises(TimedOut):
            client.send(Request("POST", url, body=b"x" * 20_000_000, timeout_s=0.4))


def _answer(body: bytes, *headers: bytes) -> bytes:
    head = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


@pytest.mark.parametrize("size", [10_000, 10_001])
@pytest.mark.parametrize(
    "how", ["plain", "chunked", "gzip", "deflate", "raw deflate", "gzip twice", "until close"]
)
def test_the_limit_counts_decompressed_bytes_and_is_exact(serve, client, size, how):
    body = b"a" * size
    raw = zlib.compressobj(wbits=-15)
    answers = {
        "plain": _answer(body),
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
        % (size, body),
        "gzip": _answer(gzip.compress(body), b"Content-Encoding: gzip"),
        "deflate": _answer(zlib.compress(body), b"Content-Encoding: deflate"),
        "raw deflate": _answer(raw.compress(body) + raw.flush(), b"Content-Encoding: deflate"),
        "gzip twice": _answer(gzip.compress(gzip.compress(body)), b"Content-Encoding: gzip, gzip"),
        "until close": b"HTTP/1.0 200 OK\r\n\r\n" + body,
    }
    request = Request("GET", serve(answers[how]).url(), max_bytes=10_000)

    if size <= 10_000:
        assert client.send(request).body == body
    else:
        with pytest.raises(AnswerTooLarge) as caught:
            client.send(request)
        assert caught.value.sent is True


def test_a_bomb_is_stopped_before_it_fills_the_memory(serve, client):
    bomb = gzip.compress(gzip.compress(bytes(100_000_000), 1), 1)
    server = serve(_answer(bomb, b"Content-Encoding: gzip, gzip"))
    before = _peak_kb()

    with pytest.raises(AnswerTooLarge):
        client.send(Request("GET", server.url(), max_bytes=1_000_000))

    assert _peak_kb() - before < 30_000


def _peak_kb() -> int:
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


def test_a_gzip_of_several_members_is_read_whole(serve, client):
    server = serve(_answer(gzip.compress(b"one ") + gzip.compress(b"two"), b"Content-Encoding: gzip"))

    assert client.send(Request("GET", server.url())).body == b"one two"


# --- broken answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", ConnectionLost),
        (b"SSH-2.0-OpenSSH_9.2\r\n", BadAnswer),
        (b"HTTP/1.1 abc\r\n\r\n", BadAnswer),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", ConnectionLost),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\nshort",
            (ConnectionLost, BadAnswer),
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", ConnectionLost),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", (ConnectionLost, BadAnswer)),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", BadAnswer),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", BadAnswer),
        (_answer(b"not gzip at all", b"Content-Encoding: gzip"), BadAnswer),
        (_answer(gzip.compress(b"a" * 5000)[:-20], b"Content-Encoding: gzip"), BadAnswer),
        (_answer(b"x", b"Content-Encoding: gzip, gzip, gzip"), BadAnswer),
    ],
)
def test_a_broken_answer_is_an_error_with_a_sentence(serve, client, answer, error):
    with pytest.raises(error) as caught:
        client.send(Request("POST", serve(answer).url(), body=b"x", timeout_s=3))

    assert caught.value.sent is not False
    assert caught.value.message.endswith(".")


def test_nothing_listening_is_certainly_not_sent(client):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    with pytest.raises(ConnectFailed, match="nothing listens") as caught:
        client.send(Request("POST", f"http://127.0.0.1:{port}/", body=b"x"))

    assert caught.value.sent is False
    assert caught.value.retryable


# --- header injection -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "a\r\nX-B: b"), ("X-A", "a\nb"), ("X-A", "a\rb"), ("X-A", "a\x00b"), ("X-A", "a\r\n b"),
        ("X-A\r\nX-B", "b"), ("X-A: x\r\nX-B", "b"), ("X A", "b"), ("", "b"), ("X-Ä", "b"), ("X-A", "\ud800"),
        ("Host", "evil"), ("content-length", "0"), ("Transfer-Encoding", "chunked"), ("Connection", "upgrade"),
        ("Proxy-Authorization", "x"), ("Expect", "100-continue"), ("Upgrade", "h2c"), ("TE", "trailers"),
    ],
)  # fmt: skip
def test_headers_that_could_smuggle_are_refused_before_anything_is_sent(serve, client, name, value):
    server = serve(OK)

    with pytest.raises(InvalidRequest) as caught:
        client.send(Request("GET", server.url(), {name: value}))

    assert caught.value.sent is False
    assert server.connections == 0


@pytest.mark.parametrize("method", ["GET / HTTP/1.1\r\nX: y", "", "G T", "CONNECT", "trace", "GÄT"])
def test_methods_that_could_smuggle_are_refused(serve, client, method):
    with pytest.raises(InvalidRequest):
        client.send(Request(method, serve(OK).url()))


# --- redirects --------------------------------------------------------------------------------------------------


def _redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def test_redirects_are_followed_only_when_asked(serve, client):
    server = serve(_redirect("/next"), OK)

    first = client.send(Request("GET", server.url()))
    server.requests.clear()
    second = client.send(Request("GET", server.url("/again"), follow_redirects=True))

    assert (first.status, first.redirects) == (302, 0)
    assert second.body == b"ok"


@pytest.mark.parametrize(
    ("status", "method", "becomes", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (307, "POST", "POST", b"data"),
        (308, "PUT", "PUT", b"data"),
        (301, "PUT", "PUT", b"data"),
        (303, "HEAD", "HEAD", b""),
    ],
)
def test_a_redirect_keeps_or_changes_the_method_as_the_standard_says(
    serve, client, status, method, becomes, body
):
    server = serve(_redirect("/next?x=1", status), OK)

    client.send(
        Request(method, server.url("/first"), {"Content-Type": "a/b"}, b"data", follow_redirects=True)
    )

    head, _, sent = server.requests[1].partition(b"\r\n\r\n")
    assert head.startswith(f"{becomes} /next?x=1 ".encode())
    assert sent == body
    assert (b"Content-Type" in head) == bool(body)


def test_credentials_stay_with_their_host(serve, client):
    other = serve(OK)
    server = serve(_redirect(other.url("/elsewhere"), 307))
    headers = {
        "Authorization": "Bearer s3cret",
        "Cookie": "s3cret",
        "X-Api-Key": "s3cret",
        "Accept": "text/plain",
    }

    client.send(Request("POST", server.url(), headers, b"x", follow_redirects=True))

    assert b"s3cret" in server.requests[0]
    assert b"s3cret" not in other.requests[0]
    assert b"Accept: text/plain" in other.requests[0]


def test_credentials_are_kept_on_the_same_host(serve, client):
    server = serve(_redirect("/next"), OK)

    client.send(Request("GET", server.url(), {"Authorization": "Bearer s3cret"}, follow_redirects=True))

    assert b"s3cret" in server.requests[1]


@pytest.mark.parametrize(
    "location",
    ["http://10.0.0.1/", "http://169.254.169.254/latest/", "http://[::1]/", "//localhost:1/", "http://2130706433/",
     "file:///etc/passwd", "http://a@127.0.0.1/", "ftp://x.example/"],
)  # fmt: skip
def test_every_hop_is_checked(serve, location):
    server = serve(_redirect(location))
    client = HttpClient(EgressPolicy(allow=(f"127.0.0.1:{server.port}",)))

    with pytest.raises((EgressBlocked, InvalidRequest)) as caught:
        client.send(Request("POST", server.url(), body=b"x", follow_redirects=True))

    assert caught.value.sent is True


def test_a_circle_of_redirects_ends(serve, client):
    server = serve(*[_redirect("/round")] * 20)

    with pytest.raises(TooManyRedirects):
        client.send(Request("GET", server.url(), follow_redirects=True))

    assert len(server.requests) == 11


# --- names, rebinding, environment, cookies ---------------------------------------------------------------------


def test_the_checked_address_is_the_one_that_is_called(serve):
    server = serve(OK)
    looked_up = []
    answers = iter([["127.0.0.1"], ["10.255.255.1"], ["10.255.255.1"]])
    policy = EgressPolicy(
        allow=(f"127.0.0.1:{server.port}",),
        resolver=lambda host, port: looked_up.append(host) or next(answers),
    )

    answer = HttpClient(policy).send(Request("GET", server.url(host="rebind.example")))

    assert answer.body == b"ok"
    assert looked_up == ["rebind.example"]
    assert f"Host: rebind.example:{server.port}".encode() in server.requests[0]


def test_a_name_that_changed_to_an_inner_address_is_blocked_at_the_next_connection(serve):
    server = serve(OK)
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    policy = EgressPolicy(allow=(f"127.0.0.1:{server.port}",), resolver=lambda host, port: next(answers))
    client = HttpClient(policy)
    client.send(Request("GET", server.url(host="rebind.example")))
    client.close()

    with pytest.raises(EgressBlocked):
        client.send(Request("GET", server.url(host="rebind.example")))


def test_the_next_address_is_tried_when_one_does_not_answer(serve):
    server = serve(OK)
    policy = EgressPolicy(allow=("127.0.0.0/8",), resolver=lambda host, port: ["127.0.0.9", "127.0.0.1"])

    assert HttpClient(policy).send(Request("GET", server.url(host="two.example"))).body == b"ok"


def test_proxies_of_the_environment_are_ignored(serve, client, monkeypatch):
    proxy, server = serve(OK), serve(OK)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url())

    client.send(Request("GET", server.url()))

    assert (len(server.requests), proxy.connections) == (1, 0)


def test_cookies_are_not_kept(serve, client):
    server = serve(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n", OK)

    for _ in range(2):
        client.send(Request("GET", server.url()))

    assert b"ookie" not in server.requests[1]


# --- TLS --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate for `secure.example` that is its own authority, made by openssl."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=secure.example",
         "-addext", "subjectAltName=DNS:secure.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def tls_server(serve, certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    seen: list[str | None] = []
    context.sni_callback = lambda sock, name, ctx: seen.append(name)
    server = serve(OK, OK, tls=context)
    server.names = seen
    return server


def _tls_client(server: RawServer, trusted: str | None) -> HttpClient:
    tls = ssl.create_default_context(cafile=trusted) if trusted else None
    policy = EgressPolicy(allow=(f"127.0.0.1:{server.port}",), resolver=lambda host, port: ["127.0.0.1"])
    return HttpClient(policy, tls=tls)


def test_the_certificate_is_held_against_the_name_though_an_address_is_called(tls_server, certificates):
    client = _tls_client(tls_server, str(certificates / "cert.pem"))

    for _ in range(2):
        answer = client.send(Request("GET", tls_server.url(scheme="https", host="secure.example")))

    assert answer.body == b"ok"
    assert tls_server.names == ["secure.example"]
    with pytest.raises(TlsFailed, match="certificate"):
        client.send(Request("GET", tls_server.url(scheme="https", host="other.example")))


def test_an_unknown_authority_is_refused_and_nothing_was_sent(tls_server):
    with pytest.raises(TlsFailed) as caught:
        _tls_client(tls_server, None).send(
            Request("POST", tls_server.url(scheme="https", host="secure.example"), body=b"s3cret")
        )

    assert caught.value.sent is False
    assert tls_server.requests == []


def test_a_server_without_tls_is_named_as_such(serve, client):
    server = serve(b"", b"")  # hangs up once it has read what it cannot understand

    with pytest.raises((TlsFailed, ConnectFailed)) as caught:
        client.send(Request("GET", server.url(scheme="https"), timeout_s=0.5))

    assert caught.value.sent is False
