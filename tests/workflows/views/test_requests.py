"""The page of a workflow's requests, and the page that says why it did not run."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from automate.lib import clock
from tests.workflows.views.conftest import hook_document
from workflows import documents
from workflows.engine.document import load
from workflows.models import LiveTrigger, RunEvent, Sample, WorkflowExecution
from workflows.publishing import publish

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def live(alice, workspace):
    template = documents.create(workspace, load(hook_document()), by=alice)
    publish(template, by=alice)
    return LiveTrigger.objects.get(template=template)


def call(live, body):
    answer = Client().post(f"/hooks/{live.token}?x=1", json.dumps(body), content_type="application/json")
    return answer.json()


def page_of(live, name="request-list"):
    return reverse(f"workflows:{name}", args=[live.template_id])


def use(client, live, request_id, do, **more):
    url = reverse("workflows:request-use", args=[live.template_id, request_id])
    return client.post(url, {"do": do, "trigger": live.key, **more})


def test_page_lists_requests_and_shows_one_in_three_shapes(as_alice, live):
    call(live, {"order": {"number": "A-1", "lines": [1, None]}})
    open_ = as_alice.get(page_of(live))
    tree = as_alice.get(page_of(live), {"as": "tree"})
    raw = as_alice.get(page_of(live), {"as": "raw"})

    assert "Started a run" in open_.content.decode()
    assert "A-1" in open_.content.decode()
    assert "value-tree" in tree.content.decode()
    assert "?x=1 HTTP/1.1" in raw.content.decode()


def test_page_without_requests_shows_the_address(as_alice, live):
    assert f"/hooks/{live.token}" in as_alice.get(page_of(live)).content.decode()


def test_page_of_a_workflow_nobody_can_call_says_so(as_alice, make_workflow):
    template = make_workflow()

    answer = as_alice.get(reverse("workflows:request-list", args=[template.pk]))

    assert "Nobody can call this workflow" in answer.content.decode()


def test_request_becomes_the_sample_of_the_builder(as_alice, live):
    run = call(live, {"a": 1})["execution"]

    answer = use(as_alice, live, run, "sample")

    assert answer.status_code == 302
    assert "/build/?trigger=call" in answer["Location"]
    assert Sample.objects.get(pinned=True).data["body"] == {"a": 1}


def test_request_is_replayed_to_the_draft_and_to_what_is_live(as_alice, live):
    run = call(live, {"a": 1})["execution"]
    press = "01a1f8db-c7cd-7be8-a3bb-906e60b9625f"

    draft = use(as_alice, live, run, "draft")
    twice = {use(as_alice, live, run, "replay", press=press)["Location"] for _ in range(2)}

    assert WorkflowExecution.objects.filter(is_test=True).count() == 1
    assert WorkflowExecution.objects.filter(is_test=False).count() == 2
    assert len(twice) == 1
    assert draft["Location"] not in twice


def test_viewer_looks_but_does_not_replay(as_bob, live, viewer):
    run = call(live, {"a": 1})["execution"]

    assert as_bob.get(page_of(live)).status_code == 200
    assert "Replay" not in as_bob.get(page_of(live)).content.decode()
    for do in ("sample", "draft", "replay"):
        assert use(as_bob, live, run, do).status_code == 403


def test_request_of_another_workflow_is_not_found(as_alice, live, alice, workspace):
    other = documents.create(workspace, load(hook_document(key="other")), by=alice)
    publish(other, by=alice)
    run = call(live, {"a": 1})["execution"]

    assert use(as_alice, LiveTrigger.objects.get(template=other), run, "draft").status_code == 404


# --- why it did not run ---------------------------------------------------------------------------
def event(live, kind, message, **more):
    return RunEvent.objects.create(
        tenant_id=live.tenant_id,
        template_id=live.template_id,
        trigger_key="call",
        kind=kind,
        message=message,
        **more,
    )


def test_events_are_filtered_by_kind_and_time(as_alice, live):
    event(live, "SKIPPED", "It was skipped.")
    event(live, "REJECTED", "It was refused.")
    url = page_of(live, "event-list")

    assert [row.message for row in as_alice.get(url).context["events"]] == [
        "It was refused.",
        "It was skipped.",
    ]
    assert [
        row.message for row in as_alice.get(url, {"kind": "SKIPPED", "span": "hour"}).context["events"]
    ] == ["It was skipped."]
    assert as_alice.get(url, {"kind": "FILTERED"}).context["events"] == []


def test_old_events_are_outside_the_span(as_alice, live, monkeypatch):
    event(live, "SKIPPED", "Long ago.")
    later = clock.now() + timedelta(hours=2)
    monkeypatch.setattr(clock, "now", lambda: later)

    url = page_of(live, "event-list")
    assert as_alice.get(url, {"span": "hour"}).context["events"] == []
    assert len(as_alice.get(url, {"span": "day"}).context["events"]) == 1


def test_event_leads_to_its_run(as_alice, live):
    run = call(live, {"a": 1})["execution"]
    event(live, "DUPLICATE", "Came twice.", execution_id=run)

    answer = as_alice.get(page_of(live, "event-list"))

    assert f"/runs/{run}/" in answer.content.decode()


def test_events_come_in_pages_and_the_filter_stays(as_alice, live, monkeypatch):
    monkeypatch.setattr("workflows.views.events.PAGE_SIZE", 2)
    for number in range(3):
        event(live, "SKIPPED", f"Skipped {number}.")

    first = as_alice.get(page_of(live, "event-list"), {"kind": "SKIPPED"})
    second = as_alice.get(first.context["older_url"])

    assert [row.message for row in first.context["events"]] == ["Skipped 2.", "Skipped 1."]
    assert [row.message for row in second.context["events"]] == ["Skipped 0."]
    assert "kind=SKIPPED" in first.context["older_url"]


def test_empty_list_of_runs_leads_to_the_reasons(as_alice, live):
    answer = as_alice.get(reverse("workflows:workflow-runs", args=[live.template_id]))

    assert page_of(live, "event-list") in answer.content.decode()


def test_events_page_asks_for_as_many_queries_however_many_there_are(
    as_alice, live, django_assert_max_num_queries
):
    url = page_of(live, "event-list")
    for number in range(20):
        event(live, "SKIPPED", f"Skipped {number}.")

    with django_assert_max_num_queries(14):
        as_alice.get(url)
