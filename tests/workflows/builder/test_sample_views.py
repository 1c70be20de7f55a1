"""Sample data in the builder: forms, the next request caught live, pinned outputs, runs up to a step."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from tests.workflows.builder.pages import HX, text_of
from workflows import documents
from workflows.engine.document import load
from workflows.engine.form_fields import fields_of
from workflows.models import LiveTrigger, Sample, WorkflowExecution

pytestmark = [pytest.mark.django_db]
PANEL = {**HX, "HX-Target": "panel"}


@pytest.fixture
def template(alice, workspace):
    data = {
        "format": "automate/1", "key": "sampled", "name": "Sampled", "start": "shape",
        "triggers": [{"key": "call", "type": "webhook"}, {"key": "ask", "type": "form", "config": {}}],
        "steps": [
            {"key": "shape", "type": "transform", "config": {"set": {"v": "{{ trigger.body.a }}"}}, "next": "sieve"},
            {"key": "sieve", "type": "filter", "when": "{{ true }}"},
        ],
    }  # fmt: skip
    return documents.create(workspace, load(data, complete=False), by=alice)


def address(template, name, *more):
    return reverse(f"workflows:{name}", args=[template.pk, *more])


def call(template, body, key="call"):
    token = LiveTrigger.objects.get(template=template, key=key).token
    return Client().post(f"/hooks/{token}", json.dumps(body), content_type="application/json")


def since_in(answer):
    return text_of(answer).split("?since=", 1)[1].split('"', 1)[0]


# --- waiting for a request ------------------------------------------------------------------------
def test_next_request_is_caught_and_used(as_alice, template):
    call(template, {"a": "old"})
    url = address(template, "builder-wait", "call")
    waiting = as_alice.get(url, headers=PANEL)
    since = since_in(waiting)
    nothing = as_alice.get(url, {"since": since}, headers=PANEL)
    call(template, {"a": "new"})
    caught = as_alice.get(url, {"since": since}, headers=PANEL)
    request_id = str(Sample.objects.order_by("-id")[0].pk)
    used = as_alice.post(
        address(template, "builder-use-request", "call"), {"request": request_id}, headers=PANEL
    )

    assert "Waiting for a request" in text_of(waiting)
    assert nothing.status_code == 204
    assert "A request came in" in text_of(caught)
    assert "new" in text_of(caught)
    assert 'hx-trigger="every' not in text_of(caught)
    assert "Pinned" in text_of(used)
    assert Sample.objects.get(pinned=True).data["body"] == {"a": "new"}


def test_refused_request_is_told_and_the_waiting_goes_on(as_alice, template):
    url = address(template, "builder-wait", "call")
    since = since_in(as_alice.get(url, headers=PANEL))
    Client().get(f"/hooks/{LiveTrigger.objects.get(template=template, key='call').token}")

    answer = as_alice.get(url, {"since": since}, headers=PANEL)

    assert "takes POST, not GET" in text_of(answer)
    assert "Waiting for a request" in text_of(answer)
    assert since_in(answer) != since


def test_waiting_without_scripts_shows_the_page(as_alice, template):
    answer = as_alice.get(address(template, "builder-wait", "call"))

    assert answer.status_code == 200
    assert "Wait for a request" in text_of(answer)


def test_refused_request_is_no_sample(as_alice, template):
    Client().get(f"/hooks/{LiveTrigger.objects.get(template=template, key='call').token}")

    answer = as_alice.get(address(template, "builder-trigger", "call") + "?tab=sample", headers=PANEL)

    assert Sample.objects.filter(outcome="REFUSED").exists()
    assert "From a request that came in" not in text_of(answer)


# --- form triggers --------------------------------------------------------------------------------
def form_fields(template):
    trigger = next(t for t in documents.load_draft(template).triggers if t.key == "ask")
    return [field.key for field in fields_of(trigger.config.get("fields"))]


def test_fields_are_added_and_renamed_in_the_panel(as_alice, template):
    url = address(template, "builder-trigger", "ask")
    as_alice.post(url, {"tab": "setup", "config.fields.shown": "1", "_do": "fields:add"}, headers=PANEL)
    shown = as_alice.get(url, headers=PANEL)
    rows = {"config.fields.shown": "1", "config.fields.was.0": "name", "config.fields.key.0": "name",
            "config.fields.label.0": "Wer bist du?", "config.fields.kind.0": "choice",
            "config.fields.choices.0": "Ada\nBea"}  # fmt: skip
    as_alice.post(url, {"tab": "setup", **rows}, headers=PANEL)

    assert form_fields(template) == ["name"]
    assert "Open the form" in text_of(shown)
    token = LiveTrigger.objects.get(template=template, key="ask").token
    page = Client().get(f"/forms/{token}").content.decode()
    assert "Wer bist du?" in page
    assert "<option" in page


def test_choice_without_choices_is_refused_beside_its_row(as_alice, template):
    url = address(template, "builder-trigger", "ask")
    as_alice.post(url, {"tab": "setup", "config.fields.shown": "1", "_do": "fields:add"}, headers=PANEL)

    answer = as_alice.post(
        url,
        {"tab": "setup", "config.fields.shown": "1", "config.fields.was.0": "name", "config.fields.key.0": "name",
         "config.fields.label.0": "Name", "config.fields.kind.0": "choice"},
        headers=PANEL,
    )  # fmt: skip

    assert answer.status_code == 422
    assert "Give the choices" in text_of(answer)


# --- pinned outputs -------------------------------------------------------------------------------
def test_output_is_pinned_by_hand_shown_and_let_go(as_alice, template):
    url = address(template, "builder-pin", "shape")
    pinned = as_alice.post(url, {"do": "type", "output": '{"v": 7}'}, headers=PANEL)
    dialog = as_alice.get(address(template, "builder-test-run"), headers=HX)
    page = as_alice.get(address(template, "workflow-build"))
    let_go = as_alice.post(url, {"do": "unpin"}, headers=PANEL)

    assert "In test runs this step is not run" in text_of(pinned)
    assert "Pinned, so not run" in text_of(dialog)
    assert '<span class="step-time">Pinned</span>' in text_of(page)
    assert "In test runs this step is not run" not in text_of(let_go)
    assert not Sample.objects.filter(pinned=True).exists()


def test_shown_output_is_pinned(as_alice, template):
    Sample.objects.create(
        tenant=template.tenant, template=template, step_key="shape", data={"v": 1}, source="RUN"
    )

    as_alice.post(address(template, "builder-pin", "shape"), {"do": "pin"}, headers=PANEL)

    assert Sample.objects.get(pinned=True).data == {"v": 1}


@pytest.mark.parametrize(
    ("key", "post", "words"),
    [
        ("shape", {"do": "type", "output": "{"}, "JSON"),
        ("shape", {"do": "type", "output": json.dumps("x" * 300_000)}, "256 kB"),
        ("shape", {"do": "pin"}, "no output to pin yet"),
        ("sieve", {"do": "type", "output": "1"}, "cannot be pinned"),
    ],
)
def test_what_cannot_be_pinned_is_said(as_alice, template, key, post, words):
    answer = as_alice.post(address(template, "builder-pin", key), post, headers=PANEL)

    assert answer.status_code == 422
    assert words in text_of(answer) + answer.headers.get("HX-Trigger", "")
    assert not Sample.objects.filter(pinned=True).exists()


# --- test runs ------------------------------------------------------------------------------------
def test_run_up_to_a_step_with_a_request_that_came_in(as_alice, template):
    call(template, {"a": "first"})
    call(template, {"a": "second"})
    first = Sample.objects.order_by("id")[0].pk
    url = address(template, "builder-test-run")
    dialog = as_alice.get(url, {"until": "shape", "from": str(first)}, headers=HX)

    as_alice.post(
        url, {"trigger": "call", "until": "shape", "from": str(first), "body": '{"a": "edited"}'}, headers=HX
    )

    run = WorkflowExecution.objects.get(is_test=True)
    assert "Run up to here" in text_of(dialog)
    assert "first" in text_of(dialog)
    assert run.options["until"] == "shape"
    assert (run.input["body"], run.input["method"]) == ({"a": "edited"}, "POST")
