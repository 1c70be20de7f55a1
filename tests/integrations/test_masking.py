"""Secrets are masked in every spelling that services and logs bring back."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.masking import MASK, Masker

SECRET = 'p&ss wörd/"x"+=<y>\''


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET, quote(SECRET, safe=""), quote_plus(SECRET), json.dumps(SECRET)[1:-1], json.dumps(SECRET, ensure_ascii=False)[1:-1],
        html.escape(SECRET, quote=False), html.escape(SECRET), SECRET.encode().hex(),
    ],
)  # fmt: skip
def test_a_secret_is_found_however_it_is_spelled(spelling):
    assert Masker([SECRET]).text(f"a {spelling} b") == f"a {MASK} b"


@settings(max_examples=100)
@given(
    st.binary(max_size=7),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=10, max_size=40),
    st.binary(max_size=7),
)
def test_nothing_of_a_secret_is_left_in_base64_of_something_longer(before, secret, after):
    encoded = base64.b64encode(before + secret.encode() + after).decode()

    left = Masker([secret]).text(encoded).split(MASK)

    assert all(
        secret[3:-3].encode() not in base64.b64decode(part[: len(part) // 4 * 4] or "", validate=False)
        for part in left
    )
    assert MASK in Masker([secret]).text(encoded)


def test_short_secrets_and_no_secrets_change_nothing():
    assert Masker([]).text("hello") == "hello"
    assert Masker(["", "abc"]).text("abcabc") == "abcabc"


def test_longer_secrets_go_first():
    assert Masker(["secret", "secret-two"]).text("secret-two") == MASK


def test_headers_that_tell_by_their_name_are_masked_whole():
    headers = {
        "Authorization": "x",
        "X-Api-Key": "x",
        "Cookie": "x",
        "X-Own": "x",
        "Accept": "x",
        "X-Note": "top-secret-1",
    }

    assert Masker(["top-secret-1"]).headers(headers, {"x-own"}) == {
        "Authorization": MASK, "X-Api-Key": MASK, "Cookie": MASK, "X-Own": MASK, "Accept": "x", "X-Note": MASK,
    }  # fmt: skip
