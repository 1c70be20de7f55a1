"""Runs a person's program: here its input and limits are worked out; it runs at the edge, in a process of its own."""

from __future__ import annotations

from automate.lib.sandbox import DEFAULT_MEMORY_MB, DEFAULT_TIMEOUT_S, MAX_SOURCE_CHARS
from workflows.engine.outcome import Outcome, RunCode
from workflows.engine.steps.context import StepContext, StepFault


def begin(context: StepContext) -> Outcome:
    step = context.step
    given = context.value(step.input)
    if not isinstance(given, dict):
        raise StepFault("The input of a program is an object of names and values.")
    source = str(step.config.get("source") or "")
    if not source.strip():
        raise StepFault("There is no program in this step. Write one that returns a value.")
    if len(source) > MAX_SOURCE_CHARS:
        raise StepFault(
            f"The program has {len(source):,} characters, more than {MAX_SOURCE_CHARS:,}. Split it over two steps."
        )
    timeout_s = step.config.get("timeout_s") or step.timeout_s or DEFAULT_TIMEOUT_S
    memory_mb = step.config.get("memory_mb") or DEFAULT_MEMORY_MB
    return RunCode(given, str(step.config.get("language")), source, float(timeout_s), int(memory_mb))
