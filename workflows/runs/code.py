"""Runs the program of a code step in the sandbox, and puts what came of it into the engine's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from automate.lib.jsontypes import JSON
from automate.lib.sandbox import CodeResult, Job, Stopped
from automate.lib.sandbox.pool import Sandbox
from workflows.engine.outcome import Done, Failed, RunCode, StepError
from workflows.runs.perform import Call, Performed

MAY_HELP: Final = frozenset(
    {"code_timeout", "code_died", "code_unavailable"}
)  # trying again, on a machine less busy


def run_code(
    call: Call, program: RunCode, sandbox: Sandbox, *, seed: str, time_zone: str, stop: Callable[[], bool]
) -> Performed:
    """Run it; without an outcome when it was stopped because nobody waits for it any more.

    It sees the moment the step began and random numbers that come from `seed`: the same again after a crash.
    """
    job = Job(
        program.language, program.source, program.input, program.timeout_s, program.memory_mb,
        now_ms=int(call.started_at.timestamp() * 1000), time_zone=time_zone, seed=seed,
    )  # fmt: skip
    try:
        result = sandbox.run(job, stop=stop)
    except Stopped:
        return Performed(call, None)
    given = dict(program.input)
    if result.fault is None:
        return Performed(call, Done(result.output, input=given), printed(result))
    code = result.fault.code
    fault = StepError(result.fault.message, code, call.step.key, retryable=code in MAY_HELP)
    return Performed(call, Failed(fault, input=given, request_log=printed(result)), printed(result))


def printed(result: CodeResult) -> JSON:
    """What is kept beside the step: `{printed, cut, line}`; nothing when it printed nothing and no line is to blame."""
    line = result.fault.line if result.fault else None
    if not result.log and not result.cut and line is None:
        return None
    return {"printed": list(result.log), "cut": result.cut, "line": line}
