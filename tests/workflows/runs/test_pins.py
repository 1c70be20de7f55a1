"""Pinned outputs stand in for steps in test runs, and only there; filters say that they ended a run."""

from __future__ import annotations

import pytest

from tests.workflows.runs.conftest import make_value, start_and_drain, steps_of, workflow
from workflows.models import RunEvent, Sample, WorkflowExecution
from workflows.runs.pins import pins_of
from workflows.runs.retry import retry
from workflows.runs.start import start_test_run


def pin(template, key, data, *, pinned=True):
    Sample.objects.create(
        tenant=template.tenant, template=template, step_key=key, data=data, source="PINNED", pinned=pinned
    )


@pytest.fixture
def flow(deploy):
    steps = (make_value("a", "b", v="real"), make_value("b", got="{{ steps.a.v }}"))
    return deploy(workflow(*steps)).template


def tried(template, alice, engine, **more):
    trigger = {"type": "manual", "key": "go", "body": {}}
    run = start_test_run(template, trigger=trigger, trigger_type="MANUAL", by=alice, **more)
    engine.drain()
    return WorkflowExecution.objects.get(pk=run)


def test_pinned_step_is_not_run_in_a_test(flow, alice, engine, catalogue):
    pin(flow, "a", {"v": "pinned"})

    run = tried(flow, alice, engine)

    assert steps_of(run)["b"].output == {"got": "pinned"}
    assert run.options["pins"] == {"a": {"v": "pinned"}}


def test_published_run_never_uses_a_pin(flow, engine):
    pin(flow, "a", {"v": "pinned"})

    run = start_and_drain(flow.deployments.get(), engine)
    WorkflowExecution.objects.filter(pk=run.pk).update(options={"pins": {"a": {"v": "pinned"}}})
    again = retry(WorkflowExecution.objects.get(pk=run.pk), start="start", by=None)
    engine.drain()

    assert steps_of(run)["b"].output == {"got": "real"}
    assert steps_of(WorkflowExecution.objects.get(pk=again))["b"].output == {"got": "real"}


def test_pinned_call_sends_nothing(deploy, alice, engine, catalogue, httpserver):
    step = {"key": "pay", "type": "action", "integration": "http", "action": "request", "effect": "unsafe",
            "input": {"method": "POST", "url": httpserver.url_for("/pay")}}  # fmt: skip
    template = deploy(workflow(step)).template
    pin(template, "pay", {"id": 7})

    run = tried(template, alice, engine)

    assert (run.status, run.output) == ("COMPLETED", {"id": 7})
    assert httpserver.log == []


def test_retry_of_a_test_keeps_its_pins(flow, alice, engine):
    pin(flow, "a", {"v": "pinned"})
    run = tried(flow, alice, engine)
    Sample.objects.all().delete()

    again = retry(run, start="start", by=alice)
    engine.drain()

    assert steps_of(WorkflowExecution.objects.get(pk=again))["b"].output == {"got": "pinned"}


def test_steps_that_decide_the_way_and_old_pins_are_left_out(deploy):
    sieve = {"key": "sieve", "type": "filter", "when": "{{ true }}", "next": ["a"]}
    template = deploy(workflow(sieve, make_value("a"))).template
    pin(template, "sieve", {})
    pin(template, "gone", {})
    pin(template, "a", {"v": 1}, pinned=False)

    assert pins_of(template) == {}


def test_run_up_to_a_step_stops_there(flow, alice, engine):
    run = tried(flow, alice, engine, until="a")

    assert (run.status, run.output) == ("COMPLETED", {"v": "real"})
    assert set(steps_of(run)) == {"a"}


# --- filters --------------------------------------------------------------------------------------
SIEVE = {
    "key": "sieve",
    "name": "Only big",
    "type": "filter",
    "when": "{{ trigger.body.big }}",
    "next": ["a"],
}


def test_filter_that_ends_a_run_is_an_event(deploy, engine):
    deployment = deploy(workflow(SIEVE, make_value("a")))

    ended = start_and_drain(deployment, engine, {"big": False})
    start_and_drain(deployment, engine, {"big": True})

    event = RunEvent.objects.get(kind="FILTERED")
    assert (event.execution_id, event.template_id) == (ended.pk, deployment.template_id)
    assert "“Only big” ended the branch" in event.message


def test_filter_inside_a_loop_is_no_event(deploy, engine):
    loop = {"key": "each", "type": "loop", "over": "{{ [1, 2] }}", "as": "n", "next": {"each": ["sieve"]}}
    inside = {"key": "sieve", "type": "filter", "when": "{{ n > 1 }}"}

    start_and_drain(deploy(workflow(loop, inside)), engine)

    assert not RunEvent.objects.filter(kind="FILTERED").exists()
