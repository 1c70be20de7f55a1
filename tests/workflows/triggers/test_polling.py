"""Polls: each new item starts one run, whatever happens in between."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection
from pytest_httpserver import HTTPServer

from automate.lib import clock
from tests.workflows.triggers.box import at_second, open_box, refusal
from tests.workflows.triggers.conftest import poll_now, started
from workflows.models import LiveTrigger, RunEvent, TriggerReceipt, WorkflowExecution
from workflows.publishing import pause, publish, resume
from workflows.runs import health
from workflows.runs.failpoints import NAMES, dying_at
from workflows.triggers import claims, polling
from workflows.triggers.poller import Poller

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The process is gone."""


def test_the_first_poll_starts_nothing_and_the_next_one_what_is_new(make_poll, box):
    box.put(1, 2)
    live = make_poll()

    assert poll_now(live) == 0
    box.put(3)
    assert poll_now(live) == 1

    run = WorkflowExecution.objects.get()
    assert run.trigger_type == "POLLING"
    assert run.input["type"] == "polling"
    assert run.input["key"] == "look"
    assert run.input["body"] == box.rows[2]
    live.refresh_from_db()
    assert live.last_fired_at is not None


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, []),
        ({"first_poll": "all"}, [1, 2, 3, 4]),
        ({"first_poll": "last"}, [4]),
        ({"first_poll": "last", "first_items": 2}, [3, 4]),
    ],
)
@pytest.mark.parametrize("event", ["new_row", "new_entry"])
def test_the_first_poll_starts_what_the_trigger_says(make_poll, box, config, expected, event):
    box.put(1, 2, 3, 4)
    live = make_poll(event, **config)

    poll_now(live)
    poll_now(live)

    assert started() == expected


def test_the_service_is_asked_from_where_we_stopped(make_poll, box):
    box.put(500)
    live = make_poll(first_poll="all")
    poll_now(live)
    box.asked.clear()

    poll_now(live)

    assert box.asked[0]["since"] == at_second(380)  # two minutes back: items may show up late


def test_a_row_that_shows_up_late_is_not_lost(make_poll, box):
    box.put(500)
    live = make_poll(first_poll="all")
    poll_now(live)

    box.put(450)
    poll_now(live)

    assert started() == [500, 450]


@pytest.mark.parametrize("event", ["new_row", "new_entry"])
def test_equal_times_at_the_border_of_pages_are_neither_lost_nor_taken_twice(make_poll, box, event):
    box.put(1, 2)
    live = make_poll(event)
    poll_now(live)

    box.put(*range(3, 15), at=60)
    poll_now(live)
    box.put(*range(15, 19), at=60)
    poll_now(live)

    assert started() == list(range(3, 19))


def test_oldest_items_start_first(make_poll, box):
    box.put(9, 3, 7)

    poll_now(make_poll(first_poll="all"))

    assert started() == [3, 7, 9]


def test_more_than_a_portion_is_taken_in_portions(make_poll, box, monkeypatch):
    monkeypatch.setattr(polling, "PORTION", 4)
    box.put(*range(1, 11))

    live = make_poll(first_poll="all")

    assert poll_now(live) == 10
    assert started() == list(range(1, 11))


def test_the_next_poll_comes_after_the_interval(make_poll, box):
    live = make_poll(every_s=90)
    live.refresh_from_db()
    due = live.next_fire_at

    poll_now(live)

    live.refresh_from_db()
    assert live.next_fire_at == due + timedelta(seconds=90)


def test_an_item_that_has_its_receipt_is_not_started_again(make_poll, box):
    box.put(1)
    live = make_poll(first_poll="all")
    poll_now(live)
    LiveTrigger.objects.filter(pk=live.pk).update(cursor={})

    assert poll_now(live) == 0
    assert TriggerReceipt.objects.count() == WorkflowExecution.objects.count() == 1


