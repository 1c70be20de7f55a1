"""A workspace's first page: its figures, what needs a person, and the beginning."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Tenant, User
from automate.lib import clock
from integrations.models import IntegrationDefinition, UserIntegration
from tests.factories import add_member, make_user
from tests.workflows.views.conftest import add_runs, hook_document
from workflows import documents, gallery
from workflows.engine.document import load
from workflows.models import ActiveRun, WorkflowAccess, WorkflowTemplate
from workflows.publishing import publish
from workflows.views import nav


def home(workspace: Tenant) -> str:
    return reverse("workspace-home", args=[workspace.slug])


def value_of(response: object, label: str) -> tuple[str, str]:
    kpis = {kpi.label: kpi for kpi in response.context["figures"].kpis}  # type: ignore[attr-defined]
    return kpis[label].value, kpis[label].change


def midday(days_ago: int) -> datetime:
    """Noon UTC of that day, or a minute ago if that is still to come."""
    noon = (clock.now() - timedelta(days=days_ago)).replace(hour=12, minute=0)
    return min(noon, clock.now() - timedelta(minutes=1))


def test_strangers_find_no_such_workspace(as_charlie: Client, workspace: Tenant) -> None:
    assert as_charlie.get(home(workspace)).status_code == 404


def test_signing_in_leads_here(as_alice: Client, workspace: Tenant) -> None:
    response = as_alice.get("/", follow=True)

    assert response.redirect_chain[-1][0] == home(workspace)


def test_new_workspace_offers_three_ways_and_three_templates_without_account(
    as_alice: Client, workspace: Tenant
) -> None:
    gallery.sync_gallery()

    response = as_alice.get(home(workspace))

    page = response.content.decode()
    assert all(
        words in page
        for words in ("Try an example", "Start empty", "Import one", "First steps", "0 of 5 done")
    )
    assert len(response.context["cards"]) == 3
    for card in response.context["cards"]:
        use = reverse("workflows:template-use", args=[workspace.slug, card.entry.slug])
        assert f'<form action="{use}" method="post">' in page


def test_viewer_of_an_empty_workspace_is_offered_nothing_to_make(workspace: Tenant) -> None:
    gallery.sync_gallery()
    viewer = make_user()
    add_member(workspace, viewer, "viewer")
    client = Client()
    client.force_login(viewer)

    page = client.get(home(workspace)).content.decode()

    assert "No workflows yet" in page
    assert "Use template" not in page


def test_figures_count_the_period_and_compare_with_the_one_before(
    as_alice: Client, workspace: Tenant, published: WorkflowTemplate
) -> None:
    add_runs(published, 7, at=midday(1), execution_time_ms=100)
    add_runs(published, 1, at=midday(2), failed=True)
    add_runs(published, 5, at=midday(20), execution_time_ms=300)
    add_runs(published, 9, at=midday(1), is_test=True)
    add_runs(published, 9, at=midday(40))

    response = as_alice.get(home(workspace))

    assert value_of(response, "Runs") == ("8", "60%")
    assert value_of(response, "Success rate") == ("87.5%", "12.5 pt")
    assert value_of(response, "Failed") == ("1", "1")
    assert value_of(response, "Median duration") == ("100 ms", "200 ms")
    points = response.context["figures"].points
    assert len(points) == 14
    assert (points[-2]["succeeded"], points[-3]["failed"]) == (7, 1)


@pytest.mark.parametrize(
    ("key", "bars", "runs"), [("24h", 24, "2"), ("14d", 14, "5"), ("90d", 90, "9"), ("x", 14, "5")]
)
def test_period_can_be_chosen(
    as_alice: Client, workspace: Tenant, published: WorkflowTemplate, key: str, bars: int, runs: str
) -> None:
    add_runs(published, 2, at=clock.now() - timedelta(hours=2))
    add_runs(published, 3, at=midday(9))
    add_runs(published, 4, at=midday(60))

    response = as_alice.get(
        home(workspace) + f"?range={key}", headers={"HX-Request": "true", "HX-Target": "figures"}
    )

    assert len(response.context["figures"].points) == bars
    assert value_of(response, "Runs")[0] == runs
    assert 'hx-swap-oob="true"' in response.content.decode()
    assert "<html" not in response.content.decode()


def test_days_are_those_of_the_reader(
    as_alice: Client, alice: User, workspace: Tenant, published: WorkflowTemplate
) -> None:
    alice.time_zone = "Pacific/Kiritimati"  # 14 hours ahead
    alice.save()
    add_runs(published, 1, at=(clock.now() - timedelta(days=3)).replace(hour=23, minute=0))

    points = as_alice.get(home(workspace)).context["figures"].points

    assert [place for place, point in enumerate(points) if point["succeeded"]] in ([10], [11], [12])
    assert sum(point["succeeded"] for point in points) == 1


def test_busiest_most_failing_and_slowest_workflows_come_first(
    as_alice: Client, alice: User, workspace: Tenant, published: WorkflowTemplate
) -> None:
    other = documents.create(workspace, load(hook_document("other", "Other")), by=alice)
    publish(other, by=alice)
    add_runs(published, 2)
    add_runs(other, 5)

    add_runs(published, 1, failed=True)
    add_runs(published, 1, execution_time_ms=4000)

    def tops(top: str) -> list[tuple[str, str]]:
        found = as_alice.get(home(workspace) + f"?top={top}").context["figures"].tops
        return [(one.template.name, one.value) for one in found]

    assert tops("busy") == [("Other", "5"), ("Orders", "4")]
    assert tops("failing") == [("Orders", "1 of 4")]
    assert tops("slow") == [("Orders", "1.4 s"), ("Other", "100 ms")]


def test_failures_questions_and_expired_connections_need_attention(
    as_alice: Client,
    alice: User,
    workspace: Tenant,
    published: WorkflowTemplate,
    apps: dict[str, IntegrationDefinition],
) -> None:
    UserIntegration.objects.create(
        tenant=workspace,
        user=alice,
        integration=apps["jira"],
        name="Our Jira",
        auth_type="BASIC",
        needs_reconnect=True,
    )
    add_runs(published, 2, failed=True, at=clock.now() - timedelta(hours=1))
    [asking] = add_runs(published, status="NEEDS_ATTENTION")
    ActiveRun.objects.create(execution=asking, tenant=workspace, workflow=published, state="ATTENTION")

    response = as_alice.get(home(workspace))

    concerns = response.context["attention"].concerns
    assert [(concern.title, concern.action) for concern in concerns] == [
        ("Orders", "Decide"),
        ("Our Jira", "Reconnect"),
        ("Orders", "Review"),
    ]
    assert concerns[2].text == "Failed 2 times, last 1 h ago"
    page = response.content.decode()
    assert page.index("Needs your attention") < page.index("Success rate")


def test_old_failures_and_failed_tests_need_nobody(
    as_alice: Client, workspace: Tenant, published: WorkflowTemplate
) -> None:
    add_runs(published, failed=True, at=midday(8))
    add_runs(published, failed=True, is_test=True)

    response = as_alice.get(home(workspace))

    assert response.context["attention"].concerns == []
    assert "All quiet" in response.content.decode()


def test_other_peoples_private_connections_are_theirs_to_mend(
    as_bob: Client,
    alice: User,
    workspace: Tenant,
    published: WorkflowTemplate,
    apps: dict[str, IntegrationDefinition],
) -> None:
    UserIntegration.objects.create(
        tenant=workspace,
        user=alice,
        integration=apps["jira"],
        name="Hers",
        auth_type="BASIC",
        needs_reconnect=True,
    )

    assert "Hers" not in as_bob.get(home(workspace)).content.decode()


def test_hidden_workflows_count_nowhere(
    as_bob: Client, alice: User, workspace: Tenant, published: WorkflowTemplate
) -> None:
    add_runs(published, 3, failed=True)
    WorkflowAccess.objects.create(tenant=workspace, template=published, user=alice)

    response = as_bob.get(home(workspace))

    assert value_of(response, "Runs")[0] == "0"
    assert response.context["attention"].concerns == []
    assert "Orders" not in response.content.decode()


def test_page_costs_the_same_whatever_has_run(
    as_alice: Client, alice: User, workspace: Tenant, published: WorkflowTemplate
) -> None:
    def cost() -> int:
        as_alice.get(home(workspace))
        with CaptureQueriesContext(connection) as found:
            as_alice.get(home(workspace))
        return len(found)

    add_runs(published, 1, failed=True)
    few = cost()
    for number in range(5):
        other = documents.create(workspace, load(hook_document(f"other-{number}")), by=alice)
        publish(other, by=alice)
        add_runs(other, 10)
        add_runs(other, 3, failed=True)

    assert cost() <= few <= 28


def test_side_bar_counts_workflows_and_new_failures(
    as_alice: Client, workspace: Tenant, published: WorkflowTemplate
) -> None:
    add_runs(published, 3, failed=True)

    response = as_alice.get(home(workspace))

    assert nav.workflow_count(response.wsgi_request) == 1
    assert nav.failed_count(response.wsgi_request) == 3


def test_opening_the_list_of_runs_makes_failures_old(
    as_alice: Client, workspace: Tenant, published: WorkflowTemplate
) -> None:
    add_runs(published, 3, failed=True)

    as_alice.get(reverse("workflows:run-list", args=[workspace.slug]))
    seen = nav.failed_count(as_alice.get(home(workspace)).wsgi_request)
    add_runs(published, 1, failed=True, at=clock.now() + timedelta(seconds=1))
    after = nav.failed_count(as_alice.get(home(workspace)).wsgi_request)

    assert (seen, after) == (0, 1)


def test_first_steps_follow_what_is_done_and_are_put_away_for_good(
    as_alice: Client, as_bob: Client, workspace: Tenant, published: WorkflowTemplate
) -> None:
    guide = as_alice.get(home(workspace)).context["guide"]
    as_alice.post(reverse("workflows:guide-hide", args=[workspace.slug]))

    assert [step.done for step in guide.steps] == [True, False, True, False, False]
    assert guide.next.url == reverse("workflows:workflow-build", args=[published.pk])
    assert as_alice.get(home(workspace)).context["guide"] is None
    assert as_bob.get(home(workspace)).context["guide"] is not None
