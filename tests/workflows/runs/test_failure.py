"""What starts when a run fails."""

from __future__ import annotations

import pytest

from tests.workflows.runs.conftest import make_value, start, workflow
from workflows.models import WorkflowExecution

BROKEN = make_value("a", v="{{ trigger.body.nothing }}")


def handler(key="tell", **trigger):
    step = make_value("note", text="{{ trigger.body.workflow.name }}: {{ trigger.body.error.step }}")
    data = workflow(step, key=key)
    return {**data, "triggers": [{"key": "failed", "type": "failure", **trigger}]}


def runs_of(deployment):
    return list(WorkflowExecution.objects.filter(template=deployment.template))


def test_a_failure_trigger_hears_of_every_failed_workflow(engine, deploy):
    told = deploy(handler())
    failing = deploy(workflow(BROKEN, key="orders", name="Orders"))

    run_id = start(failing, {})
    engine.drain()

    [run] = runs_of(told)
    assert run.output == {"text": "Orders: a"}
    assert run.trigger_type == "FAILURE"
    assert run.input["body"]["run"]["id"] == str(run_id)


@pytest.mark.parametrize(("wanted", "count"), [(["orders"], 1), (["others"], 0)])
def test_a_failure_trigger_may_name_the_workflows(engine, deploy, wanted, count):
    told = deploy(handler(config={"workflows": wanted}))

    start(deploy(workflow(BROKEN, key="orders")), {})
    engine.drain()

    assert len(runs_of(told)) == count


def test_the_setting_of_the_workflow_names_who_is_told(engine, deploy, workspace):
    told = deploy(workflow(make_value("note", said="{{ trigger.body.error.code }}"), key="tell"))
    workspace.on_failure = ""
    workspace.save()

    start(deploy(workflow(BROKEN, key="orders", settings={"on_failure": "tell"})), {})
    engine.drain()

    assert [run.output for run in runs_of(told)] == [{"said": "expression"}]


def test_the_workspaces_choice_serves_workflows_without_one(engine, deploy, workspace):
    told = deploy(workflow(make_value("note"), key="tell"))
    workspace.on_failure = "tell"
    workspace.save()

    start(deploy(workflow(BROKEN, key="orders")), {})
    engine.drain()

    assert len(runs_of(told)) == 1


def test_a_failing_failure_workflow_starts_nothing(engine, deploy):
    told = deploy({**handler(), "steps": [{**BROKEN, "key": "note"}]})
    other = deploy(handler(key="other"))

    start(deploy(workflow(BROKEN, key="orders")), {})
    engine.drain()

    assert [run.status for run in runs_of(told)] == ["FAILED"]
    assert len(runs_of(other)) == 1


def test_what_a_failure_workflow_runs_starts_no_further_ones(engine, deploy):
    deploy(
        {
            **workflow({**BROKEN, "key": "inner"}, key="helper"),
            "triggers": [{"key": "called", "type": "workflow"}],
        }
    )
    call = {"key": "note", "type": "sub_workflow", "workflow": "helper", "wait": False}
    told = deploy({**handler(), "steps": [call]})

    start(deploy(workflow(BROKEN, key="orders")), {})
    for _ in range(5):
        engine.drain()

    assert len(runs_of(told)) == 1


def test_a_run_that_succeeds_tells_nobody(engine, deploy):
    told = deploy(handler())

    start(deploy(workflow(make_value("a"), key="orders")))
    engine.drain()

    assert runs_of(told) == []
