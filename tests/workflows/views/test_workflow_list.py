"""The list of workflows and what its rows offer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Tenant, User
from tests.factories import add_member, make_user
from tests.workflows.views.conftest import add_runs, hook_document
from workflows import documents, keeping
from workflows.engine.document import load
from workflows.models import LiveTrigger, WorkflowAccess, WorkflowExecution, WorkflowTemplate
from workflows.publishing import pause, publish

HTMX = {"HX-Request": "true"}


def list_url(workspace: Tenant) -> str:
    return reverse("workflows:workflow-list", args=[workspace.slug])


def deed(name: str, template: WorkflowTemplate) -> str:
    return reverse(f"workflows:workflow-{name}", args=[template.pk])


def text_of(client: Client, url: str, **more: Any) -> str:
    response = client.get(url, **more)
    assert response.status_code == 200
    return response.content.decode()


def test_list_shows_each_workflow_with_its_last_run(
    as_alice: Client, workspace: Tenant, published: WorkflowTemplate
) -> None:
    add_runs(published, 3, failed=True)

    page = text_of(as_alice, list_url(workspace))

    assert "Orders" in page
    assert "Failed" in page
    assert "3 runs, 3 failed, in 14 days" in page


def test_strangers_see_nothing(as_charlie: Client, workspace: Tenant, flow: WorkflowTemplate) -> None:
    assert as_charlie.get(list_url(workspace)).status_code == 404
    assert as_charlie.get(deed("settings", flow)).status_code == 404
    assert as_charlie.get(deed("export", flow)).status_code == 404
    assert as_charlie.post(deed("delete", flow)).status_code == 404
    assert WorkflowTemplate.objects.filter(pk=flow.pk).exists()


def test_viewer_may_look_but_not_touch(workspace: Tenant, published: WorkflowTemplate) -> None:
    viewer = make_user()
    add_member(workspace, viewer, "viewer")
    client = Client()
    client.force_login(viewer)

    page = text_of(client, list_url(workspace))

    assert "Orders" in page
    assert deed("delete", published) not in page
    for name in ("pause", "archive", "duplicate", "delete"):
        assert client.post(deed(name, published)).status_code == 403


def test_workflow_shared_with_others_only_is_not_listed(
    as_bob: Client, bob: User, alice: User, workspace: Tenant, flow: WorkflowTemplate
) -> None:
    WorkflowAccess.objects.create(tenant=workspace, template=flow, user=alice)

    assert "Orders" not in text_of(as_bob, list_url(workspace))


def test_chips_count_the_states(
    as_alice: Client, alice: User, workspace: Tenant, published: WorkflowTemplate
) -> None:
    add_runs(published, failed=True)
    documents.create(workspace, load(hook_document("second", "Second")), by=alice)
    gone = documents.create(workspace, load(hook_document("third", "Third")), by=alice)
    keeping.archive(gone, by=alice)

    response = as_alice.get(list_url(workspace))

    counts = {chip["label"]: chip["count"] for chip in response.context["chips"]}
    assert counts == {"All": 2, "Active": 1, "Failing": 1, "Drafts": 1, "Archived": 1}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?q=second", ["Second"]),
        ("?state=active", ["Orders"]),
        ("?state=drafts", ["Second"]),
        ("?state=archived", []),
        ("?app=slack", ["Second"]),
        ("?app=github", []),
        ("?state=nonsense&page=999", ["Orders", "Second"]),
        ("?page=x", ["Orders", "Second"]),
    ],
)
def test_list_is_narrowed(
    as_alice: Client,
    alice: User,
    workspace: Tenant,
    published: WorkflowTemplate,
    query: str,
    names: list[str],
) -> None:
    slack = {
        "key": "post",
        "type": "action",
        "integration": "slack",
        "action": "send_message",
        "connection": "s",
    }
    second = hook_document(
        "second", "Second", connections={"s": {"integration": "slack"}}, start="post", steps=[slack]
    )
    documents.create(workspace, load(second), by=alice)

    response = as_alice.get(list_url(workspace) + query)

    assert sorted(row.template.name for row in response.context["rows"]) == names


def test_htmx_gets_the_region_alone_and_a_clean_address(
    as_alice: Client, workspace: Tenant, flow: WorkflowTemplate
) -> None:
    response = as_alice.get(
        list_url(workspace) + "?q=ord&state=&app=", headers={"HX-Request": "true", "HX-Target": "flows"}
    )

    assert response.content.decode().lstrip().startswith('<section class="list-region"')
    assert response.headers["HX-Push-Url"] == list_url(workspace) + "?q=ord"
    assert "HX-Target" in response.headers["Vary"]


def test_twenty_rows_cost_no_more_queries_than_ten(as_alice: Client, alice: User, workspace: Tenant) -> None:
    def cost_of(rows: range) -> int:
        for number in rows:
            made = documents.create(workspace, load(hook_document(f"flow-{number}")), by=alice)
            publish(made, by=alice)
            add_runs(made, 3)
        text_of(as_alice, list_url(workspace))
        with CaptureQueriesContext(connection) as found:
            text_of(as_alice, list_url(workspace))
        return len(found)

    ten = cost_of(range(10))

    assert cost_of(range(10, 20)) <= ten <= 17


def test_switch_pauses_and_offers_the_way_back(as_alice: Client, published: WorkflowTemplate) -> None:
    response = as_alice.post(deed("pause", published), headers=HTMX)

    assert response.status_code == 204
    said = json.loads(response.headers["HX-Trigger"])
    assert said["toast"] == {"text": "Orders is paused.", "tone": "ok", "undo": deed("activate", published)}
    assert said["flows-changed"] is True
    assert not WorkflowTemplate.objects.get(pk=published.pk).is_active


def test_undo_activates_again(as_alice: Client, alice: User, published: WorkflowTemplate) -> None:
    pause(published, alice)

    as_alice.post(deed("activate", published), headers=HTMX)

    assert WorkflowTemplate.objects.get(pk=published.pk).is_active


def test_activating_what_was_never_published_says_what_to_do(
    as_alice: Client, flow: WorkflowTemplate
) -> None:
    response = as_alice.post(deed("activate", flow), headers=HTMX)

    assert response.status_code == 409
    assert "Publish it first" in json.loads(response.headers["HX-Trigger"])["toast"]["text"]


def test_deeds_work_without_htmx_and_lead_back(
    as_alice: Client, workspace: Tenant, published: WorkflowTemplate
) -> None:
    here = list_url(workspace) + "?state=active"

    response = as_alice.post(deed("pause", published), {"next": here}, follow=True)

    assert response.redirect_chain == [(here, 302)]
    assert "Orders is paused." in response.content.decode()


def test_next_never_leads_elsewhere(as_alice: Client, workspace: Tenant, published: WorkflowTemplate) -> None:
    for evil in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
        response = as_alice.post(deed("pause", published), {"next": evil})
        assert response.headers["Location"] == list_url(workspace)


def test_archiving_stops_it_and_bringing_back_lets_it_run_again(
    as_alice: Client, published: WorkflowTemplate
) -> None:
    as_alice.post(deed("archive", published), headers=HTMX)

    away = WorkflowTemplate.objects.get(pk=published.pk)
    assert (away.status, away.is_active) == ("ARCHIVED", False)

    as_alice.post(deed("bring-back", published), headers=HTMX)

    back = WorkflowTemplate.objects.get(pk=published.pk)
    assert (back.status, back.is_active) == ("PUBLISHED", True)


def test_paused_workflow_is_still_paused_when_it_comes_back(
    as_alice: Client, alice: User, published: WorkflowTemplate
) -> None:
    pause(published, alice)

    as_alice.post(deed("archive", published))
    as_alice.post(deed("bring-back", published))

    assert not WorkflowTemplate.objects.get(pk=published.pk).is_active


def test_copy_is_a_draft_of_its_own(as_alice: Client, published: WorkflowTemplate) -> None:
    as_alice.post(deed("duplicate", published), headers=HTMX)

    made = WorkflowTemplate.objects.exclude(pk=published.pk).get()
    assert (made.name, made.template_id, made.status) == ("Orders (copy)", "orders-2", "DRAFT")
    assert documents.load_draft(made).steps == documents.load_draft(published).steps


@pytest.mark.parametrize(("form", "start"), [("yaml", "format: automate/1"), ("json", '{\n  "format"')])
def test_export_gives_the_draft_as_a_file(
    as_alice: Client, flow: WorkflowTemplate, form: str, start: str
) -> None:
    response = as_alice.get(deed("export", flow) + f"?as={form}")

    text = response.content.decode()
    assert text.startswith(start)
    assert load(text) == documents.load_draft(flow)
    assert response.headers["Content-Disposition"] == f'attachment; filename="orders.{form}"'


def test_question_before_deleting_lists_what_goes(as_alice: Client, published: WorkflowTemplate) -> None:
    add_runs(published, 2)

    page = text_of(as_alice, deed("delete", published))

    assert "2 runs" in page
    assert "1 version" in page
    assert "1 webhook address" in page


def test_deleting_takes_runs_and_address_along(
    as_alice: Client, alice: User, workspace: Tenant, published: WorkflowTemplate
) -> None:
    add_runs(published, 3)
    other = documents.create(workspace, load(hook_document("other")), by=alice)
    publish(other, by=alice)
    add_runs(other)

    response = as_alice.post(deed("delete", published), headers=HTMX)

    assert response.status_code == 204
    assert not WorkflowTemplate.objects.filter(pk=published.pk).exists()
    assert [run.template_id for run in WorkflowExecution.objects.all()] == [other.pk]
    assert [live.template_id for live in LiveTrigger.objects.all()] == [other.pk]


def test_deleting_from_its_own_page_leads_to_the_list(
    as_alice: Client, workspace: Tenant, flow: WorkflowTemplate
) -> None:
    response = as_alice.post(deed("delete", flow), {"leave": "1"})

    assert response.headers["Location"] == list_url(workspace)


def listed(client: Client, workspace: Tenant, **query: str) -> list[str]:
    return [row.template.name for row in client.get(list_url(workspace), query).context["rows"]]


def other(alice: User, workspace: Tenant) -> WorkflowTemplate:
    return documents.create(workspace, load(hook_document("other", "Other")), by=alice)


def test_a_star_is_one_s_own_and_puts_a_workflow_first(as_alice, client, alice, bob, workspace, published):
    other(alice, workspace)
    as_alice.post(reverse("workflows:workflow-star", args=[published.pk]))

    mine = listed(as_alice, workspace)
    client.force_login(bob)

    assert mine[0] == "Orders"
    assert listed(as_alice, workspace, whose="starred") == ["Orders"]
    assert listed(client, workspace, whose="starred") == []
    assert "Other" in mine


def test_a_second_press_takes_the_star_away(as_alice, workspace, published):
    for _ in range(2):
        as_alice.post(reverse("workflows:workflow-star", args=[published.pk]))

    assert listed(as_alice, workspace, whose="starred") == []


def test_folder_and_tag_narrow_the_list(as_alice, alice, workspace, published):
    other(alice, workspace)
    keeping.file_under(published, folder="Sales", tags=["eu", "daily"])

    assert listed(as_alice, workspace, folder="Sales") == ["Orders"]
    assert listed(as_alice, workspace, tag="eu") == ["Orders"]
    assert listed(as_alice, workspace, tag="e") == []
    assert listed(as_alice, workspace, whose="mine") == ["Other", "Orders"]


def test_cards_are_remembered_once_chosen(as_alice, workspace, published):
    address = reverse("workflows:workflow-list", args=[workspace.slug])
    as_alice.get(address, {"look": "grid"})

    assert b"flow-card" in as_alice.get(address).content
    assert b"flow-card" not in as_alice.get(address, {"look": "list"}).content
