"""Code steps in runs: their values, their logs, their ends, and what becomes of the child process."""

from __future__ import annotations

import threading
import time

import pytest

from automate.lib.sandbox.pool import Sandbox
from tests.workflows.runs.conftest import drain_apart, make_value, start, steps_of, workflow
from workflows.models import ActiveRun, WorkflowExecution
from workflows.runs.cancel import cancel


def code(key, source, language="python", next=None, **more):
    config = {"language": language, "source": source, **more.pop("config", {})}
    step = {"key": key, "type": "code", "config": config, **more}
    return {**step, "next": next} if next else step


@pytest.fixture(scope="module")
def children():
    """Warm child processes, shared by the tests of this file."""
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def engine(engine, children):
    engine.services.sandbox = children
    return engine


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("python", "return {'total': sum(input['prices'])}"),
        ("javascript", "return {total: input.prices.reduce((a, b) => a + b, 0)};"),
    ],
)
def test_a_program_sees_its_input_and_its_value_is_the_output(run, language, source):
    step = code("add", source, language, input={"prices": "{{ trigger.body.prices }}"})

    execution = run(workflow(step), {"prices": [1, 2, 3.5]})

    assert (execution.status, execution.output) == ("COMPLETED", {"total": 6.5})
    assert steps_of(execution)["add"].input == {"prices": [1, 2, 3.5]}
    assert steps_of(execution)["add"].request_log is None


def test_what_it_prints_is_kept_with_the_step(run):
    execution = run(workflow(code("say", "print('one', 1)\nprint('two')\nreturn None")))

    assert steps_of(execution)["say"].request_log == {"printed": ["one 1", "two"], "cut": False, "line": None}


def test_an_error_names_its_line_and_takes_the_error_path(run):
    broken = code("calc", "a = 1\nb = a / 0\nreturn b", on_error="rescue")
    rescue = make_value("rescue", said="{{ error.message }}", code="{{ error.code }}")

    execution = run(workflow(broken, rescue))

    assert execution.output == {"said": "Line 2: ZeroDivisionError: division by zero", "code": "code_error"}
    assert steps_of(execution)["calc"].request_log["line"] == 2


def test_a_program_that_takes_too_long_fails_with_what_it_printed(run):
    endless = code("spin", "print('on my way')\nwhile True: pass", config={"timeout_s": 0.1})

    execution = run(workflow(endless))

    assert execution.status == "FAILED"
    assert "took longer than its limit of 0.1 s" in execution.error["message"]
    assert steps_of(execution)["spin"].request_log["printed"] == ["on my way"]


def test_a_failed_program_is_tried_again_as_often_as_its_policy_says(run):
    failing = code("flaky", "raise ValueError('no')", retry={"attempts": 3, "backoff_s": 0})

    execution = run(workflow(failing))

    step = steps_of(execution)["flaky"]
    assert (execution.status, step.retry_attempt, len(step.attempts)) == ("FAILED", 3, 2)


def test_a_mistake_in_the_writing_is_not_tried_again(run):
    execution = run(workflow(code("typo", "return (", retry={"attempts": 3, "backoff_s": 0})))

    assert steps_of(execution)["typo"].retry_attempt == 1
    assert execution.error["code"] == "code_syntax"


def test_programs_of_a_loop_keep_their_items_apart(run):
    loop = {
        "key": "each", "type": "loop", "over": [1, 2, 3, 4, 5], "parallel": 5, "collect": "{{ steps.square }}",
        "next": {"each": ["square"]},
    }  # fmt: skip
    square = code("square", "return input.n * input.n", "javascript", input={"n": "{{ item }}"})

    execution = run(workflow(loop, square))

    assert execution.output["results"] == [1, 4, 9, 16, 25]


def test_a_run_that_is_stopped_kills_its_program(deploy, engine, children):
    endless = code("spin", "while True: pass", config={"timeout_s": 60})
    engine.lease_s = 1.0  # heard of at the next beat
    run_id = start(deploy(workflow(endless)))
    worker = drain_apart(engine)
    _until(lambda: ActiveRun.objects.filter(pk=run_id, progress__has_key="spin").exists())
    child = next(iter(children._busy))

    cancel(WorkflowExecution.objects.get(pk=run_id), by=None)
    worker.join(10)

    assert WorkflowExecution.objects.get(pk=run_id).status == "CANCELLED"
    assert not child.is_alive


def test_a_worker_that_is_told_to_stop_kills_the_program_and_hands_the_run_over(deploy, engine):
    slow = code("wait", "n = 0\nwhile n < input['rounds']: n += 1\nreturn n", input={"rounds": "{{ trigger.body }}"},
                config={"timeout_s": 60})  # fmt: skip
    run_id = start(deploy(workflow(slow)), 10**9)
    stopping = threading.Event()
    worker = drain_apart(engine, stop=stopping.is_set)
    _until(lambda: ActiveRun.objects.filter(pk=run_id, progress__has_key="wait").exists())

    stopping.set()
    worker.join(10)

    active = ActiveRun.objects.get(pk=run_id)
    assert active.state in ("READY", "WAITING")
    assert not steps_of(WorkflowExecution.objects.get(pk=run_id))


def test_a_program_that_eats_its_memory_fails_the_step_and_not_the_worker(run):
    limit = {"memory_mb": 16, "timeout_s": 5}
    hungry = code("eat", "return 'x'.repeat(1e9)", "javascript", config=limit, on_error="rescue")

    execution = run(workflow(hungry, make_value("rescue", code="{{ error.code }}")))

    assert execution.output["code"] in ("code_memory", "code_died")


def _until(holds, within_s=10.0):
    give_up = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.02)
