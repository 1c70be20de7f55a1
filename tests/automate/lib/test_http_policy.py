"""Which addresses may be called (goal S3)."""

import selectors
import socket
import threading
import time

import pytest

from automate.lib.http import (
    EgressBlocked,
    EgressPolicy,
    HttpClient,
    HttpError,
    InvalidRequest,
    NameLookupFailed,
    NameNotFound,
    Request,
)

# Every one of these is, or hides, an address that must not be called.
BLOCKED_HOSTS = [
    # loopback in all its spellings
    "127.0.0.1", "127.0.0.2", "127.255.255.254", "127.1", "127.0.1", "2130706433", "017700000001", "0177.0.0.1",
    "0x7f000001", "0x7f.0.0.1", "0x7F.1", "0177.0x0.0.01", "127.0.0.1.", "00000127.0.0.1", "127.0.0.01", "0", "0.0.0.0",
    "localhost", "LOCALHOST", "localhost.",
    # other scripts' digits and dots that normalise to an address
    "１２７.０.０.１", "127。0。0。1", "①②⑦.⓪.⓪.①", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "𝟏𝟐𝟕.𝟎.𝟎.𝟏",  # noqa: RUF001
    # private, shared, link-local, metadata
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "100.64.0.1",
    "100.100.100.200", "100.127.255.255", "169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe", "168.63.129.16",
    "192.0.0.192",
    # documentation, benchmarks, relays, multicast, reserved, broadcast
    "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.255", "192.88.99.1", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255",
    # IPv6
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::FFFF:10.0.0.1]", "[::ffff:169.254.169.254]", "[::127.0.0.1]", "[::7f00:1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
    "[2002:a00:1::1]", "[2001:0:7f00:1::]", "[2001::1]", "[fe80::1]", "[fe80::1%eth0]", "[fe80::1%25lo]", "[fec0::1]",
    "[fc00::1]", "[fd00:ec2::254]", "[fdff:ffff::1]", "[ff02::1]", "[ff0e::1]", "[2001:db8::1]", "[3fff::1]",
    "[3ffe::1]", "[100::1]", "[5f00::1]", "[2001:20::1]", "[2001:2::1]", "[::ffff:0:127.0.0.1]", "[4000::1]",
]  # fmt: skip

# Tricks in the whole address rather than in the host.
BLOCKED_URLS = [
    "http://example.com@127.0.0.1:{port}/", "http://127.0.0.1:{port}@example.com:{port}/",
    "http://example.com:80@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@example.com/",
    "http://example.com\\@127.0.0.1:{port}/", "http://127.0.0.1%00.example.com:{port}/",
    "http://127.0.0.1%2f@example.com:{port}/", "http://localhost%23.example.com:{port}/",
    "http:127.0.0.1:{port}/", "http:/127.0.0.1:{port}/", "http:\\\\127.0.0.1:{port}/", "//127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/", "http://127.0.0.1:{port}?@example.com/", "HTTP://127.0.0.1:{port}/",
    " http://127.0.0.1:{port}/", "http://127.0.0.1 :{port}/", "http://[::1:{port}/", "http://[127.0.0.1]:{port}/",
    "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x", "file:///etc/passwd", "dict://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock", "http+unix://%2Ftmp%2Fx/", "data:text/plain,x", "ws://127.0.0.1:{port}/", "",
    "http://", "http://:{port}/", "http://exa mple.com:{port}/", "http://127.0.0.1:{port}\r\nX: y/",
    "http://example.com\x00.127.0.0.1:{port}/", "http://example.com:0/", "http://example.com:99999/",
    "http://-a.example:{port}/", "http://a..example:{port}/", "jar:http://127.0.0.1:{port}!/",
]  # fmt: skip


def _socket_of(key: selectors.SelectorKey) -> socket.socket:
    assert isinstance(key.fileobj, socket.socket)
    return key.fileobj


