"""Where the guarded client goes: redirects, names, proxies, cookies, certificates."""

import ssl
import subprocess

import pytest

from automate.lib.http import (
    ConnectFailed,
    EgressBlocked,
    EgressPolicy,
    HttpClient,
    InvalidRequest,
    Request,
    TlsFailed,
    TooManyRedirects,
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


# --- redirects


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


# --- names, rebinding, environment, cookies


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


# --- TLS


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
