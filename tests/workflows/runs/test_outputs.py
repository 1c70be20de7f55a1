"""Outputs above the inline limit: put aside, and seen by everybody as if they were not."""

from __future__ import annotations

import hashlib

import pytest
from werkzeug import Response

from tests.workflows.runs.conftest import call, make_value, start, start_and_drain, steps_of, workflow
from workflows.models import Blob, StepExecution, WorkflowExecution, WorkflowVariable
from workflows.runs import outputs
from workflows.runs.cancel import cancel
from workflows.runs.deletion import delete_runs
from workflows.runs.drain import Engine
from workflows.runs.retry import retry
from workflows.runs.secret_values import conceal

pytestmark = pytest.mark.usefixtures("catalogue")
PAUSE = {"key": "pause", "type": "delay", "config": {"hours": 2}, "next": "end"}
LONG = "{{ 'x' * trigger.body }}"


def text_step(key="make", next=None, text="{{ trigger.body | repeat('x') }}"):
    return make_value(key, next, text=text)


@pytest.fixture
def small(settings):
    """Limits of a test's size: 1 kB inline, 10 kB in all."""
    settings.MAX_OUTPUT_BYTES, settings.MAX_BLOB_BYTES = 1_000, 10_000
    return settings


def give(count):
    """A step whose output `{"text": …}` has exactly so many bytes."""
    return make_value("make", "end", text=f"{{{{ 'x' | repeat({count - len('{\"text\":\"\"}')}) }}}}")


def forgotten():
    """As in a process that has seen none of it."""
    outputs._fetched.clear()


def test_an_output_at_the_inline_limit_stays_in_its_row_and_one_byte_more_is_put_aside(run, small):
    end = make_value("end", n="{{ steps.make.text | length }}")

    inline, aside = run(workflow(give(1_000), end)), run(workflow(give(1_001), end, key="other"))

    assert set(steps_of(inline)["make"].output) == {"text"}
    reference = steps_of(aside)["make"].output
    assert reference["bytes"] == 1_001
    assert Blob.objects.get().execution_id == aside.pk
    assert (inline.output["n"], aside.output["n"]) == (989, 990)


def test_an_output_at_the_blob_limit_is_kept_and_one_byte_more_fails_its_step(run, small):
    kept, refused = run(workflow(give(10_000), make_value("end"))), run(workflow(give(10_001), make_value("end"), key="b"))

    assert kept.status == "COMPLETED"
    assert refused.status == "FAILED"
    assert refused.error["code"] == "too_large"
    assert refused.error["message"].startswith("The output of this step has 10,001 bytes, more than the 10,000 that are kept.")
    assert steps_of(refused)["make"].output is None


def test_a_step_whose_output_is_too_large_takes_its_error_path_without_another_try(run, small):
    step = {**give(10_001), "on_error": "end", "next": [], "retry": {"attempts": 3, "backoff_s": 0}}

    execution = run(workflow(step, make_value("end", why="{{ error.code }}")))

    assert execution.output == {"why": "too_large"}
    assert steps_of(execution)["make"].retry_count == 0


def test_the_real_limits():
    from django.conf import settings

    assert (settings.MAX_OUTPUT_BYTES, settings.MAX_BLOB_BYTES) == (256 * 1024, 16 * 1024 * 1024)
    assert (settings.WEBHOOK_MAX_BYTES, settings.MAX_STEP_RUNS) == (1024 * 1024, 200_000)
