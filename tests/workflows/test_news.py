"""What the scheduler tells people besides failures, each of it once for as long as it lasts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.notifications.models import Notification
from automate.lib import clock
from integrations.models import UserIntegration
from tests.workflows.views.conftest import add_runs, apps, flow, published
from workflows import news
from workflows.models import ActiveRun, LiveTrigger, WaitToken
from workflows.publishing import resume
from workflows.runs import counting

__all__ = ["apps", "flow", "published"]


def told(user):
    rows = Notification.objects.filter(user=user).order_by("id")
    return [(row.kind, row.title) for row in rows]


@pytest.fixture
def asking(published, workspace):
    [run] = add_runs(published, status="NEEDS_ATTENTION", execution_time_ms=None)
    ActiveRun.objects.create(execution=run, tenant=workspace, workflow=published, state="ATTENTION")
    return run


def test_runs_that_ask_are_told_once(asking, alice, bob):
    news.look()
    news.look()

    assert told(alice) == [("attention", "Orders")]
    assert told(bob) == []
    assert Notification.objects.get().url == f"/runs/{asking.pk}/"


def test_approvals_are_told_to_those_who_are_asked(published, workspace, bob, alice):
    [run] = add_runs(published, status="WAITING", execution_time_ms=None)
    wait = {"kind": "approval", "asked": [bob.email], "need": 1, "message": "Pay?"}
    ActiveRun.objects.create(
        execution=run,
        tenant=workspace,
        workflow=published,
        state="WAITING",
        cursor={"waits": {"shape": wait}},
    )
    WaitToken.objects.create(
        tenant=workspace, execution_id=run.pk, path="shape", token_hash="h", kind="APPROVAL", person=bob.email
    )

    news.look()
    news.look()

    assert [kind for kind, _ in told(bob)] == ["approval"]
    assert told(alice) == []
    assert Notification.objects.get().url.startswith("/approvals/")


def test_expired_connections_are_told_to_their_owner_until_they_are_mended(alice, bob, workspace, apps):
    mine = UserIntegration.objects.create(
        tenant=workspace, user=alice, integration=apps["jira"], name="Our Jira", auth_type="BASIC",
        needs_reconnect=True, sharing="WORKSPACE",
    )  # fmt: skip

    news.look()
    UserIntegration.objects.filter(pk=mine.pk).update(needs_reconnect=False)
    news.look()
    UserIntegration.objects.filter(pk=mine.pk).update(needs_reconnect=True)
    news.look()

    assert told(alice) == [("expired", "Our Jira")]  # again within the hour: not told twice
    assert told(bob) == []


def test_workflow_that_fails_and_fails_is_paused_where_the_workspace_wants_it(
    published, alice, workspace, as_alice
):
    def fail(number):
        add_runs(published, number, failed=True, at=clock.now() - timedelta(seconds=30))
        while counting.tick():
            pass
        news.look()
        return published.deployments.get().is_active

    assert fail(4)
    workspace.pause_after_failures = 3
    workspace.save()
    assert not fail(1)
    assert [kind for kind, _ in told(alice)] == ["failed", "paused"]
    concerns = as_alice.get(f"/w/{workspace.slug}/").context["attention"].concerns
    assert concerns[0].text == "Paused, since its runs failed one after the other"

    begin = clock.now() + timedelta(seconds=60)  # from here on it counts anew
    resume(published, by=alice)
    news.look()
    assert published.deployments.get().is_active
    add_runs(published, 3, failed=True, at=begin)
    news.look()
    assert not published.deployments.get().is_active


def test_triggers_that_stopped_are_told(published, alice):
    LiveTrigger.objects.filter(template=published).update(last_error="The schedule cannot be read.")

    news.look()

    assert told(alice) == [("switched_off", "Orders")]
    assert "cannot be read" in Notification.objects.get().text
