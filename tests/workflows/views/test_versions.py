"""The versions of a workflow: listed, read, compared, brought back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Tenant, User
from tests.factories import add_member, make_user
from tests.workflows.views.conftest import hook_document
from workflows import documents
from workflows.documents import load_draft, save
from workflows.engine.document import load
from workflows.models import LiveTrigger, WorkflowTemplate
from workflows.publishing import publish, published_document
from workflows.views.version_compare import diff


@pytest.fixture
def twice(published: WorkflowTemplate, alice: User) -> WorkflowTemplate:
    """Version 2 has another description, the draft a third one."""
    change(published, alice, "Second")
    publish(published, by=alice, note="Better words")
    change(published, alice, "Third")
    return published


def change(template: WorkflowTemplate, by: User, description: str) -> None:
    save(template, replace(load_draft(template), description=description), by=by)


def url(name: str, template: WorkflowTemplate, *args: int) -> str:
    return reverse(f"workflows:{name}", args=[template.pk, *args])


def test_versions_are_listed_newest_first_with_what_changed(
    as_alice: Client, twice: WorkflowTemplate
) -> None:
    response = as_alice.get(url("workflow-versions", twice))

    rows = response.context["rows"]
    assert [(row.version.version_number, row.is_live, row.changes) for row in rows] == [
        (2, True, ["Changed the description."]),
        (1, False, ["First version, with 1 step."]),
    ]
    page = response.content.decode()
    assert "Better words" in page
    assert "Alice Adams" in page
    assert "The draft has changes that are not published" in page


def test_workflow_that_was_never_published_says_what_versions_are(
    as_alice: Client, flow: WorkflowTemplate
) -> None:
    page = as_alice.get(url("workflow-versions", flow)).content.decode()

    assert "Nothing is published yet" in page


def test_strangers_see_no_version(as_charlie: Client, twice: WorkflowTemplate) -> None:
    for address in (
        url("workflow-versions", twice),
        url("version-detail", twice, 1),
        url("version-compare", twice) + "?from=1&to=2",
        url("version-roll-back", twice, 1),
    ):
        assert as_charlie.get(address).status_code == 404


def test_document_of_a_version_is_shown_and_downloaded(as_alice: Client, twice: WorkflowTemplate) -> None:
    page = as_alice.get(url("version-detail", twice, 2)).content.decode()
    file = as_alice.get(url("version-detail", twice, 2) + "?as=yaml")

    assert "description: Second" in page
    assert load(file.content) == published_document(twice)
    assert 'filename="orders-v2.yaml"' in file.headers["Content-Disposition"]


@pytest.mark.parametrize("number", [0, 3, 99999999999])
def test_version_that_is_not_there_is_not_found(
    as_alice: Client, twice: WorkflowTemplate, number: int
) -> None:
    assert as_alice.get(url("version-detail", twice, number)).status_code in (404,)


def test_two_versions_are_compared_line_by_line(as_alice: Client, twice: WorkflowTemplate) -> None:
    response = as_alice.get(url("version-compare", twice) + "?from=2&to=draft&show=text")

    changed = [
        (line["kind"], line["text"])
        for line in response.context["lines"]
        if line["kind"] in ("added", "removed")
    ]
    assert changed == [("removed", "description: Second"), ("added", "description: Third")]
    assert response.context["changes"] == ["Changed the description."]


@pytest.mark.parametrize(
    "query", ["", "?from=x&to=2", "?from=1&to=9", "?from=-1", "?from=%00", "?from=²&to=1"]
)
def test_comparing_what_is_not_there_is_not_found(
    as_alice: Client, twice: WorkflowTemplate, query: str
) -> None:
    assert as_alice.get(url("version-compare", twice) + query).status_code == 404


def test_same_text_has_no_difference() -> None:
    assert diff("a\nb", "a\nb") == []


def test_lines_that_look_like_signs_are_told_apart() -> None:
    lines = diff("- a\n", "-- b\n++ c\n")

    assert [(line["kind"], line["text"]) for line in lines] == [
        ("gap", "…"),
        ("removed", "- a"),
        ("added", "-- b"),
        ("added", "++ c"),
    ]


def test_question_before_rolling_back_says_what_changes(as_alice: Client, twice: WorkflowTemplate) -> None:
    response = as_alice.get(url("version-roll-back", twice, 1))

    assert response.context["changes"] == ["Changed the description."]


def test_rolling_back_publishes_the_old_one_anew_and_keeps_draft_and_address(
    as_alice: Client, twice: WorkflowTemplate
) -> None:
    token = LiveTrigger.objects.get(template=twice).token

    response = as_alice.post(url("version-roll-back", twice, 1), follow=True)

    assert "Version 1 runs again, as version 3." in response.content.decode()
    live = published_document(twice)
    assert live is not None
    assert live.description == ""
    assert load_draft(twice).description == "Third"
    assert LiveTrigger.objects.get(template=twice).token == token


def test_version_that_cannot_run_any_more_says_why(as_alice: Client, alice: User, workspace: Tenant) -> None:
    sub = {"key": "call_it", "type": "sub_workflow", "workflow": "helper"}
    helper = documents.create(
        workspace, load(hook_document("helper", triggers=[{"key": "w", "type": "workflow"}])), by=alice
    )
    publish(helper, by=alice)
    caller = documents.create(
        workspace, load(hook_document("caller", start="call_it", steps=[sub])), by=alice
    )
    publish(caller, by=alice)
    save(caller, replace(load(hook_document("caller")), key=caller.template_id), by=alice)
    publish(caller, by=alice)
    helper.deployments.all().delete()
    helper.delete()

    response = as_alice.post(url("version-roll-back", caller, 1))

    assert response.status_code == 409
    assert "helper" in response.content.decode()
    assert caller.versions.numbered().count() == 2


def test_operator_reads_versions_but_rolls_nothing_back(workspace: Tenant, twice: WorkflowTemplate) -> None:
    operator = make_user()
    add_member(workspace, operator, "operator")
    client = Client()
    client.force_login(operator)

    assert "Roll back" not in client.get(url("workflow-versions", twice)).content.decode()
    assert client.post(url("version-roll-back", twice, 1)).status_code == 403
    assert twice.versions.numbered().count() == 2


def test_two_versions_are_shown_as_one_picture(
    as_alice: Client, twice: WorkflowTemplate, alice: User
) -> None:
    draft = load_draft(twice)
    renamed = replace(draft.steps[0], name="<b>Other</b>")
    save(twice, replace(draft, steps=(renamed, *draft.steps[1:])), by=alice)

    page = as_alice.get(url("version-compare", twice) + "?from=1&to=draft").content.decode()

    assert 'class="node' in page
    assert "is-changed" in page
    assert "&lt;b&gt;" in page.replace("<ins>", "").replace("</ins>", "")
    assert "<b>Other" not in page


def test_restoring_is_one_change_of_the_draft_that_can_be_undone(
    as_alice: Client, alice: User, twice: WorkflowTemplate
) -> None:
    live = published_document(twice)

    response = as_alice.post(url("version-restore", twice, 1), follow=True)

    twice.refresh_from_db()
    assert "The draft is version 1 again." in response.content.decode()
    assert load_draft(twice).description == ""
    assert published_document(twice) == live
    assert documents.undo(twice, by=alice) == "Restored version 1"
    assert load_draft(twice).description == "Third"


def test_deprecated_version_is_not_offered_and_asks_once_more(
    as_alice: Client, twice: WorkflowTemplate
) -> None:
    as_alice.post(url("version-deprecate", twice, 1), {"note": "Sends twice."})
    page = as_alice.get(url("workflow-versions", twice)).content.decode()
    row = page.partition('id="version-1"')[2].partition("</article>")[0]

    refused = as_alice.post(url("version-roll-back", twice, 1))
    done = as_alice.post(url("version-roll-back", twice, 1), {"anyway": "1"}, follow=True)

    assert "Sends twice." in row
    assert "Roll back anyway" in row
    assert ">Roll back<" not in row
    assert refused.status_code == 422
    assert twice.versions.numbered().count() == 3
    assert "Roll-back to v1" in done.content.decode()
    as_alice.post(url("version-deprecate", twice, 1), {"do": "reinstate"})
    assert twice.versions.get(version_number=1).deprecated_at is None
