"""The guarded client against slow, huge, broken and hostile answers, and against smuggled headers."""

import gzip
import socket
import time
import tracemalloc
import zlib

import pytest

from automate.lib.http import (
    AnswerTooLarge,
    BadAnswer,
    ConnectFailed,
    ConnectionLost,
    EgressPolicy,
    HttpClient,
    InvalidRequest,
    Request,
    TimedOut,
)
from tests.support.raw_server import OK, RawServer


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


# --- deadlines and limits


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
    tracemalloc.start()

    with pytest.raises(AnswerTooLarge):
        client.send(Request("GET", server.url(), max_bytes=1_000_000))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


def test_a_gzip_of_several_members_is_read_whole(serve, client):
    server = serve(_answer(gzip.compress(b"one ") + gzip.compress(b"two"), b"Content-Encoding: gzip"))

    assert client.send(Request("GET", server.url())).body == b"one two"


# --- broken answers

ZIPPED = gzip.compress(b"whole", mtime=0)
THRICE = gzip.compress(gzip.compress(ZIPPED, mtime=0), mtime=0)


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
        (_answer(gzip.compress(b"a" * 5000, mtime=0)[:-20], b"Content-Encoding: gzip"), BadAnswer),
        (_answer(THRICE, b"Content-Encoding: gzip, gzip, gzip"), BadAnswer),
        (_answer(ZIPPED + b"....", b"Content-Encoding: gzip")[:-4], ConnectionLost),
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


# --- header injection


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


@pytest.mark.parametrize("path", ["/a\r\nX: y", "/a\nb", "/a\x00b", "/a?b\tc", "/a#\x7f"])
def test_addresses_that_could_smuggle_are_refused(serve, client, path):
    server = serve(OK)

    with pytest.raises(InvalidRequest):
        client.send(Request("GET", server.url() + path))

    assert server.connections == 0


@pytest.mark.parametrize("method", ["GET / HTTP/1.1\r\nX: y", "", "G T", "CONNECT", "trace", "GÄT"])
def test_methods_that_could_smuggle_are_refused(serve, client, method):
    with pytest.raises(InvalidRequest):
        client.send(Request(method, serve(OK).url()))
