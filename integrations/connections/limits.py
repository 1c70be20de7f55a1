"""How often a service may be asked: a token bucket per integration and connection, shared through Redis when there is one.

And when it may not be asked at all: what a service says with Retry-After holds for all runs of the connection.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from automate.lib import clock
from integrations.values import MAX_INLINE_WAIT_S

logger = logging.getLogger(__name__)
MAX_BUCKETS = 10_000  # in one process; the fullest ones are forgotten first
HEAR_OF_PAUSES_S = 1.0
REDIS_TIMEOUT_S = 0.5  # a slow Redis must not hold up runs: then the process counts alone

# KEYS[1] the bucket; ARGV: capacity, tokens per second. Answers the wait in ms; the token is taken in advance,
# so that those who wait are served in turn. Time is Redis' own, equal for all processes.
TAKE = """
local now = redis.call('TIME')
local at = now[1] + now[2] / 1000000
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local tokens = tonumber(state[1]) or capacity
tokens = math.min(capacity, tokens + math.max(0, at - (tonumber(state[2]) or at)) * rate)
local wait = 0
if tokens < 1 then wait = (1 - tokens) / rate end
if wait > tonumber(ARGV[3]) then return math.ceil(wait * 1000) end
tokens = tokens - 1
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(at))
redis.call('PEXPIRE', KEYS[1], math.ceil((capacity + math.max(0, -tokens)) / rate * 1000) + 1000)
return math.ceil(wait * 1000)
"""


@dataclass
class Bucket:
    """Tokens may go below zero: each waiting caller owes one."""

    tokens: float
    at: float

    def take(self, capacity: float, rate: float, now: float, max_wait_s: float) -> float:
        self.tokens = min(capacity, self.tokens + max(0.0, now - self.at) * rate)
        self.at = now
        wait_s = max(0.0, (1 - self.tokens) / rate)
        if wait_s <= max_wait_s:
            self.tokens -= 1
        return wait_s


@dataclass
class ProcessBuckets:
    """Buckets of one process, for installations without Redis."""

    buckets: dict[str, Bucket] = field(default_factory=dict)
    paused: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def acquire(self, key: str, requests: int, per_s: float, up_to_s: float = MAX_INLINE_WAIT_S) -> float:
        """Take one of `requests` per `per_s` seconds; seconds to wait before sending.

        Beyond `up_to_s` nothing was taken, and the caller may not send yet.
        """
        now, capacity, rate = clock.monotonic(), float(requests), requests / per_s
        with self.lock:
            bucket = self.buckets.get(key)
            if bucket is None:
                if len(self.buckets) >= MAX_BUCKETS:
                    self.buckets.clear()
                bucket = self.buckets[key] = Bucket(capacity, now)
            return bucket.take(capacity, rate, now, up_to_s)

    def pause(self, key: str, seconds: float) -> None:
        """Nobody sends under this key for so long."""
        with self.lock:
            if len(self.paused) >= MAX_BUCKETS:
                self.paused.clear()
            self.paused[key] = max(self.paused.get(key, 0.0), clock.monotonic() + seconds)

    def paused_s(self, key: str) -> float:
        until = self.paused.get(key)
        return 0.0 if until is None else max(0.0, until - clock.monotonic())


class RedisBuckets:
    """Buckets shared by all processes; one round trip each. Falls back to the process's own when Redis is away."""

    def __init__(self, url: str) -> None:
        import redis  # 11 MB in every process, where there may be no Redis at all

        self._away: type[Exception] = redis.RedisError
        client = redis.Redis.from_url(
            url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        )
        self._take = client.register_script(TAKE)
        self._client = client
        self._alone = ProcessBuckets()
        self._asked: dict[str, float] = {}

    def acquire(self, key: str, requests: int, per_s: float, up_to_s: float = MAX_INLINE_WAIT_S) -> float:
        """As ProcessBuckets.acquire."""
        limit = [requests, requests / per_s, up_to_s]
        try:
            wait_ms = self._take(keys=[f"automate:rate:{key}"], args=limit)
        except self._away as error:
            logger.warning("rate limits are counted per process for now: %s", type(error).__name__)
            return self._alone.acquire(key, requests, per_s, up_to_s)
        return float(wait_ms) / 1000

    def pause(self, key: str, seconds: float) -> None:
        """As ProcessBuckets.pause; other processes hear of it within HEAR_OF_PAUSES_S."""
        self._alone.pause(key, seconds)
        try:
            self._client.set(f"automate:pause:{key}", 1, px=max(int(seconds * 1000), 1))
        except self._away as error:
            logger.warning("a pause could not be shared: %s", type(error).__name__)

    def paused_s(self, key: str) -> float:
        """Asks Redis at most every HEAR_OF_PAUSES_S for one key."""
        now = clock.monotonic()
        if now - self._asked.get(key, -HEAR_OF_PAUSES_S) >= HEAR_OF_PAUSES_S:
            if len(self._asked) >= MAX_BUCKETS:
                self._asked.clear()
            self._asked[key] = now
            self._hear(key)
        return self._alone.paused_s(key)

    def _hear(self, key: str) -> None:
        try:
            left_ms = int(self._client.pttl(f"automate:pause:{key}"))
        except self._away:
            return  # the next pause is heard of when Redis is back
        if left_ms > 0:
            self._alone.pause(key, left_ms / 1000)
