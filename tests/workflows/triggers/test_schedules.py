"""Schedules: what is due, what was missed, and that each instant starts one run, whoever looks."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from tests.workflows.ingress.conftest import data_of
from workflows import documents
from workflows.engine.document import load
from workflows.models import LiveTrigger, RunEvent, TriggerReceipt, WorkflowExecution, WorkflowVariable
from workflows.publishing import pause, publish
from workflows.triggers import schedules

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERY_HOUR = {"cron": "0 * * * *"}
_numbers = itertools.count(1)


def document(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": "automate/1",
        "key": f"timed-{next(_numbers)}",
        "triggers": [{"key": "clock", "type": "schedule", "config": config}],
        "start": "shape",
        "steps": [{"key": "shape", "type": "transform", "config": {"set": {"a": 1}}}],
    }


@pytest.fixture
def make_schedule(alice, workspace):
    """`make_schedule(config, due)`: a published schedule whose next fire is `due`."""

    def make(config: dict[str, Any], due: datetime) -> LiveTrigger:
        template = documents.create(workspace, load(document(config)), by=alice)
        publish(template, by=alice)
        live = LiveTrigger.objects.get(template=template)
        live.next_fire_at = due
        live.save()
        return live

    return make


def started() -> list[str]:
    """The instants for which runs were started."""
    return sorted(data_of(execution)["scheduled_at"] for execution in WorkflowExecution.objects.all())


def at(*hours: int) -> list[str]:
    return [NOON.replace(hour=hour).isoformat() for hour in hours]


@pytest.mark.django_db
def test_due_schedule_starts_and_moves_on(make_schedule):
    live = make_schedule({**EVERY_HOUR, "input": {"why": "{{ trigger.scheduled_at }}"}}, NOON)

    assert schedules.tick(NOON + timedelta(seconds=1)) == 1

    execution = WorkflowExecution.objects.get()
    assert execution.trigger_type == "SCHEDULED"
    assert data_of(execution)["type"] == "schedule"
    assert data_of(execution)["key"] == "clock"
    assert data_of(execution)["scheduled_at"] == NOON.isoformat()
    assert data_of(execution)["body"] == {"why": NOON.isoformat()}
    live.refresh_from_db()
    assert (live.next_fire_at, live.last_fired_at) == (NOON + timedelta(hours=1), NOON)


@pytest.mark.django_db
def test_input_may_use_variables_but_no_secrets(make_schedule, workspace):
    WorkflowVariable.objects.create(tenant=workspace, key="CITY", value="Rome")

    make_schedule({**EVERY_HOUR, "input": "{{ vars.CITY }}"}, NOON)
    schedules.tick(NOON)

    assert data_of(WorkflowExecution.objects.get())["body"] == "Rome"


@pytest.mark.django_db
def test_nothing_is_due_before_its_time(make_schedule, django_assert_num_queries):
    make_schedule(EVERY_HOUR, NOON)

    with django_assert_num_queries(1):
        assert schedules.tick(NOON - timedelta(seconds=1)) == 0


@pytest.mark.django_db
def test_paused_workflow_does_not_fire(make_schedule, alice):
    pause(make_schedule(EVERY_HOUR, NOON).template, alice)

    assert schedules.tick(NOON) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("missed", "expected"),
    [(None, at(12)), ("last", at(12)), ("skip", []), ("all", at(9, 10, 11, 12))],
)
def test_missed_fires_are_treated_as_the_trigger_says(make_schedule, missed, expected):
    config = EVERY_HOUR if missed is None else {**EVERY_HOUR, "missed": missed}
    live = make_schedule(config, NOON - timedelta(hours=3))

    schedules.tick(NOON + timedelta(minutes=20))

    assert started() == expected
    live.refresh_from_db()
    assert live.next_fire_at == NOON + timedelta(hours=1)


@pytest.mark.django_db
def test_skip_still_fires_what_is_on_time(make_schedule):
    make_schedule({**EVERY_HOUR, "missed": "skip"}, NOON - timedelta(hours=3))

    schedules.tick(NOON + timedelta(seconds=5))

    assert started() == at(12)


@pytest.mark.django_db
def test_missed_fires_leave_an_event_that_says_so(make_schedule):
    make_schedule(EVERY_HOUR, NOON - timedelta(hours=3))

    schedules.tick(NOON)

    event = RunEvent.objects.get(kind="SKIPPED")
    assert event.message.startswith("3 fires were missed from 2026-03-02 09:00 UTC on")
    assert event.data["missed"] == at(9, 10, 11)


@pytest.mark.django_db
def test_a_short_restart_misses_nothing(make_schedule):
    make_schedule({"every_s": 10}, NOON)

    assert schedules.tick(NOON + timedelta(seconds=45)) == 5
    assert not RunEvent.objects.filter(kind="SKIPPED").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("config", [{"cron": "* * * * *"}, {"every_s": 1}])
def test_a_year_of_downtime_is_worked_off_at_once(make_schedule, config):
    live = make_schedule(config, NOON - timedelta(days=365))

    assert schedules.tick(NOON) == 1

    assert started() == at(12)
    live.refresh_from_db()
    assert live.next_fire_at > NOON
    assert RunEvent.objects.get(kind="SKIPPED").message.startswith("More than 1,000 fires were missed")


@pytest.mark.django_db
def test_all_catches_up_in_portions(make_schedule):
    make_schedule({"every_s": 60, "missed": "all"}, NOON - timedelta(minutes=150))

    counts = [schedules.tick(NOON) for _ in range(3)]

    assert counts == [100, 51, 0]
    assert len(set(started())) == 151


@pytest.mark.django_db
def test_clock_set_back_fires_nothing_twice(make_schedule):
    make_schedule({"cron": "* * * * *"}, NOON)

    for moment in (NOON, NOON - timedelta(seconds=90), NOON, NOON + timedelta(seconds=1)):
        schedules.tick(moment)

    assert started() == at(12)


@pytest.mark.django_db
def test_an_instant_that_has_its_receipt_is_not_started_again(make_schedule):
    live = make_schedule(EVERY_HOUR, NOON)
    schedules.tick(NOON)
    LiveTrigger.objects.filter(pk=live.pk).update(next_fire_at=NOON)

    assert schedules.tick(NOON) == 0
    assert started() == at(12)
    assert TriggerReceipt.objects.count() == 1


@pytest.mark.django_db
def test_a_schedule_that_cannot_be_read_is_switched_off_with_its_reason(make_schedule):
    live = make_schedule({**EVERY_HOUR, "input": {"x": "{{ 1 / (trigger.key | length - 5) }}"}}, NOON)
    other = make_schedule(EVERY_HOUR, NOON)

    assert schedules.tick(NOON) == 1

    live.refresh_from_db()
    assert live.next_fire_at is None
    assert "zero" in live.last_error
    assert "switched off" in RunEvent.objects.get(kind="REJECTED", template=live.template).message
    assert WorkflowExecution.objects.get().template_id == other.template_id


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="SQLite's tests live in memory, where threads cannot wait for each other.",
)
def test_two_schedulers_start_each_instant_once(make_schedule):
    for _ in range(10):
        make_schedule(EVERY_HOUR, NOON)
    counts: list[int] = []

    def look() -> None:
        try:
            counts.append(schedules.tick(NOON))
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(counts) == 10
    assert WorkflowExecution.objects.count() == 10


def test_zone_of_the_trigger_wins_over_the_default():
    config = {"cron": "0 9 * * *", "time_zone": "Asia/Tokyo"}

    assert schedules.first_fire(config, "UTC", NOON) == datetime(2026, 3, 3, 0, tzinfo=UTC)
    assert schedules.first_fire({"cron": "0 9 * * *"}, "UTC", NOON) == datetime(2026, 3, 3, 9, tzinfo=UTC)


def test_next_fires_are_those_that_really_fire():
    previewed = schedules.next_fires(EVERY_HOUR, "Europe/Berlin", NOON, 5)

    assert previewed == [NOON + timedelta(hours=hour) for hour in range(1, 6)]


def test_intervals_count_from_their_start():
    assert schedules.next_fires({"every_s": 90}, "UTC", NOON, 2) == [
        NOON + timedelta(seconds=s) for s in (90, 180)
    ]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"every_s": 0},
        {"every_s": "x"},
        {"every_s": True},
        {"cron": "x"},
        {"cron": "0 9 * * *", "time_zone": "Mars"},
    ],
)
def test_schedules_that_say_nothing_usable_raise_a_sentence(config):
    with pytest.raises(ValueError, match=r"[.?]$"):
        schedules.first_fire(config, "UTC", NOON)


def test_check_schedule_names_the_field():
    faults = schedules.check_schedule({"cron": "61 * * * *", "time_zone": "Mars/Base"})

    assert [field for field, _ in faults] == ["cron", "time_zone"]
