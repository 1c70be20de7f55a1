"""Ctrl K: one box that finds what the workspace has."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Tenant
from integrations.models import IntegrationAction
from workflows import gallery
from workflows.models import WorkflowVariable


def found(client: Client, workspace: Tenant, text: str) -> dict[str, list[str]]:
    answer = client.get(reverse("workflows:search", args=[workspace.slug]), {"q": text})
    return {title: [hit.title for hit in hits] for title, hits in answer.context["groups"]}


def test_a_workflow_is_found_by_words_of_its_name(as_alice, workspace, flow):
    assert found(as_alice, workspace, "ord")["Workflows"] == ["Orders"]


@pytest.mark.parametrize("text", ["#7", "7 "])
def test_a_run_is_found_by_its_number(as_alice, workspace, published, make_run, text):
    make_run(published, number=77)
    make_run(published, number=7)

    groups = found(as_alice, workspace, text if text.startswith("#") else "07")

    assert groups["Runs"] == ["Orders #7"]


def test_a_run_is_found_by_its_id(as_alice, workspace, published, make_run):
    run = make_run(published, number=8)

    assert found(as_alice, workspace, str(run.pk))["Runs"] == ["Orders #8"]


def test_apps_actions_templates_and_variables_are_found(as_alice, workspace, apps):
    gallery.sync_gallery()
    IntegrationAction.objects.create(
        integration=apps["slack"], name="send_message", display_name="Send message", input_schema={}
    )
    WorkflowVariable.objects.create(tenant=workspace, key="slack_channel", type="TEXT", value="x")

    groups = found(as_alice, workspace, "slack")

    assert groups["Apps"] == ["SLACK"]
    assert groups["What apps can do"] == ["Send message"]
    assert groups["Templates"]
    assert groups["Variables"] == ["slack_channel"]


def test_one_letter_finds_nothing_yet(as_alice, workspace, flow):
    assert found(as_alice, workspace, "o") == {}


def test_strangers_workflows_are_not_found(client, charlie, flow):
    client.force_login(charlie)
    own = charlie.memberships.get().tenant

    assert found(client, own, "orders") == {}


def test_the_box_gets_the_links_alone(as_alice, workspace, flow):
    answer = as_alice.get(
        reverse("workflows:search", args=[workspace.slug]), {"q": "orders"},
        headers={"HX-Request": "true", "HX-Target": "command-results"},
    )  # fmt: skip

    assert b"<html" not in answer.content
    assert reverse("workflows:workflow-build", args=[flow.pk]).encode() in answer.content
