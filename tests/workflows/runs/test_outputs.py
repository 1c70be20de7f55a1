"""Outputs above the inline limit: put aside, and seen by everybody as if they were not."""

from __future__ import annotations

import pytest
from django.conf import settings as real
from werkzeug import Response

from automate.api.shapes import execution_shape
from tests.workflows.runs.conftest import (
    call,
    let_time_pass,
    make_value,
    start,
    start_and_drain,
    steps_of,
    workflow,
)
from workflows.models import Blob, StepExecution, WorkflowExecution, WorkflowVariable
from workflows.runs import outputs
from workflows.runs.deletion import delete_runs
from workflows.runs.retry import retry
from workflows.runs.secret_values import conceal
from workflows.runs.wait import wait_for

pytestmark = pytest.mark.usefixtures("catalogue")
AROUND = len('{"text":""}')
FAILS = {"key": "fails", "type": "stop", "config": {"as": "failed", "message": "enough"}}


@pytest.fixture
def small(settings):
    """Limits of a test's size: 1 kB inline, 10 kB in all."""
    settings.MAX_OUTPUT_BYTES, settings.MAX_BLOB_BYTES = 1_000, 10_000
    return settings


def give(count, next="end"):
    """A step whose output `{"text": …}` has exactly so many bytes."""
    return make_value("make", next, text=f"{{{{ 'x' | repeat({count - AROUND}) }}}}")


def length(key="end"):
    return make_value(key, n="{{ steps.make.text | length }}")


def forget():
    """As a process that has seen none of it."""
    outputs._fetched.clear()


def test_an_output_at_the_inline_limit_stays_in_its_row_and_one_byte_more_is_put_aside(run, small):
    inline, aside = run(workflow(give(1_000), length())), run(workflow(give(1_001), length(), key="other"))

    assert set(steps_of(inline)["make"].output) == {"text"}
    assert steps_of(aside)["make"].output["bytes"] == 1_001
    assert Blob.objects.get().execution_id == aside.pk
    assert (inline.output["n"], aside.output["n"]) == (1_000 - AROUND, 1_001 - AROUND)


def test_an_output_at_the_blob_limit_is_kept_and_one_byte_more_fails_its_step(run, small):
    kept, refused = run(workflow(give(10_000), length())), run(workflow(give(10_001), length(), key="other"))

    assert kept.status == "COMPLETED"
    assert (refused.status, refused.error["code"]) == ("FAILED", "too_large")
    assert "has 10,001 bytes, more than the 10,000 that are kept." in refused.error["message"]
    assert steps_of(refused)["make"].output is None


def test_a_step_with_too_much_output_takes_its_error_path_without_another_try(run, small):
    step = {**give(10_001, []), "on_error": "end", "retry": {"attempts": 3, "backoff_s": 0}}

    execution = run(workflow(step, make_value("end", why="{{ error.code }}")))

    assert execution.output == {"why": "too_large"}
    assert steps_of(execution)["make"].retry_count == 0


def test_the_limits_are_those_of_the_product():
    assert (real.MAX_OUTPUT_BYTES, real.MAX_BLOB_BYTES) == (256 * 1024, 16 * 1024 * 1024)
    assert (real.WEBHOOK_MAX_BYTES, real.MAX_STEP_RUNS) == (1024 * 1024, 200_000)


def test_a_later_attempt_and_a_retry_read_what_was_put_aside(engine, deploy, small, alice):
    pause = {"key": "pause", "type": "delay", "config": {"hours": 2}, "next": "count"}
    run_id = start(deploy(workflow(give(2_000, "pause"), pause, {**length("count"), "next": "fails"}, FAILS)))
    engine.drain()
    forget()
    let_time_pass(run_id)
    engine.drain()
    first = WorkflowExecution.objects.get(pk=run_id)
    assert steps_of(first)["count"].output == {"n": 2_000 - AROUND}

    again = retry(first, start="count", by=alice)
    delete_runs(WorkflowExecution.objects.filter(pk=run_id))
    forget()
    engine.drain()

    copy = steps_of(WorkflowExecution.objects.get(pk=again))
    assert copy["count"].output == {"n": 2_000 - AROUND}
    assert Blob.objects.get().execution_id == again


