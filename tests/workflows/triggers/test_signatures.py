"""Proofs of who is calling: right, wrong, missing, malformed, old."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from workflows.triggers.signatures import AuthRule, Call, Unproven, verify

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = {"secret": "s3cret-s3cret"}
BODY = b'{"a": 1}\n \xff'


def rule(**auth) -> AuthRule:
    made = AuthRule.read({"connection": "slot", **auth})
    assert made is not None
    return made


def is_let_in(auth: AuthRule, headers: dict[str, str], body: bytes = BODY, credentials=None) -> bool:
    try:
        verify(auth, Call(headers, body), SECRET if credentials is None else credentials, NOW)
    except Unproven as refusal:
        message = refusal.message
    else:
        return True
    assert message.endswith((".", "?"))
    assert "s3cret" not in message
    return False


def signed(body: bytes = BODY, *, algorithm=hashlib.sha256, before: bytes = b"") -> hmac.HMAC:
    return hmac.new(b"s3cret-s3cret", before + body, algorithm)


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_basic():
    auth, known = rule(type="basic"), {"username": "ann", "password": "pä:ss"}

    assert is_let_in(auth, basic("ann:pä:ss"), credentials=known)
    for headers in (basic("ann:no"), basic("bob:pä:ss"), basic("ann"), {}, {"authorization": "Basic !!"},
                    {"authorization": "Basic"}, {"authorization": "Bearer x"}):  # fmt: skip
        assert not is_let_in(auth, headers, credentials=known)
    assert not is_let_in(auth, basic(":"), credentials={"username": "", "password": ""})


def test_header():
    auth = rule(type="header", header="X-Token")

    assert is_let_in(auth, {"x-token": "s3cret-s3cret"})
    for headers in (
        {},
        {"x-token": ""},
        {"x-token": "s3cret-s3cre"},
        {"x-token": "\u20ac"},
        {"x-other": "s3cret-s3cret"},
    ):
        assert not is_let_in(auth, headers)


def test_header_authorization_takes_a_bearer_token():
    auth = rule(type="header", header="Authorization")

    assert is_let_in(auth, {"authorization": "Bearer s3cret-s3cret"})
    assert not is_let_in(auth, {"authorization": "s3cret-s3cret"})


def test_hmac_over_the_raw_bytes():
    auth = rule(type="hmac", header="X-Sig", prefix="sha256=")

    assert is_let_in(auth, {"x-sig": "sha256=" + signed().hexdigest()})
    assert is_let_in(auth, {"x-sig": "sha256=" + signed().hexdigest().upper()})
    assert not is_let_in(auth, {"x-sig": "sha256=" + signed().hexdigest()}, body=BODY[:-1])
    for value in ("", "sha256=", "sha1=" + signed().hexdigest(), signed().hexdigest(), "sha256=zz", "sha256=" + "0" * 64,
                  "sha256=\u0661\u0661", "sha256=" + signed().hexdigest() + "00"):  # fmt: skip
        assert not is_let_in(auth, {"x-sig": value})


def test_hmac_sha512_in_base64():
    auth = rule(type="hmac", header="X-Sig", algorithm="sha512", encoding="base64")
    right = base64.b64encode(signed(algorithm=hashlib.sha512).digest()).decode()

    assert is_let_in(auth, {"x-sig": right})
    for value in (right[:-4], right + "A", "****", "\u00e9"):
        assert not is_let_in(auth, {"x-sig": value})


def test_hmac_with_a_timestamp_has_a_window_both_ways():
    auth = rule(type="hmac", header="X-Sig", timestamp_header="X-Time", tolerance_s=300)

    def call(seconds: float, *, stamp: str | None = None) -> dict[str, str]:
        text = stamp or str(int(NOW.timestamp() + seconds))
        return {"x-time": text, "x-sig": signed(before=f"{text}.".encode()).hexdigest()}

    assert is_let_in(auth, call(0))
    assert is_let_in(auth, call(-300))
    assert is_let_in(auth, call(300))
    for headers in (call(-301), call(301), call(0, stamp="soon"), call(0, stamp="-1"), call(0, stamp="9" * 30), call(0, stamp="\u0661"),
                    {"x-sig": signed().hexdigest()}):  # fmt: skip
        assert not is_let_in(auth, headers)
    assert not is_let_in(auth, {**call(0), "x-time": str(int(NOW.timestamp()) - 10)})


@pytest.mark.parametrize("kind", ["basic", "header", "hmac", "jwt"])
@pytest.mark.parametrize("credentials", [{}, {"secret": ""}, {"secret": None}, {"other": "x"}])
def test_without_a_secret_of_ours_nobody_is_let_in(kind, credentials):
    auth = rule(type=kind, header="X-Sig")

    for value in ("", hmac.new(b"", BODY, hashlib.sha256).hexdigest(), "Basic Og=="):
        assert not is_let_in(auth, {"x-sig": value, "authorization": value}, credentials=credentials)


@pytest.mark.parametrize("auth", ["basic", 5, [], {"type": "odd", "connection": "x"}, {}, True])
def test_a_rule_that_makes_no_sense_lets_nobody_in(auth):
    made = AuthRule.read(auth)

    assert made is not None
    assert not is_let_in(made, {"authorization": "Bearer s3cret-s3cret", "x-api-key": "s3cret-s3cret"})


def test_none_asks_for_no_proof():
    assert AuthRule.read(None) is None
    assert AuthRule.read("none") is None


# --- JSON Web Tokens ------------------------------------------------------------------------------


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def token(sign, *, alg: str, claims=None, header=None) -> str:
    head = json.dumps({"alg": alg, "typ": "JWT", **(header or {})}).encode()
    text = f"{b64(head)}.{b64(json.dumps(claims or {}).encode())}"
    return f"{text}.{b64(sign(text.encode()))}"


def hs256(data: bytes) -> bytes:
    return hmac.new(b"s3cret-s3cret", data, hashlib.sha256).digest()


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def pem(private) -> dict[str, str]:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return {"public_key": private.public_key().public_bytes(serialization.Encoding.PEM, kind).decode()}


def test_jwt_with_a_shared_secret():
    auth, now = rule(type="jwt"), NOW.timestamp()

    assert is_let_in(auth, bearer(token(hs256, alg="HS256")))
    assert is_let_in(
        auth, bearer(token(hs256, alg="HS256", claims={"exp": now + 1, "nbf": now - 1, "iat": now}))
    )
    wrong = [
        token(hs256, alg="HS256", claims={"exp": now - 301}),
        token(hs256, alg="HS256", claims={"nbf": now + 301}),
        token(hs256, alg="HS256", claims={"exp": "tomorrow"}),
        token(hs256, alg="HS256", claims={"exp": True}),
        token(hs256, alg="HS512"),
        token(lambda _data: b"", alg="none"),
        token(hs256, alg="HS256", header={"crit": ["exp"]}),
        token(lambda data: hs256(data + b"x"), alg="HS256"),
        "", "a.b", "a.b.c", "....", "\u00e9.\u00e9.\u00e9", "x" * 20_000,
        f"{b64(b'[]')}.{b64(b'{}')}.{b64(b'')}",
        f"{b64(b'{')}.{b64(b'{}')}.{b64(b'')}",
    ]  # fmt: skip
    for text in wrong:
        assert not is_let_in(auth, bearer(text)), text[:80]


def test_jwt_in_a_header_of_its_own():
    assert is_let_in(rule(type="jwt", header="X-Jwt"), {"x-jwt": token(hs256, alg="HS256")})


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize("alg", ["RS256", "PS512"])
def test_jwt_with_rsa(rsa_key, alg):
    algorithm = hashes.SHA256() if alg.endswith("256") else hashes.SHA512()
    pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
    scheme = padding.PKCS1v15() if alg.startswith("RS") else pss
    text = token(lambda data: rsa_key.sign(data, scheme, algorithm), alg=alg)
    auth = rule(type="jwt", algorithm=alg)

    assert is_let_in(auth, bearer(text), credentials=pem(rsa_key))
    assert not is_let_in(auth, bearer(text[:-8] + "AAAAAAAA"), credentials=pem(rsa_key))
    assert not is_let_in(auth, bearer(text), credentials={"public_key": "no pem"})
    assert not is_let_in(auth, bearer(text), credentials=pem(ed25519.Ed25519PrivateKey.generate()))


def test_a_public_key_is_never_taken_for_a_shared_secret(rsa_key):
    public = pem(rsa_key)
    forged = token(
        lambda data: hmac.new(public["public_key"].encode(), data, hashlib.sha256).digest(), alg="HS256"
    )

    assert not is_let_in(rule(type="jwt", algorithm="RS256"), bearer(forged), credentials=public)


def test_jwt_with_a_curve():
    key = ec.generate_private_key(ec.SECP256R1())

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    auth = rule(type="jwt", algorithm="ES256")
    assert is_let_in(auth, bearer(token(sign, alg="ES256")), credentials=pem(key))
    assert not is_let_in(auth, bearer(token(lambda _data: b"\0" * 64, alg="ES256")), credentials=pem(key))
    assert not is_let_in(
        auth, bearer(token(sign, alg="ES256")), credentials=pem(ec.generate_private_key(ec.SECP384R1()))
    )


def test_jwt_with_ed25519():
    key = ed25519.Ed25519PrivateKey.generate()

    assert is_let_in(
        rule(type="jwt", algorithm="EdDSA"), bearer(token(key.sign, alg="EdDSA")), credentials=pem(key)
    )
