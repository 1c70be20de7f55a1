"""Where stored bytes lie: a folder, a bucket."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from werkzeug import Request, Response

from workflows.runs.bucket import Bucket, BucketRefused, Keys, signed
from workflows.runs.shelves import Folder, Missing, shelf_named

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
KEY = "01a1/3f/01a1f8e13f"


@pytest.fixture
def bucket(httpserver, monkeypatch):
    """A server that keeps what it is given, and checks the signature of every request."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    kept: dict[str, bytes] = {}

    def serve(request: Request) -> Response:
        at = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        own = signed(request.method, request.url, request.get_data(), KEYS, "eu-central-1", at)
        if request.headers["authorization"] != own["authorization"]:
            return Response("SignatureDoesNotMatch", 403)
        if request.method == "PUT":
            kept[request.path] = request.get_data()
        elif request.method == "DELETE":
            kept.pop(request.path, None)
            return Response(status=204)
        return Response(kept[request.path]) if request.path in kept else Response("NoSuchKey", 404)

    httpserver.expect_request("").respond_with_handler(serve)

    return Bucket.of(f"s3://files/automate?region=eu-central-1&endpoint={httpserver.url_for('')}"), kept


def test_the_signature_is_the_one_of_the_documentation():
    headers = signed(
        "GET", "https://examplebucket.s3.amazonaws.com/test.txt", b"", KEYS, "us-east-1",
        datetime(2013, 5, 24, tzinfo=UTC), range="bytes=0-9",
    )  # fmt: skip

    proof = headers["authorization"].rpartition("=")[2]
    assert proof == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def test_a_bucket_keeps_gives_and_forgets(bucket):
    shelf, kept = bucket
    shelf.put(KEY, b"x" * 100_000)

    assert list(kept) == [f"/files/automate/{KEY}"]
    assert shelf.get(KEY) == b"x" * 100_000
    shelf.delete([KEY, "not/there"])
    assert not kept


def test_what_is_gone_from_a_bucket_is_said_in_words(bucket):
    with pytest.raises(Missing, match=f"The stored file {KEY} is gone from"):
        bucket[0].get(KEY)


def test_a_bucket_that_refuses_is_no_success(bucket):
    shelf, kept = bucket
    shelf.keys = Keys(KEYS.id, "wrong")

    with pytest.raises(BucketRefused, match="refused PUT with 403"):
        shelf.put(KEY, b"x")
    assert not kept


def test_keys_that_run_out_send_their_token(monkeypatch):
    headers = signed(
        "GET", "https://b.s3.amazonaws.com/k", b"", Keys("a", "b", "tok"), "us-east-1", datetime.now(UTC)
    )

    assert headers["x-amz-security-token"] == "tok"
    assert "x-amz-security-token" in headers["authorization"]


def test_an_amazon_bucket_has_an_address_of_its_own(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")

    shelf = Bucket.of("s3://files/automate/?region=eu-west-1")

    assert shelf.base == "https://files.s3.eu-west-1.amazonaws.com/automate"
    assert urlsplit(shelf.base).scheme == "https"


def test_a_folder_keeps_gives_and_forgets(tmp_path):
    shelf = Folder(tmp_path)
    shelf.put(KEY, b"one")
    shelf.put(KEY, b"two")

    assert shelf.get(KEY) == b"two"
    shelf.delete([KEY, "not/there"])
    with pytest.raises(Missing, match="Restore it from a backup"):
        shelf.get(KEY)


@pytest.mark.parametrize("setting", ["relative/folder", "ftp://x"])
def test_other_places_are_refused_with_a_sentence(setting):
    with pytest.raises(ImproperlyConfigured, match="the absolute path of a folder, or s3://bucket/prefix"):
        shelf_named(setting)
