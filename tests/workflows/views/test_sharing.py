"""Setting a template up by what it asks, and publishing a workflow of one's own to the workspace's library."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_httpserver import HTTPServer

from accounts.models import Tenant, User
from integrations.connections import forget_everything
from integrations.manifest import shipped
from integrations.sync import write_definition
from tests.factories import add_member, make_user
from tests.workflows.triggers.test_subscriptions import connect
from workflows import documents, gallery
from workflows.engine.document import load
from workflows.models import WorkflowTemplate, WorkflowTemplateLibrary

OWN: dict[str, Any] = {
    "format": "automate/1", "key": "own", "name": "Own one", "description": "Does it.",
    "triggers": [{"key": "daily", "type": "schedule", "config": {"cron": "30 7 * * 1-5"}}], "start": "place",
    "steps": [{"key": "place", "name": "Where", "type": "transform", "config": {"set": {"channel": "#ops", "limit": 3}}}],
}  # fmt: skip


@pytest.fixture
def slack(db: None, alice: User, workspace: Tenant, httpserver: HTTPServer, settings: Any) -> str:
    """The id of a connection to a stand-in of Slack."""
    definition = write_definition(shipped("slack"), digest="slack")
    forget_everything()
    settings.AUTOMATE_CONNECTOR_BASE_URLS = {"slack": httpserver.url_for("").rstrip("/")}
    httpserver.expect_request("/conversations.list").respond_with_json(
        {"ok": True, "channels": [{"id": "C42", "name": "general"}]}
    )
    return str(connect(workspace, alice, definition, values={"token": "xoxb-1-2-abcdefgh"}).pk)


def row(slug: str) -> WorkflowTemplateLibrary:
    entry = next(one for one in gallery.shipped() if one.slug == slug)
    return WorkflowTemplateLibrary.objects.create(slug=slug, **gallery.columns(entry))


def url(name: str, workspace: Tenant, *args: str) -> str:
    return reverse(f"workflows:template-{name}", args=[workspace.slug, *args])


def test_set_up_asks_offers_choices_and_makes_a_workflow_to_try(
    as_alice: Client, workspace: Tenant, slack: str
) -> None:
    row("open-tickets-to-slack")
    use = url("use", workspace, "open-tickets-to-slack")
    slots = {"slot-jira": "later", "slot-team_slack": slack}

    asked = as_alice.get(use)
    without = as_alice.post(use, {"slot-team_slack": "later", "_do": "options:0"})
    listed = as_alice.post(use, {**slots, "_do": "options:0", "ask-2": "project = OPS"})
    wrong = as_alice.post(use, {**slots, "ask-0": "", "ask-1.days": "* * *", "ask-1.time": "9"})
    made = as_alice.post(
        use, {**slots, "ask-0": "C42", "ask-1.days": "* * *", "ask-1.time": "09:15", "ask-2": "x"}
    )

    assert asked.context["questions"][0].text == "#support"
    assert (asked.context["questions"][1].times.days, asked.context["questions"][1].times.time) == (
        "* * 1-5",
        "08:30",
    )
    assert "Choose a connection above first." in without.content.decode()
    assert '<option value="C42"' in listed.content.decode()
    assert "project = OPS" in listed.content.decode()
    assert wrong.status_code == 422
    assert [one.error for one in wrong.context["questions"]][:2] == [
        "Fill this in.", "Give the time as hours and minutes, such as 07:30."
    ]  # fmt: skip
    workflow = WorkflowTemplate.objects.get()
    assert made.headers["Location"] == reverse(
        "workflows:workflow-build", args=[workflow.pk]
    )  # Jira is still open
    draft = documents.load_draft(workflow)
    assert draft.triggers[0].config["cron"] == "15 9 * * *"
    assert next(step for step in draft.steps if step.key == "post").input["channel"] == "C42"


def test_everything_set_up_opens_the_test_run(as_alice: Client, workspace: Tenant, slack: str) -> None:
    row("lead-to-slack")

    made = as_alice.post(
        url("use", workspace, "lead-to-slack"), {"slot-sales_slack": slack, "ask-0": "#leads"}
    )
    page = as_alice.get(made.headers["Location"])

    workflow = WorkflowTemplate.objects.get()
    assert (
        reverse("workflows:builder-test-run", args=[workflow.pk]) + '"\n         hx-trigger="load"'
        in page.content.decode()
    )


@pytest.mark.parametrize(
    ("slug", "answers", "error"),
    [
        ("uptime-check", {"ask-0": "shop.example"}, "Give the whole address, beginning with https://."),
        ("failures-by-mail", {"ask-0": "nobody"}, "“nobody” is not an e-mail address."),
        ("failures-by-mail", {}, "Fill this in."),
        ("wait-for-payment", {"ask-0": "never"}, "is not one of the choices"),
        ("welcome-mails", {"ask-0": "soon"}, "is not a number"),
        ("welcome-mails", {"ask-0": "-3"}, "must be a number from 0"),
    ],
)
def test_answer_that_does_not_fit_is_refused_in_words(
    as_alice: Client, workspace: Tenant, slug: str, answers: dict[str, str], error: str
) -> None:
    row(slug)

    answer = as_alice.post(url("use", workspace, slug), answers)

    assert answer.status_code == 422
    assert error in answer.content.decode()
    assert not WorkflowTemplate.objects.exists()


def test_member_publishes_and_another_one_uses_it(
    as_alice: Client, bob: User, as_bob: Client, alice: User, workspace: Tenant
) -> None:
    own = documents.create(workspace, load(OWN), by=alice)
    publish = url("publish", workspace)

    chooser = as_alice.get(publish).content.decode()
    form = as_alice.get(f"{publish}?workflow={own.pk}")
    given = {"workflow": str(own.pk), "name": "Daily thing", "description": "One line.", "category": "My Team",
             "ask-1": "on", "label-1": "Which channel?"}  # fmt: skip
    refused = as_alice.post(publish, {**given, "description": ""})
    done = as_alice.post(publish, given)
    listed = as_bob.get(url("list", workspace) + "?cat=workspace")
    use = url("use", workspace, "daily-thing")
    asked = as_bob.get(use)
    as_bob.post(use, {"ask-0": "#bobs"})

    assert f"?workflow={own.pk}" in chooser
    assert f"{publish}?workflow={own.pk}" in as_alice.get(f"/w/{workspace.slug}/workflows/").content.decode()
    assert [one.question.spec.label for one in form.context["candidates"]] == ["When", "Channel", "Limit"]
    assert refused.status_code == 422
    assert done.headers["Location"] == url("detail", workspace, "daily-thing")
    assert [(card.entry.slug, card.entry.category) for card in listed.context["cards"]] == [
        ("daily-thing", "my_team")
    ]
    assert [(one.spec.label, one.text) for one in asked.context["questions"]] == [("Which channel?", "#ops")]
    made = WorkflowTemplate.objects.exclude(pk=own.pk).get()
    assert made.created_by == bob
    assert documents.load_draft(made).steps[0].config["set"] == {"channel": "#bobs", "limit": 3}
    page = as_alice.get(url("detail", workspace, "daily-thing")).content.decode()
    assert "Take out of the library" in page
    as_alice.post(url("withdraw", workspace, "daily-thing"))
    assert not WorkflowTemplateLibrary.objects.filter(tenant=workspace).exists()


def test_nobody_publishes_what_is_not_theirs(
    as_alice: Client, as_charlie: Client, charlie: User, alice: User, workspace: Tenant
) -> None:
    theirs = documents.create(charlie.tenants.get(), load(OWN), by=charlie)
    own = documents.create(workspace, load(OWN), by=alice)
    viewer = make_user()
    add_member(workspace, viewer, "viewer")
    as_viewer = Client()
    as_viewer.force_login(viewer)
    row("api-endpoint")
    publish = url("publish", workspace)
    form = {"name": "X", "description": "x"}

    assert as_alice.post(publish, {**form, "workflow": str(theirs.pk)}).status_code == 404
    assert as_alice.post(publish, {**form, "workflow": "nonsense"}).status_code == 404
    add_member(theirs.tenant, alice, "editor")  # hers too, but not by the address of this workspace
    assert as_alice.post(publish, {**form, "workflow": str(theirs.pk)}).status_code == 404
    assert as_viewer.post(publish, {**form, "workflow": str(own.pk)}).status_code == 403
    assert as_charlie.post(publish, {**form, "workflow": str(own.pk)}).status_code == 404
    assert as_alice.post(url("withdraw", workspace, "api-endpoint")).status_code == 404
    assert not WorkflowTemplateLibrary.objects.exclude(tenant=None).exists()
