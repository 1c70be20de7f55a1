"""The panel of a run: the data, log and request of a step."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse
from werkzeug import Response

from integrations.sync import sync_catalogue
from tests.workflows.runs.conftest import make_value, start_and_drain, workflow
from tests.workflows.views.run_pages import PANEL, address, cards
from workflows.models import StepExecution, WorkflowExecution


def test_a_card_opens_its_data_and_marks_itself(as_alice, run):
    execution = run(workflow(make_value("a", v=17)))

    answer = as_alice.get(address(execution, "run-step", "a"), headers=PANEL)
    text = answer.content.decode()

    assert "<html" not in text
    assert text.index("flow-panel") < text.index('id="run-steps"')
    assert 'hx-swap-oob="morph"' in text
    assert cards(answer)["a"].selected


def test_a_step_is_a_page_of_its_own_without_htmx(as_alice, run):
    page = as_alice.get(address(run(workflow(make_value("a"))), "run-step", "a"))

    assert "<html" in page.content.decode()
    assert page.context["panel"].title == "2. A"


def test_closing_a_step_shows_the_run_where_there_is_room_for_it(as_alice, run):
    execution = run(workflow(make_value("a", v="{{ trigger.nothing }}")))
    opened = as_alice.get(address(execution, "run-step", "a")).context["panel"]

    closed = as_alice.get(opened.close_url).context["panel"]

    assert not opened.is_auto
    assert (closed.title, closed.is_auto) == (f"Run #{execution.number}", True)


def test_the_trigger_shows_what_came(as_alice, run):
    execution = run(workflow(make_value("a")), body={"order": 17})

    panel = as_alice.get(address(execution, "run-step", "trigger")).context["panel"]

    assert panel.title == "1. Go"
    assert panel.sections[0].value == {"order": 17}
    assert panel.sections[1].value["key"] == "go"


def test_a_finished_step_can_be_run_from_again_and_a_skipped_one_not(as_alice, run):
    hold = {"key": "hold", "type": "filter", "when": "{{ false }}", "next": ["a"]}
    execution = run(workflow(hold, make_value("a")))

    finished = as_alice.get(address(execution, "run-step", "hold")).context["panel"]
    skipped = as_alice.get(address(execution, "run-step", "a")).context["panel"]

    assert finished.retry_url == address(execution, "run-retry-from", "hold")
    assert skipped.retry_url == ""


@pytest.mark.parametrize("path", ["nothing", "a[0]", "a.b", "items[0].a", "a;drop", "%2e%2e"])
def test_places_the_workflow_has_not_are_404(as_alice, run, path):
    assert as_alice.get(address(run(workflow(make_value("a"))), "run-step", path)).status_code == 404


def test_a_step_that_did_not_run_says_so(as_alice, run):
    execution = run(workflow(make_value("a", "b", v="{{ trigger.nothing }}"), make_value("b")))

    notice = as_alice.get(address(execution, "run-step", "b")).context["panel"].notices[0]

    assert notice.title == "This step did not run"


def test_wiped_data_is_explained(as_alice, run):
    execution = run(workflow(make_value("a"), settings={"keep_data": "nothing"}))

    page = as_alice.get(address(execution, "run-step", "a"))

    assert [bool(part.note) for part in page.context["panel"].sections] == [True, True]
    assert not page.context["deeds"]["again"]


def test_encrypted_outputs_are_not_shown(as_alice, run):
    execution = run(workflow(make_value("a", v="hush")))
    StepExecution.objects.update(is_encrypted=True)

    page = as_alice.get(address(execution, "run-step", "a"))

    assert "hush" not in page.content.decode()
    assert as_alice.get(address(execution, "run-data", "a", "output")).status_code == 404


def test_big_values_are_cut_and_can_be_downloaded_whole(as_alice, run):
    execution = run(workflow(make_value("a", v="{{ trigger.body }}")), body="x" * 150_000)

    page = as_alice.get(address(execution, "run-step", "a"))
    file = as_alice.get(address(execution, "run-data", "a", "output"))

    assert "the first 100 kB are shown" in page.content.decode()
    assert "Download all" in page.content.decode()
    assert file["Content-Type"] == "application/json"
    assert file["Content-Disposition"] == f'attachment; filename="run-{execution.number}-a-output.json"'
    assert json.loads(file.content) == {"v": "x" * 150_000}


def test_only_the_parts_of_a_step_can_be_downloaded(as_alice, run):
    execution = run(workflow(make_value("a")))

    assert as_alice.get(address(execution, "run-data", "a", "tenant")).status_code == 404
    assert as_alice.get(address(execution, "run-data", "run", "output")).status_code == 200


def test_the_request_of_a_step_is_shown_with_its_answer(as_alice, run, httpserver):
    sync_catalogue()
    httpserver.expect_request("/pay").respond_with_response(Response('{"error": "no <money>"}', status=402))
    step = {"key": "pay", "type": "action", "integration": "http", "action": "request", "effect": "safe",
            "input": {"method": "POST", "url": httpserver.url_for("/pay")}}  # fmt: skip
    execution = run(workflow(step))

    page = as_alice.get(address(execution, "run-step", "pay"), {"tab": "request"})
    text = page.content.decode()

    assert page.context["panel"].request["status"] == 402
    assert "no &lt;money&gt;" in text
    assert httpserver.url_for("/pay") in text


def test_earlier_tries_are_in_the_log(as_alice, run, httpserver):
    sync_catalogue()
    httpserver.expect_ordered_request("/").respond_with_response(Response("down", status=503))
    httpserver.expect_ordered_request("/").respond_with_json({})
    step = {"key": "ask", "type": "action", "integration": "http", "action": "request",
            "retry": {"attempts": 2, "backoff_s": 0.01}, "input": {"method": "GET", "url": httpserver.url_for("/")}}  # fmt: skip

    panel = as_alice.get(address(run(workflow(step)), "run-step", "ask"), {"tab": "log"}).context["panel"]

    assert [entry.label or entry.text[:9] for entry in panel.log] == ["Started.", "Try 1", "Succeeded"]


def test_steps_taken_over_from_an_earlier_run_say_so(as_alice, alice, engine, deploy):
    from workflows.runs.retry import retry

    data = workflow(make_value("a", "b"), make_value("b", v="{{ steps.a.nothing }}"))
    first = start_and_drain(deploy(data), engine)
    second = retry(first, by=alice)
    engine.drain()

    page = as_alice.get(reverse("workflows:run-step", args=[second, "a"]), {"tab": "log"})

    assert "Taken over from an earlier run" in page.content.decode()
    assert page.context["panel"].log[0].url == address(first)


def test_runs_that_belong_together_lead_to_each_other(as_alice, engine, deploy):
    child = deploy(
        {**workflow(make_value("x")), "key": "child", "triggers": [{"key": "go", "type": "workflow"}]}
    )
    data = workflow({"key": "sub", "type": "sub_workflow", "workflow": "child", "wait": True}, key="parent")
    parent = start_and_drain(deploy(data), engine)
    engine.drain()
    started = WorkflowExecution.objects.get(template=child.template)

    down = as_alice.get(address(parent, "run-step", "sub")).context["panel"].runs
    up = as_alice.get(address(started)).context["panel"].runs

    assert [link["url"] for link in down] == [address(started)]
    assert [link["url"] for link in up] == [address(parent)]
