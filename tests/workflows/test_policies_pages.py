"""What people and programs see of limits: answers, lists, settings, the shell."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from tests.workflows.runs.conftest import deploy, engine, make_value, start, workflow  # noqa: F401 - fixtures
from workflows.models import EngineSwitch, LiveTrigger, WorkflowExecution
from workflows.runs import policies
from workflows.runs.health import find_trouble, note_tick

FOR_LONG = [{"key": "later", "type": "delay", "config": {"hours": 1}}]


@pytest.fixture(autouse=True)
def _nothing_kept():
    policies.forget()


def test_a_webhook_says_that_a_start_was_left_out(deploy):  # noqa: F811
    data = workflow(*FOR_LONG, settings={"overlap": "skip"})
    deployment = deploy({**data, "triggers": [{"key": "in", "type": "webhook"}]})
    address = f"/hooks/{LiveTrigger.objects.get(template=deployment.template).token}"

    first, second = (Client().post(address, {}, content_type="application/json") for _ in range(2))

    assert (first.status_code, list(first.json())) == (202, ["execution"])
    assert (second.status_code, second.json()) == (202, {"status": "skipped"})


def test_a_held_run_says_what_it_waits_for(deploy, as_alice, workspace):  # noqa: F811
    deployment = deploy(workflow(*FOR_LONG, settings={"overlap": "queue"}))
    first = start(deployment)
    start(deployment)
    held = start(deployment)
    WorkflowExecution.objects.filter(pk=first).update(number=7)

    page = as_alice.get(reverse("workflows:run-detail", args=[held]))
    runs = as_alice.get(reverse("workflows:run-list", args=[workspace.slug]))
    asked = as_alice.get(page.context["live_url"])
    WorkflowExecution.objects.filter(pk=first).update(number=8)
    told = as_alice.get(page.context["live_url"])

    said = page.context["headline"]
    assert (said.title, said.links[0][0]) == ("Waiting for run #7 to end", "run #7")
    assert said.text.endswith("It begins by itself. 1 more run is in line before it.")
    assert page.context["status"] == "HELD"
    assert runs.content.count(b"Waiting for an earlier run") == 2
    # what it waits for has changed, the run itself has not
    assert (asked.status_code, told.status_code) == (204, 200)


@pytest.mark.parametrize(
    ("settings", "workspace_limit", "title"),
    [
        ({"max_parallel_runs": 1}, None, "Waiting for a run that was just started to end"),
        ({}, 1, "Waiting for room in the workspace"),
    ],
)
def test_each_limit_is_named(deploy, as_alice, workspace, settings, workspace_limit, title):  # noqa: F811
    workspace.max_parallel_runs = workspace_limit
    workspace.save()
    deployment = deploy(workflow(*FOR_LONG, settings=settings))
    start(deployment)
    held = start(deployment)

    assert as_alice.get(reverse("workflows:run-detail", args=[held])).context["headline"].title == title


def test_what_waits_while_the_server_drains_says_so(deploy, as_alice):  # noqa: F811
    run = start(deploy(workflow(make_value("a"))))
    EngineSwitch.objects.update_or_create(pk=1, defaults={"is_draining": True})

    page = as_alice.get(reverse("workflows:run-detail", args=[run]))
    runs = as_alice.get(reverse("workflows:workflow-runs", args=[page.context["run"].template_id]))

    assert page.context["headline"].title == "Nothing new begins just now"
    assert b"Nothing new begins just now" in runs.content


def test_a_workspace_gets_its_limit(as_alice, workspace):
    fields = {"name": "North", "time_zone": "UTC", "retention_days": 30, "on_failure": ""}
    url = reverse("accounts:workspace-settings", args=[workspace.slug])

    as_alice.post(url, fields | {"max_parallel_runs": "20"})
    workspace.refresh_from_db()
    limited = workspace.max_parallel_runs
    as_alice.post(url, fields | {"max_parallel_runs": ""})
    workspace.refresh_from_db()

    assert (limited, workspace.max_parallel_runs) == (20, None)
    assert as_alice.post(url, fields | {"max_parallel_runs": "0"}).status_code == 422


def test_a_limit_is_published_without_a_warning(deploy):  # noqa: F811
    assert deploy(workflow(make_value("a"), settings={"overlap": "restart"})).version.version_number == 1


def test_draining_from_the_shell(transactional_db, capsys, deploy):  # noqa: F811
    start(deploy(workflow(make_value("a"))))
    WorkflowExecution.objects.get().active.__class__.objects.update(run_at="2026-01-01T00:00:00+00:00")
    note_tick()
    slow = find_trouble()

    call_command("drain", "on")

    assert json.loads(capsys.readouterr().out) == {"draining": True, "under_way": 0, "ready": 1}
    assert (slow, find_trouble()) == (["queue"], [])
    call_command("drain", "off")
    assert not EngineSwitch.objects.get().is_draining
