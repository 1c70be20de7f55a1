"""The template library: finding, looking, and making a workflow of a template."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Tenant, User
from integrations.models import IntegrationDefinition, UserIntegration
from tests.factories import add_member, make_user
from workflows import gallery
from workflows.models import Sample, WorkflowTemplate, WorkflowTemplateLibrary

pytestmark = pytest.mark.usefixtures("offered")


@pytest.fixture
def offered(apps: dict[str, IntegrationDefinition]) -> None:
    gallery.sync_gallery()


def url(name: str, workspace: Tenant, *args: str) -> str:
    return reverse(f"workflows:template-{name}", args=[workspace.slug, *args])


def connect(workspace: Tenant, user: User, slug: str, **fields: object) -> UserIntegration:
    definition = IntegrationDefinition.objects.get(name=slug)
    return UserIntegration.objects.create(
        tenant=workspace, user=user, integration=definition, name=f"My {slug}", auth_type="BASIC", **fields
    )


def slugs(client: Client, address: str) -> list[str]:
    return [card.entry.slug for card in client.get(address).context["cards"]]


def test_library_shows_every_template_featured_ones_first(as_alice: Client, workspace: Tenant) -> None:
    found = slugs(as_alice, url("list", workspace))

    assert len(found) == len(gallery.shipped())
    assert found[0] == "api-endpoint"


@pytest.mark.parametrize(
    ("query", "some", "none"),
    [
        ("?q=slack", "lead-to-slack", "api-endpoint"),
        ("?q=github+error", "error-to-github", "lead-to-slack"),
        ("?cat=sales", "order-by-value", "api-endpoint"),
        ("?cat=featured", "api-endpoint", "daily-sql-report"),
        ("?cat=no-account", "uptime-check", "daily-sql-report"),
        ("?mine=1", "uptime-check", "lead-to-slack"),
        ("?cat=workspace", None, "api-endpoint"),
    ],
)
def test_library_is_narrowed(
    as_alice: Client, workspace: Tenant, query: str, some: str | None, none: str
) -> None:
    page = as_alice.get(url("list", workspace) + query)
    found = [card.entry.slug for card in page.context["cards"]]
    chosen = next(chip for chip in page.context["chips"] if chip["active"])

    assert (some in found) if some else not found
    assert chosen["count"] == len(found)
    assert none not in found


def test_only_apps_i_have_connected_counts_working_connections(
    as_alice: Client, alice: User, workspace: Tenant
) -> None:
    connect(workspace, alice, "slack")
    connect(workspace, alice, "github", needs_reconnect=True)

    found = slugs(as_alice, url("list", workspace) + "?mine=1")

    assert "lead-to-slack" in found
    assert "error-to-github" not in found


def test_nothing_found_offers_the_way_back(as_alice: Client, workspace: Tenant) -> None:
    page = as_alice.get(url("list", workspace) + "?q=zzzz").content.decode()

    assert "No template matches" in page


def test_library_costs_the_same_for_more_templates(as_alice: Client, workspace: Tenant) -> None:
    def cost() -> int:
        as_alice.get(url("list", workspace))
        with CaptureQueriesContext(connection) as found:
            as_alice.get(url("list", workspace))
        return len(found)

    all_of_them = cost()
    WorkflowTemplateLibrary.objects.exclude(slug__in=["api-endpoint", "lead-to-slack"]).delete()

    assert cost() == all_of_them


def test_detail_shows_the_steps_and_what_it_needs(as_alice: Client, alice: User, workspace: Tenant) -> None:
    connect(workspace, alice, "smtp")

    page = as_alice.get(url("detail", workspace, "daily-sql-report")).content.decode()

    assert "Ask the database" in page
    assert "Is there anything to report?" in page
    assert "Connected" in page
    assert "not connected yet" in page
    assert "Add a step" not in page


def test_templates_have_pages(as_alice: Client, workspace: Tenant) -> None:
    for slug in ("api-endpoint", "welcome-mails"):
        assert as_alice.get(url("detail", workspace, slug)).status_code == 200
        assert as_alice.get(url("use", workspace, slug)).status_code == 200


def test_unknown_template_is_not_found(as_alice: Client, workspace: Tenant) -> None:
    assert as_alice.get(url("detail", workspace, "nothing")).status_code == 404
    assert as_alice.post(url("use", workspace, "nothing")).status_code == 404


def test_one_click_makes_a_template_without_account_ready(as_alice: Client, workspace: Tenant) -> None:
    response = as_alice.post(url("use", workspace, "api-endpoint"))

    made = WorkflowTemplate.objects.get()
    assert response.headers["Location"] == reverse("workflows:workflow-build", args=[made.pk])
    sample: Any = Sample.objects.get(template=made).data
    assert sample["body"] == {"net": 250, "country": "DE"}
    assert sample["path"] == f"/hooks/{made.live_triggers.get().token}"
    assert WorkflowTemplateLibrary.objects.get(slug="api-endpoint").uses == 1


def test_using_it_twice_makes_two_workflows(as_alice: Client, workspace: Tenant) -> None:
    for _ in range(2):
        as_alice.post(url("use", workspace, "api-endpoint"))

    assert sorted(WorkflowTemplate.objects.values_list("template_id", flat=True)) == [
        "price-with-tax",
        "price-with-tax-2",
    ]


def test_set_up_offers_the_connections_that_fit(as_alice: Client, alice: User, workspace: Tenant) -> None:
    mine = connect(workspace, alice, "slack")
    connect(workspace, alice, "github")

    response = as_alice.get(url("use", workspace, "lead-to-slack"))

    [slot] = response.context["slots"]
    assert slot.connections == [mine]
    assert slot.chosen == str(mine.pk)
    connect_url = reverse("integrations:connection-new", args=[workspace.slug, "slack"])
    assert slot.connect_url.startswith(f"{connect_url}?next=")


def test_connection_made_just_now_is_chosen(as_alice: Client, alice: User, workspace: Tenant) -> None:
    first = connect(workspace, alice, "slack")
    connect(workspace, alice, "slack")

    response = as_alice.get(
        url("use", workspace, "lead-to-slack") + f"?connection={first.pk}&slot=sales_slack"
    )

    assert response.context["slots"][0].chosen == str(first.pk)


def test_chosen_connection_sits_in_its_slot(as_alice: Client, alice: User, workspace: Tenant) -> None:
    mine = connect(workspace, alice, "slack")

    as_alice.post(url("use", workspace, "lead-to-slack"), {"slot-sales_slack": str(mine.pk)})

    assert WorkflowTemplate.objects.get().slots.get().user_integration == mine


@pytest.mark.parametrize("chosen", ["later", "", "nonsense"])
def test_connection_can_wait(as_alice: Client, workspace: Tenant, chosen: str) -> None:
    response = as_alice.post(url("use", workspace, "lead-to-slack"), {"slot-sales_slack": chosen})

    assert response.status_code == 302
    assert WorkflowTemplate.objects.get().slots.get().user_integration is None


def test_private_connection_of_somebody_else_is_never_bound(
    as_bob: Client, alice: User, workspace: Tenant
) -> None:
    hers = connect(workspace, alice, "slack")

    page = as_bob.get(url("use", workspace, "lead-to-slack")).content.decode()
    as_bob.post(url("use", workspace, "lead-to-slack"), {"slot-sales_slack": str(hers.pk)})

    assert str(hers.pk) not in page
    assert WorkflowTemplate.objects.get().slots.get().user_integration is None


def test_strangers_and_viewers_make_nothing(as_charlie: Client, workspace: Tenant) -> None:
    viewer = make_user()
    add_member(workspace, viewer, "viewer")
    as_viewer = Client()
    as_viewer.force_login(viewer)

    assert as_charlie.get(url("list", workspace)).status_code == 404
    assert as_charlie.post(url("use", workspace, "api-endpoint")).status_code == 404
    assert as_viewer.get(url("list", workspace)).status_code == 200
    assert as_viewer.post(url("use", workspace, "api-endpoint")).status_code == 403
    assert not WorkflowTemplate.objects.exists()


def test_template_of_another_workspace_is_not_offered(
    as_alice: Client, charlie: User, workspace: Tenant
) -> None:
    theirs = charlie.tenants.get()
    entry = WorkflowTemplateLibrary.objects.get(slug="api-endpoint")
    WorkflowTemplateLibrary.objects.create(
        tenant=theirs, slug="secret-plan", name="Secret plan", template_data=entry.template_data
    )

    assert "secret-plan" not in slugs(as_alice, url("list", workspace))
    assert as_alice.get(url("detail", workspace, "secret-plan")).status_code == 404
