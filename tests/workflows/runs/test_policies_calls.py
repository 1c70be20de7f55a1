"""Calls that must not come too often, and workflows that call themselves."""

from __future__ import annotations

import pytest
from django.test import Client

from automate.lib.ids import uuid7
from integrations.connections import create_connection
from integrations.connections.clients import own_urls, runner
from integrations.models import IntegrationDefinition
from tests.workflows.runs.conftest import call, let_time_pass, make_value, start_and_drain, workflow
from workflows import documents
from workflows.engine.document import load
from workflows.models import ActiveRun, Deployment, LiveTrigger, RunEvent, WorkflowExecution
from workflows.publishing import publish
from workflows.runs import hops


@pytest.fixture
def hook(deploy):
    deployment = deploy({**workflow(make_value("a")), "triggers": [{"key": "in", "type": "webhook"}]})
    return LiveTrigger.objects.get(template=deployment.template)


def send(hook: LiveTrigger, depth: int | None):
    headers = {} if depth is None else {"X-Automate-Depth": str(depth)}
    return Client().post(f"/hooks/{hook.token}", {"n": 1}, content_type="application/json", headers=headers)


def test_a_call_to_ourselves_says_how_many_runs_led_to_it(catalogue, engine, deploy, service, settings):
    settings.AUTOMATE_BASE_URL = service.url.rstrip("/")
    start_and_drain(deploy(workflow(call("ask", service))), engine)

    assert service.calls[0].headers["X-Automate-Depth"] == "1"


def test_calls_to_others_say_nothing_of_it(catalogue, engine, deploy, service):
    start_and_drain(deploy(workflow(call("ask", service))), engine)

    assert "X-Automate-Depth" not in service.calls[0].headers


def test_own_addresses_are_known_by_all_names_of_this_machine():
    own = own_urls("http://127.0.0.1:8000")

    assert "http://localhost:8000/hooks/x".startswith(own)
    assert not "http://localhost:80001/".startswith(own)
    assert "https://flows.example/hooks/x".startswith(own_urls("https://flows.example"))


def test_a_started_run_knows_its_depth(hook):
    assert send(hook, 7).status_code == 202
    assert WorkflowExecution.objects.get().depth == 7


def test_a_chain_of_runs_ends_with_an_event(hook):
    answer = send(hook, 21)

    assert answer.status_code == 409
    assert "started by the one before" in answer.json()["error"]["message"]
    assert "Look for a workflow that starts itself" in RunEvent.objects.get(kind="REJECTED").message
    assert send(hook, 20).status_code == 202


def test_deep_starts_are_counted(hook, monkeypatch):
    monkeypatch.setattr(hops, "MAX_A_MINUTE", 2)

    answers = [send(hook, depth).status_code for depth in (5, 6, 5, 4, None)]

    assert answers == [202, 202, 409, 202, 202]


@pytest.mark.parametrize("said", ["", "-1", "x", "²", "99999999"])
def test_a_header_that_makes_no_sense_counts_for_nothing(said):
    assert hops.depth_of(said) == 0


def test_the_depth_guard_looks_back_a_minute(hook):
    assert hops.objection(hook.template_id, 5) is None
    assert hops.objection(uuid7(), 21) == hops.TOO_DEEP


# --- rate limits ----------------------------------------------------------------------------------


def test_a_run_that_found_no_place_waits_as_a_row_and_comes_back_with_its_place(
    catalogue, engine, alice, workspace, httpserver, settings
):
    httpserver.expect_request("/chat.postMessage").respond_with_json({"ok": True, "ts": "1", "channel": "C1"})
    settings.AUTOMATE_CONNECTOR_BASE_URLS = {"slack": httpserver.url_for("").rstrip("/")}
    connection = create_connection(
        tenant=workspace, user=alice, integration=IntegrationDefinition.objects.get(name="slack"),
        auth_type="BEARER", name="Bot", credentials={"token": "xoxb-1-2-abcdefgh"},
    )  # fmt: skip
    say = {
        "key": "say", "type": "action", "integration": "slack", "action": "send_message", "connection": "chat",
        "effect": "safe", "input": {"channel": "C1", "text": "hi"},
    }  # fmt: skip
    data = workflow(say, connections={"chat": {"integration": "slack"}})
    template = documents.create(workspace, load(data), by=alice, bindings={"chat": str(connection.pk)})
    publish(template, by=alice)
    for _ in range(5):  # others have taken the next seconds
        runner().limiter.acquire(f"slack:{connection.pk}", 1, 1, 60)

    run = start_and_drain(Deployment.objects.get(template=template), engine)
    note = ActiveRun.objects.get(pk=run.pk).cursor["waits"]["say"]
    let_time_pass(run.pk)
    engine.drain()

    assert (run.status, note["kind"], note["turn"]) == ("WAITING", "retry", True)
    run.refresh_from_db()
    assert (run.status, len(httpserver.log)) == ("COMPLETED", 1)