class Canary:
    """Listens on every local address, IPv4 and IPv6, and counts who gets through."""

    def __init__(self) -> None:
        self.accepted = 0
        self.expected = 0
        four = socket.create_server(("0.0.0.0", 0))
        self.port = four.getsockname()[1]
        six = socket.create_server(("::", self.port), family=socket.AF_INET6, dualstack_ipv6=False)
        self._selector = selectors.DefaultSelector()
        for listener in (four, six):
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._watch)
        self._stop = False
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop:
            for key, _ in self._selector.select(timeout=0.02):
                connection, _ = _socket_of(key).accept()
                self.accepted += 1
                connection.close()

    def close(self) -> None:
        self._stop = True
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            _socket_of(key).close()
        self._selector.close()


@pytest.fixture(scope="module")
def canary():
    canary = Canary()
    yield canary
    time.sleep(0.1)  # whoever was let through has arrived by now
    canary.close()
    assert canary.accepted == canary.expected, "somebody was let through to an inner address"


def test_the_tables_hold_what_was_promised():
    assert len(set(BLOCKED_HOSTS)) >= 60
    assert len(set(BLOCKED_URLS)) >= 30


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_the_canary_notices_whoever_is_let_through(canary, host):
    before = canary.accepted
    with pytest.raises(HttpError):
        HttpClient(EgressPolicy(allow=("127.0.0.0/8", "::1"))).send(
            Request("GET", f"http://{host}:{canary.port}/", timeout_s=2)
        )
    deadline = time.monotonic() + 2
    while canary.accepted == before and time.monotonic() < deadline:
        time.sleep(0.01)

    canary.expected += canary.accepted - before
    assert canary.accepted == before + 1


@pytest.mark.parametrize("host", BLOCKED_HOSTS)
def test_no_spelling_of_an_inner_address_gets_out(canary, host):
    with pytest.raises((EgressBlocked, InvalidRequest)) as caught:
        HttpClient(EgressPolicy()).send(Request("GET", f"http://{host}:{canary.port}/", timeout_s=2))

    assert caught.value.sent is False
    assert caught.value.message.endswith((".", "numbers."))


@pytest.mark.parametrize("url", BLOCKED_URLS)
def test_no_trick_in_the_address_gets_out(canary, url):
    with pytest.raises((EgressBlocked, InvalidRequest)):
        HttpClient(EgressPolicy()).send(Request("GET", url.replace("{port}", str(canary.port)), timeout_s=2))


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "127.0.0.1", "::1", "fe80::1%lo", "169.254.169.254", "::ffff:10.0.0.1"]
)
def test_a_name_that_means_an_inner_address_is_blocked(address):
    policy = EgressPolicy(resolver=lambda host, port: [address])

    with pytest.raises(EgressBlocked):
        policy.check_host("innocent.example", 443)


def test_one_inner_address_among_public_ones_blocks_the_name():
    policy = EgressPolicy(resolver=lambda host, port: ["93.184.216.34", "10.0.0.1"])

    with pytest.raises(EgressBlocked):
        policy.check_host("mixed.example", 443)


@pytest.mark.parametrize(
    ("host", "answer", "pinned"),
    [
        ("example.com", ["93.184.216.34"], ["93.184.216.34"]),
        ("EXAMPLE.com.", ["93.184.216.34", "93.184.216.34"], ["93.184.216.34"]),
        ("bücher.example", ["2606:2800:220:1:248:1893:25c8:1946"], ["2606:2800:220:1:248:1893:25c8:1946"]),
        ("nat64.example", ["64:ff9b::5db8:d822"], ["64:ff9b::5db8:d822"]),
        ("mapped.example", ["::ffff:93.184.216.34"], ["93.184.216.34"]),
        ("under_score.example", ["1.1.1.1"], ["1.1.1.1"]),
    ],
)
def test_public_names_are_let_out_and_pinned(host, answer, pinned):
    assert EgressPolicy(resolver=lambda name, port: answer).check_host(host, 443) == pinned


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "[2606:4700:4700::1111]", "[2a00:1450:4001:800::200e]"]
)
def test_public_addresses_are_let_out_without_a_look_up(address):
    policy = EgressPolicy(resolver=lambda host, port: pytest.fail("looked up"))

    assert policy.check_host(address, 443) == [address.strip("[]")]


