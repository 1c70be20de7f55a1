"""Token buckets: how long each caller waits."""

import os

import pytest

from automate.lib.ids import uuid7
from integrations.connections.limits import ProcessBuckets, RedisBuckets


@pytest.fixture(params=["process", "redis"])
def buckets(request):
    if request.param == "process":
        return ProcessBuckets()
    if not os.environ.get("REDIS_URL"):
        pytest.skip("There is no Redis in this test run, so the shared buckets cannot be tried.")
    return RedisBuckets(os.environ["REDIS_URL"])


@pytest.fixture
def key():
    return str(uuid7())


def test_a_full_bucket_serves_at_once_and_then_spaces_callers_out(buckets, key):
    waits = [buckets.acquire(key, requests=2, per_s=0.2) for _ in range(4)]

    assert waits[:2] == [0, 0]
    assert waits[2:] == pytest.approx([0.1, 0.2], abs=0.05)


def test_a_wait_beyond_the_limit_takes_nothing(buckets, key):
    buckets.acquire(key, requests=1, per_s=10)

    refused = [buckets.acquire(key, requests=1, per_s=10) for _ in range(3)]

    assert refused == pytest.approx([10, 10, 10], abs=0.3)


def test_buckets_of_different_keys_are_apart(buckets, key):
    assert [buckets.acquire(f"{key}-{part}", requests=1, per_s=10) for part in "abc"] == [0, 0, 0]


def test_without_redis_each_process_counts_alone(caplog):
    buckets = RedisBuckets("redis://127.0.0.1:1/0")

    waits = [buckets.acquire("k", requests=1, per_s=0.2) for _ in range(2)]

    assert waits == pytest.approx([0, 0.2], abs=0.05)
    assert "per process" in caplog.text