def test_another_question_begins_anew(make_poll, box, alice):
    box.put(1)
    live = make_poll()
    poll_now(live)
    cursor = {**LiveTrigger.objects.get(pk=live.pk).cursor, "of": "something else"}
    LiveTrigger.objects.filter(pk=live.pk).update(cursor=cursor)
    box.put(2)

    assert poll_now(live) == 0  # it is a first poll again, which starts nothing
    box.put(3)
    assert poll_now(live) == 1


# --- dying ----------------------------------------------------------------------------------------

POINTS = [name for name in NAMES if name.startswith("poll.")]


DEATHS = [
    *((point, 1) for point in (*POINTS, "start.after_commit")),
    *((point, 2) for point in ("poll.before_commit", "poll.after_commit", "start.after_commit")),
]


@pytest.mark.faults
@pytest.mark.parametrize(("point", "count"), DEATHS)
def test_a_death_at_any_point_neither_loses_an_item_nor_takes_it_twice(
    make_poll, box, monkeypatch, point, count
):
    monkeypatch.setattr(polling, "PORTION", 3)
    box.put(1, 2, 3, 4, at=10)
    live = make_poll(first_poll="all")

    for new in ([5, 6, 7, 8, 9, 10, 11], [12], []):
        box.put(*new, at=10)
        with suppress(Killed), dying_at(point, count, Killed):
            poll_now(live, later=claims.lease())
    poll_now(live, later=claims.lease())

    assert sorted(started()) == list(range(1, 13))


@pytest.mark.faults
def test_the_points_are_passed_in_order_and_none_is_missing(make_poll, box, monkeypatch):
    passed = []
    for module in (claims, polling):
        monkeypatch.setattr(module, "failpoint", passed.append)
    box.put(1)

    poll_now(make_poll(first_poll="all"))

    assert passed == POINTS


@pytest.mark.faults
def test_a_poller_that_was_given_up_writes_nothing_any_more(make_poll, box):
    box.put(1)
    live = make_poll(first_poll="all")
    live.refresh_from_db()
    slow = claims.claim(live, live.next_fire_at)
    poll_now(live, later=claims.lease())

    with pytest.raises(claims.ClaimLost):
        polling.poll(slow)

    assert started() == [1]


def test_a_claim_is_taken_once_and_ends_when_it_is_not_renewed(make_poll, box):
    live = make_poll()
    now = live.next_fire_at
    taken = claims.claim(live, now)

    assert taken is not None
    assert claims.claim(live, now) is None
    assert claims.due_polls(now, 10) == []
    taken.renew(now + timedelta(seconds=20))
    assert claims.due_polls(now + claims.lease(), 10) == []
    assert claims.due_polls(taken.until, 10) == [live]


def test_pausing_ends_a_poll_under_way(make_poll, box, alice):
    box.put(1)
    live = make_poll(first_poll="all")
    live.refresh_from_db()
    taken = claims.claim(live, live.next_fire_at)
    pause(live.template, alice)

    with pytest.raises(claims.ClaimLost):
        polling.poll(taken)

    assert started() == []


# --- pausing --------------------------------------------------------------------------------------


def test_what_appears_while_paused_is_left_out_and_said_so(make_poll, box, alice):
    live = make_poll()
    poll_now(live)
    pause(live.template, alice)
    box.put(1, 2)

    assert claims.due_polls(clock.now() + timedelta(days=1), 10) == []
    resume(live.template, alice)
    assert poll_now(live) == 0
    box.put(3)
    poll_now(live)

    assert started() == [3]
    event = RunEvent.objects.get(kind="SKIPPED")
    assert event.message == "2 items that appeared while the workflow was paused started nothing."


def test_publishing_again_goes_on_from_where_it_was(make_poll, box, alice):
    live = make_poll()
    poll_now(live)
    box.put(1)
    publish(live.template, by=alice)

    poll_now(live)

    assert started() == [1]
    assert WorkflowExecution.objects.get().version.version_number == 2


