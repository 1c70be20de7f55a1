"""The guarded client: what is sent, what comes back, and which connections are kept."""

import os
import threading
import time

import pytest

from automate.lib.http import (
    ConnectionLost,
    EgressPolicy,
    HttpClient,
    Request,
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


# --- what is sent and what comes back


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


# --- kept connections


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
