"""Each service's own documented example is accepted, and nothing else is."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrations.manifest import Verify
from workflows.triggers.provider_signatures import Delivery, verify_delivery
from workflows.triggers.signatures import Unproven

URL = "https://automate.example/hooks/abc"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = (
    "whpk_"
    + base64.b64encode(
        KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    ).decode()
)


def mac(secret: str, signed: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), signed, algorithm).digest()


SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121"
    b".803a0bc887a14d10d2c447fce8b6703c"
)
TWILIO_FORM = (
    b"To=%2B18005551212&CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&Caller=%2B14158675309"
)
FORM = {"content-type": "application/x-www-form-urlencoded"}
TWILIO_JSON = b'{"property": "value", "boolean": true}'
TWILIO_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
STANDARD = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
STANDARD_BODY = b'{"test": 2432232314}'
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_SIGNED = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + STANDARD_BODY

# scheme and its options, secret, headers, body, URL, when it was sent
VECTORS = {
    "github": ({"scheme": "github"}, "It's a Secret to Everybody", {
        "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        b"Hello, World!", URL, 0),
    "slack": ({"scheme": "slack_v0"}, "8f742231b10e8888abcd99yyyzzz85a5", {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
        SLACK_BODY, URL, 1531420618),
    "stripe": ({"scheme": "stripe"}, "whsec_test", {
        "stripe-signature": "t=1492774577,v0=00," + "v1=" + mac("whsec_test", b'1492774577.{"id": "evt_1"}').hex()},
        b'{"id": "evt_1"}', URL, 1492774577),
    "shopify": ({"scheme": "shopify"}, "hush", {
        "x-shopify-hmac-sha256": base64.b64encode(mac("hush", b'{"id": 1}')).decode()}, b'{"id": 1}', URL, 0),
    "standard": ({"scheme": "standard"}, WHSEC, {
        **STANDARD, "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, STANDARD_BODY, URL, 1614265330),
    "standard, several, some broken": ({"scheme": "standard"}, WHSEC, {
        **STANDARD, "webhook-signature": "v1,!! junk v2,abc v1a,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        STANDARD_BODY, URL, 1614265330),
    "standard, ed25519": ({"scheme": "standard"}, PUBLIC, {
        **STANDARD, "webhook-signature": "v1a," + base64.b64encode(KEY.sign(STANDARD_SIGNED)).decode()},
        STANDARD_BODY, URL, 1614265330),
    "twilio": ({"scheme": "twilio"}, "12345", {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=", **FORM},
        TWILIO_FORM, TWILIO_URL, 0),
    "twilio, a field twice": ({"scheme": "twilio"}, "12345", {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=", **FORM},
        TWILIO_FORM + b"&Digits=1234", TWILIO_URL, 0),
    "twilio, signed with the port": ({"scheme": "twilio"}, "12345", {"x-twilio-signature": base64.b64encode(
        mac("12345", b"https://mycompany.com:443/x", "sha1")).decode()}, b"", "https://mycompany.com/x", 0),
    "twilio, JSON": ({"scheme": "twilio"}, "12345", {"x-twilio-signature": "a9nBmqA0ju/hNViExpshrM61xv4="}, TWILIO_JSON,
        TWILIO_URL + "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620", 0),
    "hmac": ({"scheme": "hmac", "header": "X-Sig", "algorithm": "sha512", "encoding": "base64", "prefix": "s="}, "k", {
        "x-sig": "s=" + base64.b64encode(mac("k", b"body", "sha512")).decode()}, b"body", URL, 0),
    "hmac with a time": ({"scheme": "hmac", "header": "X-Sig", "timestamp_header": "X-Time"}, "k", {
        "x-time": "1000", "x-sig": mac("k", b"1000.body").hex()}, b"body", URL, 1000),
    "header": ({"scheme": "header", "header": "X-Token", "prefix": "T "}, "s3cret", {"x-token": "T s3cret"}, b"", URL, 0),
    "query": ({"scheme": "query_token", "header": "key"}, "s3cret", {}, b"", URL + "?a=1&key=s3cret", 0),
}  # fmt: skip
TIMED = ("slack", "stripe", "standard", "standard, ed25519", "hmac with a time")
every_vector = pytest.mark.parametrize("name", VECTORS)


def check(name, *, headers=None, body=None, secrets=None, later=0):
    options, secret, sent, raw, url, at = VECTORS[name]
    spec = Verify(secret="s", **options)
    delivery = Delivery(sent if headers is None else headers, raw if body is None else body, url)
    verify_delivery(
        spec, delivery, [secret] if secrets is None else secrets, datetime.fromtimestamp(at + later, UTC)
    )


@every_vector
def test_the_documented_example_is_accepted(name):
    check(name)


@every_vector
def test_another_secret_is_refused(name):
    other = (
        PUBLIC[:-6] + "AAAAA="
        if name == "standard, ed25519"
        else "whsec_" + base64.b64encode(b"other").decode()
    )

    with pytest.raises(Unproven):
        check(name, secrets=[other])


@every_vector
@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_of_ours_nothing_is_proven(name, secrets):
    with pytest.raises(Unproven, match="no secret here"):
        check(name, secrets=secrets)


@every_vector
def test_while_a_secret_is_replaced_both_are_right(name):
    secret = VECTORS[name][1]
    check(name, secrets=["", "whsec_" + base64.b64encode(b"former").decode(), secret])


@pytest.mark.parametrize("name", [name for name in VECTORS if not name.startswith(("header", "query"))])
def test_a_changed_body_is_refused(name):
    options, _, headers, body, _, _ = VECTORS[name]
    if options["scheme"] == "twilio" and not body:
        headers = {**headers, **FORM}
        body = b"more=1"

    with pytest.raises(Unproven):
        check(name, headers=headers, body=body + b"&x=y")


@every_vector
@pytest.mark.parametrize(
    "value",
    ["", "=", "v0=", "sha256=zz", "t=,v1=", "t=x,v1=00", "v1,", "ÿ", "\udcff", "a" * 5000, "t=1492774577"],
)
def test_malformed_headers_are_refused_and_break_nothing(name, value):
    headers = dict.fromkeys(VECTORS[name][2], value)
    if name == "query":
        return

    with pytest.raises(Unproven):
        check(name, headers=headers)


@pytest.mark.parametrize("name", TIMED)
def test_what_was_sent_too_long_ago_is_refused(name):
    check(name, later=300)

    with pytest.raises(Unproven, match="more than 300 seconds"):
        check(name, later=301)


@pytest.mark.parametrize("name", [name for name in TIMED if name != "stripe"])
def test_what_comes_from_the_future_is_refused(name):
    check(name, later=-300)

    with pytest.raises(Unproven, match="more than 300 seconds"):
        check(name, later=-301)


def test_a_sha_1_signature_alone_proves_nothing():
    signature = hmac.new(b"It's a Secret to Everybody", b"Hello, World!", hashlib.sha1).hexdigest()

    with pytest.raises(Unproven, match="x-hub-signature-256 is missing"):
        check("github", headers={"x-hub-signature": f"sha1={signature}"})
