"""Deleting a workflow: all of its rows go, whoever waits for it is told, and nobody else notices."""

from __future__ import annotations

import time

import pytest

from accounts.models import AuditEvent
from tests.workflows.full_house import counts, make_house, make_run
from tests.workflows.runs.conftest import (
    call,
    drain_apart,
    drain_until,
    make_value,
    start,
    steps_of,
    workflow,
)
from workflows import keeping
from workflows.models import (
    ActiveRun,
    EngineSwitch,
    Folder,
    Mark,
    StepExecution,
    TriggerSubscription,
    UncountedRun,
    UsedStep,
    WorkerLease,
    WorkflowExecution,
    WorkflowTemplate,
    WorkflowTemplateLibrary,
    WorkflowVariable,
)  # fmt: skip
from workflows.runs import deletion

pytestmark = pytest.mark.usefixtures("catalogue")
STAYS = {
    WorkflowVariable: 2, WorkflowTemplateLibrary: 1, WorkerLease: 1, Folder: 1,
    TriggerSubscription: 1,  # until the service was told to stop
}  # fmt: skip
SUB = {"key": "sub", "type": "sub_workflow", "workflow": "helper"}
WAIT = {"key": "wait", "type": "delay", "config": {"minutes": 60}}


def template_of(deployment):
    return WorkflowTemplate.objects.get(pk=deployment.template_id)


def deletes(deployment, by):
    keeping.delete(template_of(deployment), by=by)


def test_every_row_of_a_deleted_workflow_goes_and_no_other(alice, charlie, workspace):
    make_house(charlie.tenants.get(), charlie)
    before = counts()
    template = make_house(workspace, alice)
    others = {EngineSwitch, Mark, UncountedRun, UsedStep}
    assert all(counts()[model] > before[model] for model in before.keys() - others)

    keeping.delete(template, by=alice)

    assert counts() == {model: count + STAYS.get(model, 0) for model, count in before.items()}
    event = AuditEvent.objects.for_tenant(workspace).get(verb="workflow.deleted")
    assert (event.actor_id, event.shown("before")) == (alice.pk, {"key": "order-follow-up"})


def test_runs_go_in_batches(alice, workspace, monkeypatch):
    monkeypatch.setattr(deletion, "BATCH", 2)
    template = make_house(workspace, alice, runs=4)

    assert deletion.delete_runs(WorkflowExecution.objects.filter(template=template)) == 5
    assert not WorkflowExecution.objects.exists()
    assert not StepExecution.objects.exists()


def test_only_the_given_runs_are_deleted(alice, workspace):
    template = make_house(workspace, alice, runs=1)
    kept = make_run(template, 9, "COMPLETED")

    deletion.delete_runs(WorkflowExecution.objects.exclude(pk=kept.pk))

    assert list(WorkflowExecution.objects.all()) == [kept]
    assert set(steps_of(kept)) == {"big", "alert"}


def test_a_run_that_a_worker_holds_leaves_no_trace(engine, deploy, service, alice):
    service.pause_s = 0.5
    deployment = deploy(workflow(call("slow", service, "after"), make_value("after")))
    start(deployment)
    working = drain_apart(engine)
    while not service.calls:
        time.sleep(0.01)

    deletes(deployment, alice)
    working.join()

    assert not any(model.objects.exists() for model in (WorkflowExecution, StepExecution, ActiveRun))


def test_a_run_that_waits_for_a_deleted_workflow_fails_in_words(engine, deploy, alice):
    child = deploy(workflow(WAIT, key="helper"))
    parent = start(deploy(workflow(SUB)))
    drain_until(engine, parent, "WAITING")

    deletes(child, alice)

    assert "its run was deleted" in str(drain_until(engine, parent, "FAILED").error)
    assert WorkflowExecution.objects.count() == 1


def test_sub_workflows_of_a_deleted_run_stop(engine, deploy, alice):
    deploy(workflow(WAIT, key="helper"))
    parent = deploy(workflow(SUB))
    drain_until(engine, start(parent), "WAITING")

    deletes(parent, alice)

    child = WorkflowExecution.objects.get()
    assert (child.status, child.parent_id) == ("CANCELLED", None)
    assert not ActiveRun.objects.exists()


def test_a_start_that_comes_too_late_holds_up_nobody(engine, deploy, alice):
    gone = deploy(workflow(make_value("a")))
    other = deploy(workflow(make_value("a"), key="other"))
    deletes(gone, alice)

    start(gone)  # by somebody who read the deployment a moment ago
    execution = drain_until(engine, start(other), "COMPLETED", within_s=3)

    assert execution.status == "COMPLETED"
    assert list(WorkflowExecution.objects.all()) == [execution]
    assert not ActiveRun.objects.exists()


def test_a_parent_that_calls_a_workflow_deleted_a_moment_ago_fails(engine, deploy, alice):
    child = deploy(workflow(make_value("a"), key="helper"))
    parent = deploy(workflow(SUB))
    drain_until(engine, start(parent), "COMPLETED")  # from now on the engine remembers for some seconds
    deletes(child, alice)

    execution = drain_until(engine, start(parent), "FAILED", within_s=5)

    assert execution.status == "FAILED"
    assert set(WorkflowExecution.objects.values_list("template", flat=True)) == {parent.template_id}


def test_who_comes_second_is_told(alice, deploy):
    deployment = deploy(workflow(make_value("a")))
    second = template_of(deployment)
    deletes(deployment, alice)

    with pytest.raises(WorkflowTemplate.DoesNotExist):
        keeping.delete(second, by=alice)
