"""The settings page of a workflow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from workflows.documents import load_draft, save
from workflows.engine.document import Document
from workflows.models import Folder, WorkflowTemplate


def draft_of(template: WorkflowTemplate) -> Document:
    template.refresh_from_db()
    return load_draft(template)


def url(template: WorkflowTemplate) -> str:
    return reverse("workflows:workflow-settings", args=[template.pk])


def values(client: Client, template: WorkflowTemplate, **changed: Any) -> dict[str, Any]:
    """What the form holds, with some of it changed."""
    form = client.get(url(template)).context["form"]
    return {name: form[name].value() or "" for name in form.fields} | changed


def test_everything_is_saved(as_alice: Client, flow: WorkflowTemplate) -> None:
    given = values(
        as_alice, flow,
        name="Big orders", description="Only those.", folder="Sales", tags="shop, urgent, shop",
        time_zone="Europe/Berlin", timeout_s="3600", overlap="queue", max_parallel_runs="3", keep_data="failures",
    )  # fmt: skip

    response = as_alice.post(url(flow), given, follow=True)

    assert "The settings are saved." in response.content.decode()
    flow.refresh_from_db()
    document = load_draft(flow)
    assert (flow.name, document.description) == ("Big orders", "Only those.")
    assert flow.folder is not None
    assert (flow.folder.name, flow.tags) == ("Sales", ["shop", "urgent"])
    kept = document.settings
    assert (kept.time_zone, kept.timeout_s, kept.overlap, kept.max_parallel_runs, kept.keep_data) == (
        "Europe/Berlin", 3600, "queue", 3, "failures",
    )  # fmt: skip


def test_saving_what_is_there_changes_nothing(as_alice: Client, flow: WorkflowTemplate) -> None:
    before = flow.draft_version

    as_alice.post(url(flow), values(as_alice, flow))

    flow.refresh_from_db()
    assert flow.draft_version == before


def test_folder_of_the_same_name_is_used_again(as_alice: Client, flow: WorkflowTemplate) -> None:
    Folder.objects.create(tenant=flow.tenant, name="Sales")

    as_alice.post(url(flow), values(as_alice, flow, folder=" Sales "))

    flow.refresh_from_db()
    assert Folder.objects.count() == 1
    assert flow.folder == Folder.objects.get()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("time_zone", "Mars/Olympus"),
        ("timeout_s", "0"),
        ("timeout_s", "soon"),
        ("timeout_s", "nan"),
        ("max_parallel_runs", "-1"),
        ("overlap", "sometimes"),
        ("keep_data", ""),
        ("on_failure", "nobody"),
        ("tags", "x" * 41),
        ("tags", ",".join(str(number) for number in range(31))),
    ],
)
def test_bad_value_is_refused_beside_its_field(
    as_alice: Client, flow: WorkflowTemplate, field: str, value: str
) -> None:
    response = as_alice.post(url(flow), values(as_alice, flow, **{field: value}))

    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert draft_of(flow).name == "Orders"


def test_change_of_the_same_settings_by_somebody_else_is_said_and_nothing_lost(
    as_alice: Client, bob: User, flow: WorkflowTemplate
) -> None:
    mine = values(as_alice, flow, name="Mine")
    save(flow, replace(load_draft(flow), name="Theirs"), by=bob)

    refused = as_alice.post(url(flow), mine)

    assert refused.status_code == 409
    page = refused.content.decode()
    assert "Somebody else changed these settings" in page
    assert 'value="Mine"' in page
    assert draft_of(flow).name == "Theirs"


def test_saving_again_after_the_warning_keeps_mine(
    as_alice: Client, bob: User, flow: WorkflowTemplate
) -> None:
    mine = values(as_alice, flow, name="Mine")
    save(flow, replace(load_draft(flow), name="Theirs"), by=bob)
    refused = as_alice.post(url(flow), mine)

    as_alice.post(url(flow), mine | {"base": refused.context["form"]["base"].value()})

    assert draft_of(flow).name == "Mine"


def test_steps_that_changed_meanwhile_are_no_conflict(
    as_alice: Client, bob: User, flow: WorkflowTemplate
) -> None:
    mine = values(as_alice, flow, name="Mine")
    document = load_draft(flow)
    save(flow, replace(document, steps=(replace(document.steps[0], name="Renamed"),)), by=bob)

    response = as_alice.post(url(flow), mine)

    assert response.status_code == 302
    saved = draft_of(flow)
    assert (saved.name, saved.steps[0].name) == ("Mine", "Renamed")


def test_strangers_find_nothing(as_charlie: Client, flow: WorkflowTemplate) -> None:
    assert as_charlie.get(url(flow)).status_code == 404
    assert as_charlie.post(url(flow), {"name": "Mine"}).status_code == 404
