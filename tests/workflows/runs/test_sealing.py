"""Secrets that come back in an output stay sealed: after a wait, in a retry, in errors."""

from __future__ import annotations

import pytest
from werkzeug import Response

from tests.workflows.runs.conftest import call, let_time_pass, make_value, start, steps_of, workflow
from workflows.models import StepExecution, WorkflowExecution, WorkflowVariable
from workflows.runs.retry import retry
from workflows.runs.secret_values import conceal

pytestmark = pytest.mark.usefixtures("catalogue", "secret")
SECRET = "canary-4711-secret"
PAUSE = {"key": "pause", "type": "delay", "config": {"hours": 2}, "next": "copy"}


@pytest.fixture
def secret(workspace):
    variable = WorkflowVariable(tenant=workspace, key="API_KEY", type=WorkflowVariable.Type.SECRET)
    conceal(variable, SECRET)
    variable.save()


def echoing(service, next=None, **more):
    """A call that sends the secret, to a service that quotes it."""
    service.answers = [Response(f'{{"echo": "you sent {SECRET}"}}', content_type="application/json")]
    step = call("ask", service, next, **more)
    step["input"]["headers"] = {"X-Key": "{{ vars.API_KEY }}"}
    return step


def in_the_open():
    rows = [
        *StepExecution.objects.values("path", "input", "output", "error", "attempts", "request_log"),
        *WorkflowExecution.objects.values("output", "error"),
    ]
    return [row for row in rows if SECRET in str(row)]


def test_what_is_made_of_a_secret_after_a_wait_is_sealed_too(engine, deploy, service):
    copy = make_value("copy", seen="{{ steps.ask.body.echo }}")
    run_id = start(deploy(workflow(echoing(service, "pause"), PAUSE, copy)))
    engine.drain()
    let_time_pass(run_id)

    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.status == "COMPLETED"
    assert in_the_open() == []
    assert steps_of(execution)["copy"].is_encrypted


def test_a_retry_can_read_the_sealed_outputs_it_keeps(engine, deploy, service, alice):
    compare = make_value("compare", same=f"{{{{ steps.ask.body.echo == 'you sent {SECRET}' }}}}")
    gate = {"key": "gate", "type": "stop", "config": {"as": "failed", "message": "No."}}
    run_id = start(deploy(workflow(echoing(service, "compare"), {**compare, "next": "gate"}, gate)))
    engine.drain()

    again = retry(WorkflowExecution.objects.get(pk=run_id), start="compare", by=alice)
    engine.drain()

    execution = WorkflowExecution.objects.get(pk=again)
    assert execution.error["message"] == "No.", execution.error
    assert len(service.calls) == 1
    assert in_the_open() == []


def test_errors_quote_no_secret_variable(run, service):
    service.answers = [Response(f"the key {SECRET} is unknown", status=400)] * 2
    step = call("ask", service, retry={"attempts": 2, "backoff_s": 0.01})
    step["input"]["headers"] = {"X-Key": "{{ vars.API_KEY }}"}

    execution = run(workflow(step))

    assert execution.status == "FAILED"
    assert in_the_open() == []


def test_an_expression_that_fails_over_a_leaked_secret_does_not_quote_it(run, service):
    bad = {"key": "bad", "type": "delay", "config": {"until": "{{ steps.ask.body.echo }}"}}

    execution = run(workflow(echoing(service, "bad"), bad))

    assert execution.status == "FAILED"
    assert in_the_open() == []
