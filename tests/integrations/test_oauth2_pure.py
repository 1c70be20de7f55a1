"""OAuth 2 without a server: addresses, proofs, token requests and answers."""

import base64
import hashlib
import json
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from automate.lib import clock
from integrations.auth import oauth2, oauth2_client_credentials
from integrations.auth.oauth2 import Client, OAuthError
from integrations.manifest import from_data, shipped


def way(**changes):
    base = {
        "type": "oauth2", "authorize_url": "https://as.example/authorize?tenant=1", "token_url": "https://as.example/token",
        "scopes": {"default": ["read", "write"]},
    }  # fmt: skip
    made = from_data(
        {
            "slug": "a",
            "name": "A",
            "category": "c",
            "docs_url": "https://a",
            "connections": [{**base, **changes}],
        }
    )
    return made.connections[0]


CLIENT = Client("client 1", "s3cr/t:x")


def _authorize(made, **options):
    given = {
        "client_id": "c1",
        "redirect_uri": "https://us.example/oauth/callback",
        "state": "st",
        "verifier": "v" * 43,
    }
    return oauth2.authorize_url(made, **{**given, **options})


def test_the_person_is_sent_with_everything_the_service_needs():
    query = parse_qs(urlsplit(_authorize(way())).query)

    assert query == {
        "tenant": ["1"], "response_type": ["code"], "client_id": ["c1"], "redirect_uri": ["https://us.example/oauth/callback"],
        "state": ["st"], "scope": ["read write"], "code_challenge_method": ["S256"],
        "code_challenge": [base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).decode().rstrip("=")],
    }  # fmt: skip


