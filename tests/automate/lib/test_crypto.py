"""Encryption at rest (goal S13)."""

import base64
import os

import pytest

from automate.lib.crypto import BadKeys, CannotDecrypt, CryptoError, Keyring, new_key

PLACE = "tenant-1|integrations.userintegration|42|credentials"


def entry(key_id: str, key: bytes) -> str:
    return f"{key_id}:{base64.b64encode(key).decode()}"


@pytest.fixture
def ring() -> Keyring:
    return Keyring.from_text(new_key())


def test_what_was_encrypted_can_be_read_again(ring):
    token = ring.encrypt("geheim ☃".encode(), aad=PLACE)

    assert ring.decrypt(token, aad=PLACE).decode() == "geheim ☃"


def test_a_token_names_version_and_key_and_hides_the_text(ring):
    token = ring.encrypt(b"xoxb-secret", aad=PLACE)

    version, key_id, packed = token.split(".")
    assert (version, key_id) == ("v1", ring.writer)
    assert b"xoxb" not in base64.urlsafe_b64decode(packed + "==")


def test_equal_texts_give_different_tokens(ring):
    tokens = {ring.encrypt(b"same", aad=PLACE) for _ in range(500)}

    assert len(tokens) == 500


@pytest.mark.parametrize(
    "elsewhere",
    [
        "tenant-2|integrations.userintegration|42|credentials",
        "tenant-1|workflows.workflowvariable|42|credentials",
        "tenant-1|integrations.userintegration|43|credentials",
        "tenant-1|integrations.userintegration|42|refresh_token",
    ],
)
def test_a_token_moved_elsewhere_does_not_open(ring, elsewhere):
    token = ring.encrypt(b"secret", aad=PLACE)

    with pytest.raises(CannotDecrypt):
        ring.decrypt(token, aad=elsewhere)


def test_tenants_have_different_keys_even_for_the_same_place(ring):
    token = ring.encrypt(b"secret", aad=PLACE, tenant="a")

    assert ring.decrypt(token, aad=PLACE, tenant="a") == b"secret"
    with pytest.raises(CannotDecrypt):
        ring.decrypt(token, aad=PLACE, tenant="b")


def test_every_flipped_bit_is_noticed(ring):
    token = ring.encrypt(b"secret", aad=PLACE)
    head, _, packed = token.rpartition(".")
    raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))

    for position in range(len(raw)):
        damaged = bytearray(raw)
        damaged[position] ^= 1
        text = base64.urlsafe_b64encode(bytes(damaged)).decode().rstrip("=")
        with pytest.raises(CannotDecrypt):
            ring.decrypt(f"{head}.{text}", aad=PLACE)


@pytest.mark.parametrize(
    "token", ["", "x", "v1", "v1.k", "v2.k.AAAA", "v1..AAAA", "v1.k.%%%", "v1.k.AAAA", "v1.k.ä"]
)
def test_what_is_no_token_is_refused_without_a_crash(token):
    ring = Keyring.from_text(entry("k", os.urandom(32)))

    with pytest.raises(CannotDecrypt):
        ring.decrypt(token, aad=PLACE)


@pytest.mark.parametrize("place", ["", "tenant", "|m|1|f", "t|m|1|", "t|m|1", "t|m|1|f|x"])
def test_a_place_without_tenant_or_with_gaps_is_refused(ring, place):
    with pytest.raises(CryptoError, match="tenant"):
        ring.encrypt(b"x", aad=place)


def test_the_first_key_writes_and_older_ones_still_read():
    old, new = entry("old", os.urandom(32)), entry("new", os.urandom(32))
    token = Keyring.from_text(old).encrypt(b"secret", aad=PLACE)
    ring = Keyring.from_text(f"{new}, {old}")

    again = ring.encrypt(ring.decrypt(token, aad=PLACE), aad=PLACE)

    assert ring.needs_rotation(token)
    assert not ring.needs_rotation(again)
    assert again.startswith("v1.new.")


def test_a_lost_key_is_named():
    token = Keyring.from_text(entry("gone", os.urandom(32))).encrypt(b"secret", aad=PLACE)
    ring = Keyring.from_text(entry("here", os.urandom(32)))

    with pytest.raises(CannotDecrypt, match="gone"):
        ring.decrypt(token, aad=PLACE)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" , ", "empty"),
        ("nokey", "id:base64key"),
        ("bad id:AAAA", "id:base64key"),
        ("k:***", "not base64"),
        (entry("k", b"sixteen bytes ok"), "16 bytes"),
        (entry("k", b"thirty-three bytes are one too man"[:33]), "33 bytes"),
        (entry("k", bytes(32)), "not random enough"),
        (entry("k", b"ab" * 16), "not random enough"),
        (entry("k", bytes(range(32))), "not random enough"),
        (entry("k", b"correct horse battery staple 123"), "not random enough"),
    ],
)
def test_weak_or_broken_keys_are_refused_in_words(text, says):
    with pytest.raises(BadKeys, match=says):
        Keyring.from_text(text)


def test_repeated_ids_and_repeated_keys_are_refused():
    key = os.urandom(32)

    with pytest.raises(BadKeys, match="twice"):
        Keyring.from_text(f"{entry('a', key)},{entry('a', os.urandom(32))}")
    with pytest.raises(BadKeys, match="repeats"):
        Keyring.from_text(f"{entry('a', key)},{entry('b', key)}")


def test_keys_and_texts_appear_in_no_representation_or_message(ring):
    secret = next(iter(ring.keys.values()))

    assert secret.hex() not in repr(ring)
    assert repr(secret) not in repr(ring)


def test_new_keys_are_usable_and_differ():
    keys = [new_key() for _ in range(50)]

    assert len(Keyring.from_text(",".join(keys)).keys) == 50
