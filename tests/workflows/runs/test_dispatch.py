"""Wake-ups over Redis: one at a time, and across a restart of Redis."""

from __future__ import annotations

import os

import pytest

from tests.support.servers import Redis
from workflows.runs import dispatch

pytestmark = pytest.mark.skipif(
    "REDIS_URL" not in os.environ, reason="There is no Redis on the embedded default."
)


@pytest.fixture
def redis(settings):
    server = Redis().start()
    settings.REDIS_URL = server.url
    dispatch._pool.cache_clear()
    dispatch._kept.__dict__.clear()
    yield server
    server.remove()
    dispatch._pool.cache_clear()
    dispatch._kept.__dict__.clear()


def test_second_mark_is_refused_until_the_message_is_taken(redis):
    ask = ("SET", dispatch.WAKE_KEY, "1", "NX", "EX", "1")

    first, second = dispatch._ask_redis(*ask), dispatch._ask_redis(*ask)
    dispatch.message_taken()
    third = dispatch._ask_redis(*ask)

    assert [first, second, third] == [b"OK", None, b"OK"]


def test_restart_of_redis_goes_unnoticed(redis):
    before = dispatch._ask_redis("PING")
    redis.stop()
    redis.start()

    assert [before, dispatch._ask_redis("PING")] == [b"PONG", b"PONG"]


def test_wake_up_without_redis_is_no_error(redis):
    redis.stop()

    dispatch.wake_engine()
    dispatch.message_taken()

    dispatch._broken_until = 0.0
