"""Secrets that pass through programs and the memory: kept sealed, printed masked, shown to nobody."""

from __future__ import annotations

import pytest

from tests.workflows.runs.conftest import (
    let_time_pass,
    make_value,
    start,
    start_and_drain,
    steps_of,
    workflow,
)
from tests.workflows.runs.test_sealing import PAUSE, SECRET, echoing, in_the_open, secret
from workflows.models import StepState, WorkflowExecution

__all__ = ["secret"]
pytestmark = pytest.mark.usefixtures("catalogue", "secret")
ECHO = "{{ steps.ask.body.echo }}"


def state(key, next=None, **config):
    step = {"key": key, "type": "state", "config": config}
    return {**step, "next": next} if next else step


def test_what_the_memory_keeps_of_a_secret_is_sealed_and_comes_back_whole(engine, deploy, service):
    keep = deploy(
        workflow(echoing(service, "keep"), state("keep", set={"token": ECHO, "plain": "x"}), key="keeping")
    )

    first = start_and_drain(keep, engine)

    assert first.status == "COMPLETED"
    assert steps_of(first)["keep"].is_encrypted
    rows = StepState.objects.values_list("is_encrypted", "value")
    assert all(is_sealed for is_sealed, _ in rows)
    assert SECRET not in str(list(rows))
    assert in_the_open() == []


def test_a_sealed_value_that_is_read_seals_what_is_made_of_it(engine, deploy, service):
    read = state("read", next="copy", get="token", default="none")
    ask = echoing(service, "keep")
    copy = make_value("copy", next="ask", length="{{ steps.read | length }}", seen="{{ steps.read }}")
    deployment = deploy(workflow(read, copy, ask, state("keep", set={"token": ECHO})))
    start_and_drain(deployment, engine)
    echoing(service)

    second = start_and_drain(deployment, engine)

    assert second.status == "COMPLETED"
    assert steps_of(second)["read"].is_encrypted
    assert steps_of(second)["copy"].is_encrypted
    assert in_the_open() == []


def test_what_a_program_prints_of_a_secret_is_masked(engine, deploy, service):
    say = {"key": "say", "type": "code", "input": {"echo": ECHO},
           "config": {"language": "python", "source": "print(input['echo'])\nreturn len(input['echo'])"}}  # fmt: skip

    execution = start_and_drain(deploy(workflow(echoing(service, "say"), say)), engine)

    assert execution.status == "COMPLETED"
    assert steps_of(execution)["say"].request_log["printed"][0].startswith("you sent ")
    assert in_the_open() == []


def test_after_a_wait_nothing_printed_is_kept_since_nobody_knows_what_it_quotes(engine, deploy, service):
    say = {"key": "copy", "type": "code", "input": {"echo": ECHO},
           "config": {"language": "python", "source": "print(input['echo'])\nraise ValueError(input['echo'])"}}  # fmt: skip
    run_id = start(deploy(workflow(echoing(service, "pause"), PAUSE, say)))
    engine.drain()
    let_time_pass(run_id)

    engine.drain()

    execution = WorkflowExecution.objects.get(pk=run_id)
    assert execution.status == "FAILED"
    assert steps_of(execution)["copy"].request_log is None
    assert in_the_open() == []
