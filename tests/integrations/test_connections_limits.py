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


def test_a_place_further_ahead_is_taken_when_asked_for(buckets, key):
    waits = [buckets.acquire(key, requests=1, per_s=10, up_to_s=25) for _ in range(4)]

    assert waits == pytest.approx([0, 10, 20, 30], abs=0.3)
    assert buckets.acquire(key, requests=1, per_s=10, up_to_s=35) == pytest.approx(30, abs=0.3)


def test_a_pause_holds_for_its_key_alone(buckets, key):
    buckets.pause(key, 20)

    assert buckets.paused_s(key) == pytest.approx(20, abs=0.5)
    assert buckets.paused_s(f"{key}-other") == 0


def test_a_pause_is_shared_by_processes(buckets, key):
    if isinstance(buckets, ProcessBuckets):
        pytest.skip("Without Redis a pause holds in its own process.")
    elsewhere = RedisBuckets(os.environ["REDIS_URL"])

    buckets.pause(key, 20)

    assert elsewhere.paused_s(key) == pytest.approx(20, abs=0.5)