def test_who_waits_for_a_run_gets_its_whole_output(engine, deploy, small):
    child = deploy(
        {**workflow(give(2_000, []), key="child"), "triggers": [{"key": "called", "type": "workflow"}]}
    )
    sub = {"key": "make", "type": "sub_workflow", "workflow": "child", "next": "end"}
    parent = start(deploy(workflow(sub, length())))
    engine.drain()
    forget()

    alone = start_and_drain(child, engine)

    assert WorkflowExecution.objects.get(pk=parent).output == {"n": 2_000 - AROUND}
    assert alone.output["bytes"] == 2_000
    forget()
    assert len(wait_for(alone.pk, timeout_s=1).output["text"]) == 2_000 - AROUND
    assert len(execution_shape(alone)["output"]["text"]) == 2_000 - AROUND
    assert len(execution_shape(alone)["steps"][0]["output"]["text"]) == 2_000 - AROUND


def test_the_run_page_shows_its_beginning_and_offers_the_whole(run, settings, as_alice):
    settings.MAX_OUTPUT_BYTES = 1_000
    execution = run(workflow(give(150_000, [])))
    forget()

    page = as_alice.get(f"/runs/{execution.pk}/steps/make/").content.decode()
    whole = as_alice.get(f"/runs/{execution.pk}/steps/make/output.json")

    assert "the first 100 kB are shown" in page
    assert len(page) < 400_000
    assert len(whole.json()["text"]) == 150_000 - AROUND


def test_what_quotes_a_secret_is_put_aside_encrypted(engine, deploy, small, service, workspace):
    variable = WorkflowVariable(tenant=workspace, key="API_KEY", type=WorkflowVariable.Type.SECRET)
    conceal(variable, "canary-4711-secret")
    variable.save()
    service.answers = [
        Response('{"echo": "canary-4711-secret%s"}' % ("x" * 2_000), content_type="application/json")
    ]
    ask = call("ask", service, "end")
    ask["input"]["headers"] = {"X-Key": "{{ vars.API_KEY }}"}

    execution = start_and_drain(
        deploy(workflow(ask, make_value("end", n="{{ steps.ask.body.echo | length }}"))), engine
    )

    row, blob = steps_of(execution)["ask"], Blob.objects.get()
    assert b"canary" not in bytes(blob.data)
    assert "canary" in outputs.stored_output(row)["body"]["echo"]
    forget()
    assert "canary" in outputs.stored_output(row)["body"]["echo"]


def test_a_value_that_looks_like_a_reference_opens_nothing_of_another_run(run, small):
    aside = run(workflow(give(2_000, [])))
    spoof = dict(steps_of(aside)["make"].output)
    other = run(
        workflow(
            make_value("copy", "end", got="{{ trigger.body }}"),
            make_value("end", got="{{ steps.copy.got }}"),
            key="other",
        ),
        spoof,
    )

    assert outputs.resolve(spoof, other.tenant_id, other.pk) == spoof
    assert other.output == {"got": spoof}


def test_a_big_input_is_put_aside_too_and_a_huge_one_left_out_with_a_note(run, small, service):
    step = call("ask", service)
    step["input"]["json"] = "{{ 'x' | repeat(trigger.body) }}"

    aside, left_out = run(workflow(step), 2_000), run(workflow(step, key="other"), 20_000)

    assert steps_of(aside)["ask"].input["bytes"] > 2_000
    assert "more than the 10,000 that are kept" in steps_of(left_out)["ask"].input["not_kept"]
    assert left_out.status == "COMPLETED"


def test_files_go_with_their_run(run, settings, tmp_path):
    settings.AUTOMATE_BLOBS, settings.MAX_OUTPUT_BYTES = str(tmp_path), 1_000
    execution = run(workflow(give(2_000), length()))
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    forget()

    assert len(stored) == 1
    assert bytes(Blob.objects.get().data) == b""
    assert len(outputs.stored_output(StepExecution.objects.get(path="make"))["text"]) == 2_000 - AROUND
    delete_runs(WorkflowExecution.objects.filter(pk=execution.pk))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_place_that_takes_nothing_fails_the_step_in_words(run, settings, tmp_path):
    (tmp_path / "full").write_text("no folder")
    settings.AUTOMATE_BLOBS, settings.MAX_OUTPUT_BYTES = str(tmp_path / "full"), 1_000

    execution = run(workflow(give(2_000), length()))

    assert (execution.status, execution.error["code"]) == ("FAILED", "storage")
    assert "could not be put aside" in execution.error["message"]
