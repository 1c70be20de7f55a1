"""The limits of a run that are not its loops' or outputs': at the limit it works, one above it fails with a sentence."""

from __future__ import annotations

import uuid

import pytest
from werkzeug import Response

from tests.workflows.runs.conftest import call, make_value, start, steps_of, workflow
from workflows.engine.outcome import Record
from workflows.models import WorkflowExecution
from workflows.runs import outputs, perform, services
from workflows.runs.facts import Facts
from workflows.runs.shapes import Lease

pytestmark = pytest.mark.usefixtures("catalogue")
CHILD = {**workflow(make_value("a", x=1), key="child"), "triggers": [{"key": "called", "type": "workflow"}]}
SUB = {"key": "sub", "type": "sub_workflow", "workflow": "child"}


@pytest.mark.parametrize(("depth", "status"), [(19, "COMPLETED"), (20, "FAILED")])
def test_sub_workflows_go_twenty_deep(engine, deploy, depth, status):
    deploy(CHILD)
    run_id = start(deploy(workflow(SUB)))
    WorkflowExecution.objects.filter(pk=run_id).update(depth=depth)

    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.status == status
    if status == "FAILED":
        assert execution.error["code"] == "too_deep"
        assert "Look for a workflow that starts itself" in execution.error["message"]
    else:
        assert WorkflowExecution.objects.get(parent_id=run_id).depth == 20


def nested(levels):
    value = "x"
    for _ in range(levels):
        value = [value]
    return value


def nested_text(levels):
    return "[" * levels + '"x"' + "]" * levels


@pytest.mark.parametrize(("levels", "status"), [(64, "COMPLETED"), (65, "FAILED")])
def test_an_answer_may_be_nested_64_levels(run, service, levels, status):
    service.answers = [Response(nested_text(levels), content_type="application/json")]
    step = call("ask", service)
    step["input"]["expect"] = "json"

    execution = run(workflow(step))

    assert execution.status == status
    if status == "FAILED":
        assert "nested more than 64 levels deep" in execution.error["message"]
    else:
        assert steps_of(execution)["ask"].output["body"] == nested(64)


def test_what_is_stored_of_a_step_is_held_to_a_depth_whatever_made_it():
    lease, facts = Lease(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), 1), Facts()

    at, above = (
        outputs.store(Record("a", "a", "COMPLETED", output=nested(levels)), lease, facts, uuid.uuid4())
        for levels in (outputs.STORED_DEPTH, outputs.STORED_DEPTH + 1)
    )

    assert at is None
    assert above.code == "too_nested"
    assert "more than 64 levels" in above.message


def test_the_figures():
    assert services.MAX_DEPTH == 20
    assert perform.DEFAULT_STEP_TIMEOUT_S == 30
