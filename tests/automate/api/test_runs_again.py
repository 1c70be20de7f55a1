"""Events, requests, search and bulk retry through the API."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client

from automate.lib import clock
from automate.lib.ids import uuid7
from workflows.models import Deployment, LiveTrigger, RunEvent, WorkflowExecution
from workflows.runs import events

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def hooked(api):
    """A published workflow with a webhook: its id."""
    events._last.clear()
    document = {
        "format": "automate/1", "key": "hooked", "name": "Hooked", "start": "shape",
        "triggers": [{"key": "call", "type": "webhook"}],
        "steps": [{"key": "shape", "type": "transform", "config": {"set": {"a": 1}}}],
    }  # fmt: skip
    made = api.post("/workflows", document).json()["id"]
    assert api.post(f"/workflows/{made}/publish", {}).status_code == 200
    return made


def call(workflow, body):
    token = LiveTrigger.objects.get(template=workflow).token
    return Client().post(f"/hooks/{token}", json.dumps(body), content_type="application/json").json()


def failed(workflow, **fields):
    deployment = Deployment.objects.get(template=workflow)
    return WorkflowExecution.objects.create(
        tenant_id=deployment.tenant_id, template_id=workflow, version_id=deployment.version_id, deployment=deployment,
        status="FAILED", is_failed=True, trigger_type="WEBHOOK", completed_at=clock.now(), **fields,
    )  # fmt: skip


def test_events_are_listed_by_kind_and_time(api, hooked):
    Client().get(f"/hooks/{LiveTrigger.objects.get(template=hooked).token}")
    RunEvent.objects.create(
        tenant_id=LiveTrigger.objects.get(template=hooked).tenant_id,
        template_id=hooked,
        kind="SKIPPED",
        message="Skipped.",
    )

    everything = api.get(f"/workflows/{hooked}/events").json()["items"]
    skipped = api.get(f"/workflows/{hooked}/events?kind=SKIPPED").json()["items"]
    later = api.get(f"/workflows/{hooked}/events?since=2100-01-01T00:00:00Z").json()["items"]

    assert [event["kind"] for event in everything] == ["SKIPPED", "REJECTED"]
    assert [event["message"] for event in skipped] == ["Skipped."]
    assert later == []
    assert api.get(f"/workflows/{hooked}/events?kind=NONE").status_code == 422


def test_requests_are_listed_opened_and_replayed(api, hooked):
    run = call(hooked, {"a": 1})["execution"]

    listed = api.get(f"/workflows/{hooked}/requests").json()["items"]
    one = api.get(f"/workflows/{hooked}/requests/{run}?trigger=call").json()
    draft = api.post(f"/workflows/{hooked}/requests/{run}/replay", {})
    live = api.post(f"/workflows/{hooked}/requests/{run}/replay", {"to": "live"})

    assert [(item["id"], item["outcome"]) for item in listed] == [(run, "STARTED")]
    assert one["data"]["body"] == {"a": 1}
    assert (draft.status_code, live.status_code) == (202, 202)
    assert WorkflowExecution.objects.get(pk=draft.json()["id"]).is_test
    assert not WorkflowExecution.objects.get(pk=live.json()["id"]).is_test
    assert api.get(f"/workflows/{hooked}/requests?trigger=nope").status_code == 404
    assert api.get(f"/workflows/{hooked}/requests/{uuid.uuid4()}").status_code == 404


def test_runs_are_found_by_words_trigger_and_time(api, hooked):
    wanted = failed(hooked, input={"body": {"customer": "Lovelace"}})
    failed(hooked, input={"body": {"customer": "Babbage"}})

    def ids(query):
        return [item["id"] for item in api.get(f"/executions?{query}").json()["items"]]

    assert ids("q=lovelace") == [str(wanted.pk)]
    assert ids("q=lovelace&trigger_type=MANUAL") == []
    assert ids("q=lovelace&until=2000-01-01T00:00:00Z") == []
    assert len(ids("trigger_type=WEBHOOK")) == 2


def test_failed_runs_are_retried_once_for_one_key(api, hooked):
    runs = [failed(hooked, input={"body": {}}) for _ in range(2)]
    key = str(uuid7())

    answers = [api.send("POST", "/executions/retry", {"from": "start", "workflow": hooked}, headers={"Idempotency-Key": key})
               for _ in range(2)]  # fmt: skip

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    again = WorkflowExecution.objects.filter(retry_of__isnull=False)
    assert {row.retry_of_id for row in again} == {run.pk for run in runs}
    assert again.count() == 2


def test_key_that_names_no_moment_is_refused(api, hooked):
    answer = api.send("POST", "/executions/retry", {}, headers={"Idempotency-Key": str(uuid.uuid4())})

    assert answer.status_code == 422
    assert "version 7" in answer.json()["error"]["message"]


def test_strangers_runs_are_not_retried(stranger_api, hooked):
    failed(hooked, input={"body": {}})

    answer = stranger_api.send("POST", "/executions/retry", {"from": "start"})

    assert answer.json()["items"] == []
    assert not WorkflowExecution.objects.filter(retry_of__isnull=False).exists()
