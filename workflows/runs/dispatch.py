"""Wake-ups: the one place that tells workers there is something to do. Losing one delays, never loses.

With a broker: a Celery message, at most one outstanding. Without: a byte to the engine process's local socket.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
import time
from functools import cache
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction

from workflows.runs.failpoints import failpoint

log = logging.getLogger(__name__)

MAX_SOCKET_PATH = 100  # bytes; Linux takes 107, macOS 103
WAKE_KEY = "automate:wake"
BELL_KEY = "automate:bell"
# One message is enough until a worker has taken it (`NX EX 1`); drains that are awake and idle hear the bell.
_WAKE = """
if redis.call('LLEN', KEYS[2]) == 0 then redis.call('LPUSH', KEYS[2], '1') end
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', 1) then return 1 end
return 0
"""
_WAKE_SHA = hashlib.sha1(_WAKE.encode(), usedforsecurity=False).hexdigest()
BREAK_S = 1.0  # after a failed wake-up none is tried for this long: the sweeper takes over
_broken_until = 0.0
_kept = threading.local()


def doorbell_path() -> str:
    """The local socket on which the embedded engine listens: in the data folder, or in /tmp when that path is too long."""
    path = str(settings.DATA_DIR / "run" / "engine.sock")
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    return f"/tmp/automate-{os.getuid()}-{hashlib.sha256(path.encode()).hexdigest()[:24]}.sock"  # noqa: S108 - holds no data


def _ask_redis(*words: str) -> object:
    """One command, one answer, over a connection that this thread keeps. Raises what redis-py raises.

    redis-py's client and pool around it would cost five times as much, once for every webhook.
    """
    from redis import ConnectionError as Lost

    connection = _connection()
    was_open = connection.is_connected
    try:
        connection.send_command(*words, check_health=False)
        return connection.read_response()
    except Lost:
        if not was_open:
            raise
        connection.send_command(*words, check_health=False)  # Redis was started anew since we used it
        return connection.read_response()


def _connection() -> Any:
    """This thread's connection; one that came along from a parent process is left alone."""
    if getattr(_kept, "owner", None) != os.getpid():
        _kept.owner, _kept.connection = os.getpid(), _pool().make_connection()
    return _kept.connection


@cache
def _pool() -> Any:
    """Makes connections that give up at once: a wake-up may fail, a request may not wait for it."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.ConnectionPool.from_url(
        settings.REDIS_URL, socket_timeout=0.2, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0)
    )


def wake_engine() -> None:
    """Tell a worker, now. Never raises."""
    global _broken_until
    if time.monotonic() < _broken_until:
        return
    try:
        if settings.HAS_BROKER:
            _send_message()
        else:
            _ring()
    except Exception as error:  # noqa: BLE001 - whatever the broker's client raises; the sweeper will do
        _broken_until = time.monotonic() + BREAK_S
        log.warning("a wake-up could not be sent: %s", type(error).__name__)


def wake_engine_after_commit() -> None:
    transaction.on_commit(wake_engine)


def _send_message() -> None:
    if settings.REDIS_URL and not _wake_in_redis():
        return
    failpoint("dispatch.marked")
    current_app.send_task("workflows.drain", queue="engine", retry=False, ignore_result=True)
    failpoint("dispatch.sent")


def _wake_in_redis() -> bool:
    """Ring; whether a message is to be sent as well."""
    from redis.exceptions import NoScriptError

    try:
        return bool(_ask_redis("EVALSHA", _WAKE_SHA, "2", WAKE_KEY, BELL_KEY))
    except NoScriptError:
        return bool(_ask_redis("EVAL", _WAKE, "2", WAKE_KEY, BELL_KEY))


def message_taken() -> None:
    """A worker is about to look: from now on a new start needs a new message."""
    if settings.HAS_BROKER and settings.REDIS_URL:
        try:
            _ask_redis("DEL", WAKE_KEY)
        except Exception as error:  # noqa: BLE001 - the key runs out by itself after a second
            log.warning("the wake-up mark could not be cleared: %s", type(error).__name__)


def queue_task(name: str, queue: str = "default") -> None:
    """Have a worker do something that nobody waits for. Never raises: the scheduler asks again."""
    try:
        current_app.send_task(name, queue=queue, retry=False, ignore_result=True)
    except Exception as error:  # noqa: BLE001 - whatever the broker's client raises
        log.warning("the task %s could not be queued: %s", name, type(error).__name__)


def _ring() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.setblocking(False)
        try:
            bell.sendto(b"!", doorbell_path())
        except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
            return  # no engine yet, or it has enough rings waiting: it looks by itself
