"""Runs counted by the hour, and workflows that begin to fail: what the scheduler makes of runs that have ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.notifications.models import Notification, NotificationSettings
from automate.lib import clock
from tests.workflows.views.conftest import add_runs, apps, flow, hook_document, published
from workflows import documents
from workflows.engine.document import load
from workflows.models import ActiveRun, RunHour, UncountedRun, WorkflowExecution
from workflows.publishing import publish
from workflows.runs import counting
from workflows.views.home_counts import read

__all__ = ["apps", "flow", "published"]
AGO = timedelta(minutes=10)


def numbers(template):
    rows = RunHour.objects.filter(template=template)
    return [sum(getattr(row, name) for row in rows) for name in ("runs", "failed", "succeeded", "total_ms")]


def count():
    while counting.tick():
        pass


def told():
    return [(row.title, row.text) for row in Notification.objects.order_by("id")]


def test_each_run_is_counted_once_when_it_has_ended(published, workspace):
    at = clock.now() - AGO
    add_runs(published, 3, at=at, execution_time_ms=50)
    add_runs(published, 2, at=at - timedelta(days=20), failed=True)
    add_runs(published, 4, at=at, is_test=True)
    [slow] = add_runs(published, 1, at=at, status="RUNNING", execution_time_ms=None)
    ActiveRun.objects.create(execution=slow, tenant=workspace, workflow=published)

    count()
    count()
    early = numbers(published)
    WorkflowExecution.objects.filter(pk=slow.pk).update(status="COMPLETED", execution_time_ms=9000)
    ActiveRun.objects.all().delete()
    count()

    assert early == [5, 2, 3, 150]
    assert numbers(published) == [6, 2, 4, 9150]
    assert not UncountedRun.objects.exists()


def test_figures_are_the_same_before_and_after_counting(published, workspace):
    now = int(clock.now().timestamp()) // 3600
    for hours, failed in ((0, False), (3, True), (30, False)):
        add_runs(published, 2, at=clock.now() - timedelta(hours=hours, minutes=10), failed=failed)
    [waiting] = add_runs(published, 1, at=clock.now() - AGO, status="WAITING", execution_time_ms=None)
    ActiveRun.objects.create(execution=waiting, tenant=workspace, workflow=published, state="WAITING")

    def shown():
        return read(workspace.pk, (), since=now - 40, shown=now - 10)

    before = shown()
    count()

    assert counting.seen().int
    assert shown() == before
    assert (before.workflows[published.pk].runs, sum(hour.runs for hour in before.hours.values())) == (5, 7)


def test_first_failure_is_told_once_and_again_after_it_went_well(published, alice, settings, monkeypatch):
    settings.HAS_EMAIL = True
    begin = clock.now()

    def later(minutes, **runs):
        monkeypatch.setattr(clock, "now", lambda: begin + timedelta(minutes=minutes))
        add_runs(published, at=begin + timedelta(minutes=minutes - 1), **runs)
        count()
        return len(told())

    error = {"message": "Slack refused the message."}
    assert [later(2), later(4, failed=True, error=error), later(6, failed=True, number=3)] == [0, 1, 1]
    assert [later(8), later(10, failed=True)] == [1, 1]  # it comes and goes: an hour is left in peace
    assert [later(70), later(80, failed=True), later(82, failed=True)] == [1, 2, 2]

    first = Notification.objects.order_by("id").first()
    run = WorkflowExecution.objects.filter(is_failed=True).order_by("id").first()
    assert (first.user, first.title, first.text) == (alice, "Orders", "Slack refused the message.")
    assert first.url == f"/runs/{run.pk}/"
    assert first.mail_due_at is not None


@pytest.mark.parametrize(("which", "heard"), [("mine", 1), ("all", 2)])
def test_who_made_it_is_told_and_others_if_they_want(workspace, alice, bob, which, heard):
    NotificationSettings.objects.create(user=alice, which=which)
    flow = documents.create(workspace, load(hook_document("bobs", "Bob's")), by=bob)
    publish(flow, by=bob)
    add_runs(flow, failed=True, at=clock.now() - AGO)

    count()

    assert len(told()) == heard
    assert Notification.objects.filter(user=bob).count() == 1