# --- trouble --------------------------------------------------------------------------------------


def test_failures_are_asked_again_less_and_less_often(make_poll, box):
    live = make_poll(every_s=60)
    box.answer = refusal(500)
    waits = []

    for _ in range(4):
        poll_now(live)
        live.refresh_from_db()
        waits.append(round((live.next_fire_at - clock.now()).total_seconds(), -1))
        LiveTrigger.objects.filter(pk=live.pk).update(next_fire_at=clock.now())

    assert waits == [60, 120, 240, 480]
    assert live.last_error == "Box refused: not now."
    event = RunEvent.objects.get()
    assert event.kind == "TROUBLE"
    assert event.message.startswith(
        "Asking for new items failed 3 times in a row, last with: Box refused: not now."
    )


def test_retry_after_is_kept(make_poll, box):
    live = make_poll(every_s=60)
    box.answer = refusal(429, **{"Retry-After": "900"})

    poll_now(live)

    live.refresh_from_db()
    assert 890 < (live.next_fire_at - clock.now()).total_seconds() <= 900


def test_nothing_is_lost_by_failures_and_the_end_of_them_is_an_event(make_poll, box):
    live = make_poll()
    poll_now(live)
    box.put(1)
    box.answer = refusal(503)
    for _ in range(3):
        poll_now(live)
    box.answer = None

    assert poll_now(live) == 1

    live.refresh_from_db()
    assert live.last_error == ""
    assert "failures" not in live.cursor
    assert RunEvent.objects.filter(kind="RECOVERED").get().message.endswith("after 3 failures in a row.")


def test_an_answer_that_is_no_list_says_so(make_poll, box):
    live = make_poll()
    box.answer = refusal(200)
    box.answer.set_data('{"rows": {"id": 1}}')

    poll_now(live)

    live.refresh_from_db()
    assert live.last_error == "The answer is not a list, so there are no pages to read."


def test_polls_that_nobody_makes_show_in_the_health(make_poll, box):
    live = make_poll()
    assert "polls" not in health.find_trouble()

    LiveTrigger.objects.filter(pk=live.pk).update(next_fire_at=clock.now() - timedelta(minutes=6))

    assert "polls" in health.find_trouble()


# --- pollers --------------------------------------------------------------------------------------


def test_an_idle_tick_costs_one_query(make_poll, box, django_assert_num_queries):
    live = make_poll()

    with django_assert_num_queries(1):
        assert Poller().tick(live.next_fire_at - timedelta(seconds=1)) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="SQLite's tests live in memory, where threads cannot wait for each other.",
)
@pytest.mark.faults
def test_two_pollers_make_each_poll_once_and_a_slow_service_holds_up_no_other(make_poll, box):
    lives = [make_poll(first_poll="all") for _ in range(6)]
    free, first = threading.Event(), threading.Lock()

    def slow_once(request):
        if first.acquire(blocking=False):
            free.wait(10)
        return faster.handle(request)

    with HTTPServer(threaded=True) as server:
        faster = open_box(server)
        faster.put(1)
        server.clear()
        server.expect_request("/rows").respond_with_handler(slow_once)
        pollers = [Poller(threads=2), Poller(threads=2)]
        while started_count() < len(lives) - 1:  # all but the one that waits for its service
            for poller in pollers:
                poller.tick()
                poller.wait(0.01)
        free.set()
        for poller in pollers:
            poller.stop()

    assert sorted(started()) == [1] * len(lives)


def started_count() -> int:
    return WorkflowExecution.objects.count()


def test_a_trigger_in_trouble_asks_for_attention_on_the_first_page(make_poll, box, as_alice, workspace):
    live = make_poll()
    box.answer = refusal(500)
    for failures in range(1, 4):
        poll_now(live)
        page = as_alice.get(f"/w/{workspace.slug}/").content.decode()
        assert ("Its trigger does not work: Box refused: not now." in page) == (failures == 3)
