"""The newest requests of a webhook: what came of each, its data, and using it again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.workflows.ingress.test_hooks import post
from workflows.ingress import requests, samples
from workflows.models import RunEvent, Sample, WorkflowExecution
from workflows.publishing import pause
from workflows.runs import events

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    samples._last_kept.clear()
    events._last.clear()


def outcomes(live) -> list[str]:
    return [request.outcome for request in requests.recent(live.template, live)]


def test_every_call_is_listed_once_newest_first(caller, hook, alice):
    for number in range(3):
        post(caller, hook, {"n": number})
    pause(hook.template, alice)
    post(caller, hook, {"n": 3})
    post(caller, hook, "{", content_type="application/json")

    found = requests.recent(hook.template, hook)

    assert outcomes(hook) == ["REFUSED", "RECORDED", "STARTED", "STARTED", "STARTED"]
    bodies = [(requests.data_of(hook.template, request.id) or {})["body"] for request in found]
    assert bodies == ["{", {"n": 3}, {"n": 2}, {"n": 1}, {"n": 0}]
    assert "paused" in found[1].note
    assert "cannot be read as JSON" in found[0].note


def test_refused_call_is_kept_without_what_proves_anything(caller, make_hook):
    live = make_hook(
        {"auth": {"type": "header", "connection": "gate", "header": "x-secret"}}, published=False,
        connections={"gate": {"integration": "http"}},
    )  # fmt: skip

    post(caller, live, {"a": 1}, headers={"X-Secret": "hush", "Authorization": "b", "X-Other": "seen"})

    kept = Sample.objects.get(trigger_key="call")
    assert kept.outcome == "REFUSED"
    assert kept.data["headers"]["x-other"] == "seen"
    assert "hush" not in json.dumps(kept.data)
    assert RunEvent.objects.get(kind="REJECTED").message.startswith("A call was refused (401)")


def test_storm_of_refused_calls_leaves_one_entry_with_a_count(caller, hook, monkeypatch):
    for _ in range(20):
        caller.get(f"/hooks/{hook.token}")
    monkeypatch.setattr(events, "EVERY_S", 0.0)
    caller.get(f"/hooks/{hook.token}")

    assert Sample.objects.filter(outcome="REFUSED").count() == 2
    newest, first = RunEvent.objects.filter(kind="REJECTED").order_by("-id")
    assert newest.message.endswith("19 more like it came since the last such entry.")
    assert first.message.endswith("takes POST, not GET.")


def test_refused_calls_push_no_others_out(caller, make_hook, monkeypatch):
    monkeypatch.setattr(events, "EVERY_S", 0.0)
    live = make_hook(published=False)
    post(caller, live, {"good": 1})

    for _ in range(samples.KEPT_REFUSED + 5):
        caller.get(f"/hooks/{live.token}")

    assert Sample.objects.filter(outcome="REFUSED").count() == samples.KEPT_REFUSED
    assert Sample.objects.get(outcome="RECORDED").data["body"] == {"good": 1}


def test_body_of_a_refused_call_is_cut_and_storable(caller, make_hook):
    live = make_hook({"max_bytes": 10_000}, published=False)

    post(caller, live, b"\x00" + b"x" * 9_000, content_type="application/json")

    body = Sample.objects.get(outcome="REFUSED").data["body"]
    assert body.startswith("\ufffdxx")
    assert len(body) == samples.MAX_REFUSED_CHARS + 1


def test_workflow_that_keeps_nothing_keeps_no_refused_call(caller, make_hook):
    live = make_hook(settings={"keep_data": "nothing"})

    caller.get(f"/hooks/{live.token}")

    assert not Sample.objects.exists()
    assert RunEvent.objects.filter(kind="REJECTED").exists()


def test_repeated_delivery_is_an_event_that_shows_the_first_run(caller, hook):
    answers = [post(caller, hook, {"a": 1}, headers={"Idempotency-Key": "k"}) for _ in range(2)]

    event = RunEvent.objects.get(kind="DUPLICATE")
    assert str(event.execution_id) == answers[0].json()["execution"] == answers[1].json()["execution"]
    assert event.trigger_key == "call"


def test_more_than_fifty_are_not_listed(caller, hook, monkeypatch):
    monkeypatch.setattr(requests, "KEPT", 2)
    for number in range(3):
        post(caller, hook, {"n": number})

    assert len(requests.recent(hook.template, hook)) == 2


def test_retries_are_no_requests(caller, hook):
    post(caller, hook, {})
    first = WorkflowExecution.objects.get()
    WorkflowExecution.objects.create(
        tenant=first.tenant, template=first.template, version=first.version, live_trigger=hook, retry_of=first
    )

    assert outcomes(hook) == ["STARTED"]


# --- using one again ------------------------------------------------------------------------------
def newest(live) -> requests.Request:
    return requests.recent(live.template, live)[0]


def test_replay_to_the_draft_is_a_test_run_on_the_same_data(caller, hook, alice):
    post(caller, hook, {"a": 1}, QUERY_STRING="x=1")

    run = requests.replay_to_draft(hook.template, hook, newest(hook).id, by=alice)

    made = WorkflowExecution.objects.get(pk=run)
    given: Any = made.input
    assert made.is_test
    assert (given["body"], given["query"], given["method"]) == ({"a": 1}, {"x": "1"}, "POST")


def test_replay_to_what_is_live_starts_one_run_for_one_press(caller, hook, alice):
    post(caller, hook, {"a": 1})
    request = newest(hook)

    runs = {
        requests.replay(hook.template, hook, request.id, press="p", by=alice).execution_id for _ in range(2)
    }

    assert len(runs) == 1
    made = WorkflowExecution.objects.get(pk=runs.pop())
    assert (made.is_test, made.started_by, made.live_trigger_id) == (False, alice.pk, hook.pk)


def test_refused_request_never_gets_into_a_real_run(caller, hook, alice):
    caller.get(f"/hooks/{hook.token}")

    with pytest.raises(requests.NotReplayable):
        requests.replay(hook.template, hook, newest(hook).id, press="p", by=alice)


def test_nothing_is_replayed_to_a_paused_workflow(caller, hook, alice):
    post(caller, hook, {})
    pause(hook.template, alice)

    with pytest.raises(requests.NotReplayable, match="not live"):
        requests.replay(hook.template, hook, newest(hook).id, press="p", by=alice)


def test_request_whose_data_is_gone_is_no_sample(caller, hook):
    post(caller, hook, {})
    request = newest(hook)
    WorkflowExecution.objects.update(input=None)
    Sample.objects.all().delete()

    with pytest.raises(requests.NotReplayable, match="not kept"):
        requests.keep_as_sample(hook.template, hook, request.id)


def test_chosen_request_is_the_pinned_sample_and_only_one(caller, hook):
    for number in range(2):
        post(caller, hook, {"n": number})
        requests.keep_as_sample(hook.template, hook, newest(hook).id)

    assert Sample.objects.get(pinned=True).data["body"] == {"n": 1}


def test_request_is_shown_as_it_was_sent(caller, hook):
    post(caller, hook, {"a": 1}, QUERY_STRING="x=1&x=2", headers={"X-Thing": "t"})

    text = requests.as_http(requests.data_of(hook.template, newest(hook).id) or {})

    assert text.startswith(f"POST /hooks/{hook.token}?x=1&x=2 HTTP/1.1\n")
    assert "\nx-thing: t\n" in text
    assert text.endswith('\n\n{"a":1}')
