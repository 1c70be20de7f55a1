"""The bell: an idle drain is told of new work, looks seldom by itself, and misses nothing."""

from __future__ import annotations

import socket
import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis import ConnectionError

from tests.support.servers import Redis
from tests.workflows.runs.conftest import drain_apart, make_value, start, workflow
from workflows.models import WorkflowExecution
from workflows.runs import dispatch
from workflows.runs.bell import Ear, RedisEar, SocketEar
from workflows.runs.drain import Engine


class HandBell(Ear):
    """Rung by the test."""

    def __init__(self):
        super().__init__()
        self.rung = threading.Event()

    def _hear(self):
        heard = self.rung.wait(0.2)
        self.rung.clear()
        return heard


class BrokenEar(Ear):
    def _hear(self):
        raise OSError("nobody there")


def claims_while_idle(engine):
    with CaptureQueriesContext(connection) as seen:
        engine.drain(linger_s=0.2)
    return sum("state = 'RUNNING', worker" in query["sql"] for query in seen)


def test_an_idle_drain_that_is_told_hardly_looks(transactional_db):
    told, untold = Engine(slots=2, lease_s=30, ear=HandBell()), Engine(slots=2, lease_s=30)

    assert claims_while_idle(told) <= 2
    assert claims_while_idle(untold) >= 5


def test_a_drain_hears_of_a_run_at_once(deploy):
    bell = HandBell()
    engine, deployment = Engine(slots=2, lease_s=30, ear=bell), deploy(workflow(make_value("a")))
    stop = threading.Event()
    worker = drain_apart(engine, stop=stop.is_set, linger_s=60)
    while not engine.claim_at:
        stop.wait(0.01)
    engine.claim_at = float("inf")  # it would never look by itself

    run_id = start(deployment)
    bell.rung.set()

    while WorkflowExecution.objects.get(pk=run_id).status != "COMPLETED":
        stop.wait(0.01)
    stop.set()
    worker.join()


def test_what_a_run_makes_ready_itself_needs_no_bell(deploy):
    deploy({**workflow(make_value("a"), key="child"), "triggers": [{"key": "called", "type": "workflow"}]})
    deployment = deploy(workflow({"key": "sub", "type": "sub_workflow", "workflow": "child"}))
    engine = Engine(slots=2, lease_s=30, ear=HandBell())
    engine.drain(linger_s=0.01)
    run_id = start(deployment)

    engine.drain(linger_s=0.05)

    assert WorkflowExecution.objects.get(pk=run_id).status == "COMPLETED"


class Unlucky(Engine):
    """Whenever it claims, another worker happens to hold the rows, a few times."""

    misses = 3

    def _claim(self, want, now):
        if self.misses:
            self.misses -= 1
            return []
        return super()._claim(want, now)


def test_a_told_drain_does_not_leave_what_it_could_not_claim(deploy):
    run_id = start(deploy(workflow(make_value("a"))))

    Unlucky(slots=2, lease_s=30, ear=HandBell()).drain(linger_s=0.01)

    assert WorkflowExecution.objects.get(pk=run_id).status == "COMPLETED"


def test_a_ring_during_a_look_that_found_nothing_makes_it_look_again():
    engine = Engine(slots=2, lease_s=30, ear=HandBell())

    engine._look_later(100.0, rings=engine.rings)
    later = engine.claim_at
    engine._look_later(100.0, rings=engine.rings - 1)

    assert later > 100.0
    assert engine.claim_at == 0.0


def test_without_a_bell_to_hear_the_drain_looks_often(transactional_db):
    engine = Engine(slots=2, lease_s=30, ear=BrokenEar())
    engine.drain(linger_s=0.05)

    assert not engine._is_told
    assert claims_while_idle(engine) >= 5


def test_the_doorbell_of_the_embedded_engine_is_heard_once_per_visit():
    visitor, bell = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.setblocking(False)
    for _ in range(3):
        visitor.send(b"!")

    with visitor, bell:
        assert SocketEar(bell)._hear()
        bell.setblocking(False)
        with pytest.raises(BlockingIOError):
            bell.recv(1)


@pytest.fixture
def redis(settings):
    server = Redis().start()
    settings.REDIS_URL, settings.HAS_BROKER = server.url, True
    _forget_connections()
    yield server
    server.remove()
    _forget_connections()


def _forget_connections():
    dispatch._pool.cache_clear()
    dispatch._kept.__dict__.clear()


def test_each_start_rings_and_one_message_is_sent_until_it_is_taken(redis):
    ear = RedisEar()

    wants_message = [dispatch._wake_in_redis(), dispatch._wake_in_redis()]
    heard = ear._hear()
    dispatch.message_taken()

    assert wants_message == [True, False]
    assert heard
    assert dispatch._ask_redis("LLEN", dispatch.BELL_KEY) == 0
    assert dispatch._wake_in_redis()


def test_an_ear_comes_back_with_redis(redis):
    ear = RedisEar()
    dispatch._wake_in_redis()
    assert ear._hear()
    redis.stop()
    with pytest.raises(ConnectionError):
        ear._hear()

    redis.start()
    dispatch._wake_in_redis()

    assert ear._hear()