def test_international_names_are_looked_up_in_ascii():
    asked = []
    EgressPolicy(resolver=lambda host, port: asked.append(host) or ["1.1.1.1"]).check_host(
        "Bücher.Example", 443
    )

    assert asked == ["xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("rule", "host", "port", "allowed"),
    [
        ("10.0.0.0/8", "10.1.2.3", 80, True),
        ("10.0.0.0/8", "11.1.2.3", 80, True),  # public anyway
        ("10.0.0.0/24", "10.0.1.0", 80, False),
        ("10.0.0.5", "10.0.0.5", 9999, True),
        ("10.0.0.5", "10.0.0.6", 9999, False),
        ("10.0.0.5:80", "10.0.0.5", 80, True),
        ("10.0.0.5:80", "10.0.0.5", 81, False),
        ("10.0.0.5:80", "[::ffff:10.0.0.5]", 80, True),
        ("[::1]:80", "[::1]", 80, True),
        ("[::1]:80", "[::1]", 81, False),
        ("::1", "[::1]", 81, True),
        ("intranet.example", "intranet.example", 1, True),
        ("intranet.example", "INTRANET.example.", 1, True),
        ("intranet.example", "sub.intranet.example", 1, False),
        ("intranet.example", "notintranet.example", 1, False),
        ("intranet.example:8443", "intranet.example", 8443, True),
        ("intranet.example:8443", "intranet.example", 443, False),
    ],
)
def test_the_allow_list_is_taken_exactly(rule, host, port, allowed):
    policy = EgressPolicy(allow=(rule,), resolver=lambda name, number: ["10.9.9.9"])

    if allowed:
        assert policy.check_host(host, port)
    else:
        with pytest.raises(EgressBlocked):
            policy.check_host(host, port)


def test_an_allowed_network_also_covers_names_that_lead_into_it():
    policy = EgressPolicy(allow=("10.9.0.0/16",), resolver=lambda host, port: ["10.9.9.9"])

    assert policy.check_host("db.internal.example", 5432) == ["10.9.9.9"]


def test_the_setting_is_a_comma_list():
    policy = EgressPolicy.from_text(" 10.0.0.0/8 , mail.example:25,, ")

    assert policy.allow == ("10.0.0.0/8", "mail.example:25")


@pytest.mark.parametrize(
    "entry", ["10.0.0.1/8", "host:0", "host:http", "*", "http://host/", "a b", "10.0.0.0/99", "1.2.3"]
)
def test_a_rule_that_cannot_be_read_is_refused_by_name(entry):
    with pytest.raises(ValueError, match="AUTOMATE_EGRESS_ALLOW"):
        EgressPolicy(allow=(entry,))


def test_a_refusal_says_how_to_allow_it():
    with pytest.raises(EgressBlocked, match=r"AUTOMATE_EGRESS_ALLOW=10\.0\.0\.1:8080"):
        EgressPolicy().check_host("10.0.0.1", 8080)


def test_a_name_without_addresses_is_unknown():
    with pytest.raises(NameNotFound):
        EgressPolicy(resolver=lambda host, port: []).check_host("empty.example", 80)


def test_an_unknown_name_is_said_to_be_unknown():
    with pytest.raises((NameNotFound, NameLookupFailed)) as caught:
        EgressPolicy().check_host("no-such-host.invalid", 80)

    assert caught.value.sent is False


def test_a_silent_name_service_does_not_hold_us(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(1) or [])
    started = time.monotonic()

    with pytest.raises(NameLookupFailed):
        EgressPolicy().check_host("slow.example", 80, timeout_s=0.1)

    assert time.monotonic() - started < 0.6