def test_the_challenge_is_the_one_of_the_standard():
    """RFC 7636, appendix B."""
    assert (
        oauth2.challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


def test_pkce_cannot_be_forgotten():
    with pytest.raises(ValueError, match="verifier"):
        _authorize(way(), verifier=None)

    assert "code_challenge" not in _authorize(way(pkce="none", pkce_reason="old"), verifier=None)


def test_slack_and_jira_have_their_own_parameters():
    slack = parse_qs(
        urlsplit(_authorize(shipped("slack").way("oauth2"), scopes=["chat:write", "users:read"])).query
    )
    jira = parse_qs(urlsplit(_authorize(shipped("jira").way("oauth2"))).query)

    assert slack["scope"] == ["chat:write,users:read"]
    assert (jira["audience"], jira["prompt"]) == (["api.atlassian.com"], ["consent"])


def test_states_and_verifiers_are_long_and_never_repeat():
    made = {oauth2.new_state() for _ in range(200)} | {oauth2.new_verifier() for _ in range(200)}

    assert len(made) == 400
    assert min(map(len, made)) >= 43
    assert oauth2.same("abc", "abc")
    assert not oauth2.same("abc", "abd")


@pytest.mark.parametrize(
    ("auth", "header", "extra"),
    [
        ("post", None, {"client_id": "client 1", "client_secret": "s3cr/t:x"}),
        ("basic", "client%201:s3cr%2Ft%3Ax", {}),
        ("none", None, {"client_id": "client 1"}),
    ],
)
@pytest.mark.parametrize("body", ["form", "json"])
def test_a_code_is_changed_for_tokens(auth, header, extra, body):
    made = way(client_auth=auth, token_body=body, token_params={"resource": "r"})

    out = oauth2.token_request(
        made, CLIENT, oauth2.code_grant(made, code="c0de", redirect_uri="https://us/cb", verifier="vvv")
    )

    sent = json.loads(out.body) if body == "json" else dict(parse_qsl(out.body.decode()))
    assert sent == {
        "grant_type": "authorization_code", "code": "c0de", "redirect_uri": "https://us/cb", "code_verifier": "vvv",
        "resource": "r", **extra,
    }  # fmt: skip
    assert (out.method, out.url, out.headers["Accept"]) == (
        "POST",
        "https://as.example/token",
        "application/json",
    )
    given = out.headers.get("Authorization")
    assert (base64.b64decode(given[6:]).decode() if given else None) == header
    assert ("authorization" in out.secret_headers) == bool(header)


def test_refresh_and_client_credentials():
    made = way()

    assert oauth2.refresh_grant(made, refresh_token="r1") == {
        "grant_type": "refresh_token",
        "refresh_token": "r1",
    }
    assert oauth2_client_credentials.grant(made) == {
        "grant_type": "client_credentials",
        "scope": "read write",
    }
    assert oauth2_client_credentials.grant(made, scopes=["x"])["scope"] == "x"


def _pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
def test_a_private_key_signs_an_assertion_that_verifies(kind):
    key = (
        rsa.generate_private_key(65537, 2048) if kind == "RS256" else ec.generate_private_key(ec.SECP256R1())
    )
    client = Client("c1", private_key=_pem(key), key_id="k1")
    made = way(client_auth="private_key_jwt")

    out = oauth2.token_request(made, client, oauth2.refresh_grant(made, refresh_token="r"))

    sent = dict(parse_qsl(out.body.decode()))
    head, claims, signature = sent["client_assertion"].split(".")
    signed, raw = f"{head}.{claims}".encode(), _decode(signature)
    if kind == "RS256":
        key.public_key().verify(raw, signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        half = [int.from_bytes(part, "big") for part in (raw[:32], raw[32:])]
        key.public_key().verify(utils.encode_dss_signature(*half), signed, ec.ECDSA(hashes.SHA256()))
    assert json.loads(_decode(head)) == {"alg": kind, "typ": "JWT", "kid": "k1"}
    found = json.loads(_decode(claims))
    assert (found["iss"], found["sub"], found["aud"], found["exp"] - found["iat"]) == (
        "c1",
        "c1",
        "https://as.example/token",
        300,
    )
    assert "client_secret" not in sent


@pytest.mark.parametrize(
    "pem", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
)
def test_a_private_key_that_is_none_is_refused_without_showing_it(pem):
    with pytest.raises(OAuthError) as caught:
        oauth2.assertion(Client("c1", private_key=pem), audience="x")

    assert "BEGIN" not in caught.value.message


# --- answers


def read(made, body, status=200, kind="application/json"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return oauth2.read_tokens(made, status=status, headers={"content-type": kind}, body=raw)


def test_tokens_are_read_from_json():
    before = clock.now()

    tokens = read(
        way(), {"access_token": "a", "refresh_token": "r", "expires_in": 3600, "scope": "read write"}
    )

    assert (tokens.access_token, tokens.refresh_token, tokens.scopes) == ("a", "r", ["read", "write"])
    assert timedelta(seconds=3590) < tokens.expires_at - before < timedelta(seconds=3610)


def test_tokens_are_read_from_a_form():
    tokens = read(
        way(), b"access_token=a&scope=repo%2Cuser&token_type=bearer", kind="application/x-www-form-urlencoded"
    )

    assert (tokens.access_token, tokens.refresh_token, tokens.expires_at, tokens.scopes) == (
        "a",
        None,
        None,
        ["repo", "user"],
    )


def test_tokens_may_stand_deeper_and_more_may_be_kept():
    made = way(response={"access_token": "authed_user.access_token"}, save_from_token=["team", "gone"])

    tokens = read(made, {"authed_user": {"access_token": "u"}, "team": {"id": "T1"}})

    assert (tokens.access_token, tokens.saved) == ("u", {"team": {"id": "T1"}})


@pytest.mark.parametrize(
    ("expires_in", "default", "seconds"),
    [
        ("3600", None, 3600),
        (None, 7200, 7200),
        ("soon", 60, 60),
        (None, None, None),
        (-1, None, None),
        (0, 60, None),
        (True, None, 1),
    ],
)
def test_how_long_a_token_lives(expires_in, default, seconds):
    made = way(refresh={"default_expires_s": default})

    found = read(made, {"access_token": "a", "expires_in": expires_in}).expires_at

    left = None if found is None else round((found - clock.now()).total_seconds())
    assert left == seconds


@pytest.mark.parametrize(
    ("status", "body", "code", "reconnect"),
    [
        (
            400,
            {"error": "invalid_grant", "error_description": "Token has been revoked"},
            "invalid_grant",
            True,
        ),
        (400, {"error": "invalid_client"}, "invalid_client", False),
        (200, {"error": "bad_refresh_token"}, "bad_refresh_token", True),
        (200, {"ok": True}, "", False),
        (200, {"access_token": ""}, "", False),
        (200, {"access_token": 5}, "", False),
        (500, {}, "", False),
        (200, b"<html>", "", False),
        (200, b"\xff\xfe", "", False),
        (200, [], "", False),
    ],
)
def test_a_refusal_says_whether_a_person_must_connect_again(status, body, code, reconnect):
    with pytest.raises(OAuthError) as caught:
        read(way(), body, status=status)

    assert (caught.value.code, caught.value.reconnect) == (code, reconnect)
    assert caught.value.message.endswith(".")


def test_tokens_do_not_show_in_a_representation():
    tokens = read(way(), {"access_token": "s3cret-a", "refresh_token": "s3cret-r"})

    assert "s3cret" not in repr(tokens) + repr(CLIENT) + repr(Client("c", "s3cret", "s3cret"))


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"error": "access_denied"}, "access_denied"),
        ({"error": "server_error", "error_description": "Later"}, "server_error"),
        ({"code": "c", "iss": "https://evil.example"}, "iss"),
        ({}, "no_code"),
        ({"code": ""}, "no_code"),
    ],
)
def test_callbacks_that_bring_no_code(parameters, code):
    with pytest.raises(OAuthError) as caught:
        oauth2.check_callback(way(), parameters, issuer="https://as.example")

    assert caught.value.code == code


def test_a_callback_brings_the_code():
    assert (
        oauth2.check_callback(way(), {"code": "c", "iss": "https://as.example"}, issuer="https://as.example")
        == "c"
    )
    assert oauth2.check_callback(way(), {"code": "c"}) == "c"
