"""Webhooks: what is answered, and what is stored for it."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test import Client

from tests.workflows.ingress.conftest import data_of
from workflows.ingress.samples import KEPT_SAMPLES
from workflows.models import LiveTrigger, RunEvent, Sample, WorkflowExecution
from workflows.publishing import pause

pytestmark = [pytest.mark.django_db]


def url(live: LiveTrigger) -> str:
    return f"/hooks/{live.token}"


def post(client: Client, live: LiveTrigger, body: object = None, **extra):
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(url(live), data, content_type=extra.pop("content_type", "application/json"), **extra)


def test_call_starts_a_run_and_gets_its_id(caller, hook):
    answer = post(caller, hook, {"order": {"total": 700}})

    assert answer.status_code == 202
    execution = WorkflowExecution.objects.get(pk=answer.json()["execution"])
    assert execution.status == "PENDING"
    assert execution.trigger_type == "WEBHOOK"
    assert data_of(execution)["body"] == {"order": {"total": 700}}


def test_run_sees_the_whole_call(caller, hook):
    answer = post(
        caller,
        hook,
        {"a": 1},
        QUERY_STRING="x=1&x=2&y=",
        headers={"X-Thing": "t", "Authorization": "s", "Cookie": "c=1"},
    )

    trigger = data_of(WorkflowExecution.objects.get(pk=answer.json()["execution"]))
    assert trigger["type"] == "webhook"
    assert trigger["key"] == "call"
    assert trigger["method"] == "POST"
    assert trigger["path"] == url(hook)
    assert trigger["query"] == {"x": ["1", "2"], "y": ""}
    assert trigger["headers"]["x-thing"] == "t"
    assert "authorization" not in trigger["headers"]
    assert "cookie" not in trigger["headers"]
    assert trigger["files"] == {}


def test_unknown_token_is_404_in_json(caller, hook):
    for token in ("x" * 24, "no", "a/b", "%00", "ü" * 20):
        answer = caller.post(f"/hooks/{token}")

        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"


def test_draft_records_and_says_why(caller, make_hook):
    live = make_hook(published=False)

    answer = post(caller, live, {"a": 1})

    assert (answer.status_code, answer.json()) == (202, {"status": "recorded"})
    assert not WorkflowExecution.objects.exists()
    assert data_of(Sample.objects.get(trigger_key="call"))["body"] == {"a": 1}
    assert "draft" in RunEvent.objects.get(kind="RECORDED").message


def test_paused_workflow_records_until_it_is_resumed(caller, hook, alice):
    pause(hook.template, alice)

    answer = post(caller, hook, {"a": 1})

    assert answer.json() == {"status": "recorded"}
    assert "paused" in RunEvent.objects.get(kind="RECORDED").message


def test_published_without_the_trigger_is_404(caller, hook):
    LiveTrigger.objects.filter(pk=hook.pk).update(is_off=True)

    assert post(caller, hook, {}).status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_other_methods_are_refused_with_the_list(caller, hook, method):
    answer = getattr(caller, method)(url(hook))

    assert answer.status_code == 405
    assert answer["Allow"] == "POST, OPTIONS"
    assert not WorkflowExecution.objects.exists()


def test_head_and_options_start_nothing(caller, make_hook):
    live = make_hook({"methods": ["GET", "POST"]})

    assert caller.head(url(live)).status_code == 200
    assert caller.options(url(live)).status_code == 204
    assert not WorkflowExecution.objects.exists()


def test_get_with_a_query_starts_when_allowed(caller, make_hook):
    live = make_hook({"methods": ["GET"]})

    answer = caller.get(url(live), {"q": "tea"})

    trigger = data_of(WorkflowExecution.objects.get(pk=answer.json()["execution"]))
    assert (trigger["query"], trigger["body"]) == ({"q": "tea"}, None)


def test_body_at_the_limit_works_and_one_byte_more_is_413(caller, make_hook):
    live = make_hook({"max_bytes": 10})

    assert post(caller, live, b'"12345678"').status_code == 202
    refused = post(caller, live, b'"123456789"')

    assert refused.status_code == 413
    assert "10 bytes" in refused.json()["error"]["message"]


def test_announced_size_is_refused_before_the_body_is_read(caller, make_hook):
    live = make_hook({"max_bytes": 10})

    answer = caller.generic("POST", url(live), b"", content_type="text/plain", CONTENT_LENGTH="99999999999")

    assert answer.status_code == 413


def test_answers_carry_no_cookie(caller, hook):
    assert not post(caller, hook, {}).cookies


def test_samples_are_kept_now_and_then(caller, hook):
    for number in range(3):
        post(caller, hook, {"n": number})

    assert [data_of(sample)["body"] for sample in Sample.objects.all()] == [{"n": 0}]


def test_recorded_calls_are_kept_up_to_a_limit(caller, make_hook):
    live = make_hook(published=False)

    for number in range(KEPT_SAMPLES + 3):
        post(caller, live, number)

    bodies = [data_of(sample)["body"] for sample in Sample.objects.order_by("id")]
    assert bodies == list(range(3, KEPT_SAMPLES + 3))


def test_pinned_samples_stay(caller, make_hook):
    live = make_hook(published=False)
    post(caller, live, ["mine"])
    Sample.objects.update(pinned=True)

    for number in range(KEPT_SAMPLES + 1):
        post(caller, live, number)

    assert data_of(Sample.objects.get(pinned=True))["body"] == ["mine"]


def test_workflow_that_keeps_nothing_keeps_no_samples(caller, make_hook):
    live = make_hook(settings={"keep_data": "nothing"})

    assert post(caller, live, {"secret": 1}).status_code == 202
    assert not Sample.objects.exists()


@pytest.mark.parametrize("shortcut", [True, False])
def test_answers_are_the_same_with_and_without_the_short_way(hook, settings, shortcut):
    if not shortcut:
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.endswith("HooksFirst")]

    answer = post(Client(), hook, {"a": 1})

    assert answer.status_code == 202
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"):
        assert name in answer
    assert not answer.cookies


def test_a_call_costs_one_look_up_and_one_statement(caller, hook, django_assert_max_num_queries):
    post(caller, hook, {})

    with django_assert_max_num_queries(2 if connection.vendor == "postgresql" else 5):
        post(caller, hook, {})
