"""Testing one step: evaluated and, for an action, really sent, in the process that asks. Nothing is journaled."""

from __future__ import annotations

import uuid
from dataclasses import replace
from functools import partial
from typing import Any

from accounts.models import User
from automate.lib import clock
from automate.lib.jsontypes import JSON
from automate.lib.sandbox.pool import shared
from integrations.masking import Masker
from workflows import documents
from workflows.engine.document import Step
from workflows.engine.graph import Graph
from workflows.engine.names import Frame, RunData, scope_for
from workflows.engine.outcome import (
    AskPeople,
    CallAction,
    Done,
    Failed,
    Outcome,
    Record,
    Remember,
    RunCode,
    StartChild,
    StartLoop,
    StepError,
    UseMemory,
)
from workflows.engine.plan import ScopeShape
from workflows.engine.steps import approval, begin
from workflows.engine.steps.context import StepContext, StepFault
from workflows.models import Sample, WorkflowTemplate
from workflows.models.template import default_environment_of
from workflows.runs import actions, memory_store
from workflows.runs.asking import callback_path
from workflows.runs.code import run_code
from workflows.runs.facts import Facts
from workflows.runs.memory import Around, owner_of
from workflows.runs.perform import DEFAULT_STEP_TIMEOUT_S, Call
from workflows.runs.scopes import ScopeRun
from workflows.runs.shapes import Claimed, Lease
from workflows.runs.tokens import address

MAX_TEST_S = 60.0  # a page waits for it
_NO_SHAPE = ScopeShape((), {}, frozenset(), {})


def run_one_step(
    template: WorkflowTemplate, step_key: str, *, by: User, sample_scope: dict[str, Any]
) -> dict[str, Any]:
    """Run one step of the draft on sample data and keep its output as a sample.

    `sample_scope` = `{trigger: …, steps: {key: output}, item: …}`. Gives `{status, input, output, error, request_log,
    duration_ms}` with the statuses of a step. Raises KeyError for an unknown step.
    """
    document = documents.load_draft(template)
    step = {step.key: step for step in document.steps}[step_key]
    bindings = {slot: str(found) for slot, found in documents.bindings_of(template).items() if found}
    claimed = _claim(template, bindings)
    data, frame = _sample_data(Graph(document), step, sample_scope, claimed)
    started = clock.monotonic()
    outcome, log, leaked = _run(step, data, frame, claimed)
    result = _without_secrets(_shown(outcome, log, step, by), data, leaked)
    result["duration_ms"] = int((clock.monotonic() - started) * 1000)
    if result["status"] == "COMPLETED":
        Sample.objects.create(
            tenant_id=template.tenant_id,
            template=template,
            step_key=step_key,
            data=result["output"],
            source=Sample.Source.RUN,
        )
    return result


def _claim(template: WorkflowTemplate, bindings: dict[str, str]) -> Claimed:
    """A claim that stands for no run: what actions need to know of one."""
    run = uuid.uuid4()
    options = {"bindings": bindings, "environment_id": str(default_environment_of(template).pk)}
    return Claimed(
        Lease(run, template.tenant_id, template.pk, 1), run, None, None, None, True, run, None, 0, options, [], {}, 0,
        clock.now(),
    )  # fmt: skip


def _sample_data(
    graph: Graph, step: Step, given: dict[str, Any], claimed: Claimed
) -> tuple[RunData, Frame | None]:
    """The samples in the shape of a run: a record per step, and the first item of each loop around the step."""
    frame: Frame | None = None
    for loop in reversed(graph.loops_around(step.key)):
        name = str(graph.steps[loop].setting("as"))
        prefix = f"{frame.prefix if frame else ''}{loop}[0]."
        frame = Frame(loop, name, 0, given.get(name, given.get("item")), 1, prefix, frame)
    data = RunData(
        graph, given.get("trigger"), {"id": str(claimed.lease.execution_id), "number": 0, "is_test": True}, {}
    )
    facts = Facts()
    data.load_vars = lambda: facts.variables(claimed)[0]
    data.load_secrets = lambda: facts.variables(claimed)[1]
    data.time_zone = graph.document.settings.time_zone or "UTC"
    data.functions_at = lambda frame: {"callback_url": partial(_no_address, graph, frame)}
    for key, output in (given.get("steps") or {}).items():
        if key in graph.steps:
            path = _prefix_for(graph, key, frame) + key
            data.records[path] = Record(path, key, "COMPLETED", ("main",), output=output)
    return data, frame


def _no_address(graph: Graph, frame: Frame | None, key: JSON) -> JSON:
    """An address that nothing waits at: a test of one step is no run that could go on."""
    callback_path(graph, key, frame)
    return address("CALLBACK", uuid.uuid4())


def _prefix_for(graph: Graph, key: str, frame: Frame | None) -> str:
    loop = graph.loop_of.get(key)
    while frame is not None and frame.loop != loop:
        frame = frame.parent
    return frame.prefix if frame else ""


def _run(step: Step, data: RunData, frame: Frame | None, claimed: Claimed) -> tuple[Outcome, JSON, list[str]]:
    """What came of it, the log of its requests, and the secrets its output quotes."""
    now = clock.now()
    scope = scope_for(data, frame, now=now, error=lambda: None, with_secrets=step.type == "action")
    outcome = begin(
        StepContext(
            step,
            scope,
            now,
            effect_of=lambda step, given: actions.effect_of(step, given, claimed.lease.tenant_id),
            around=Around(claimed, Facts()),
        )
    )
    if isinstance(outcome, RunCode):
        return _run_code(step, data, claimed, outcome)
    if isinstance(outcome, UseMemory):
        return _looked_up(step, claimed, outcome), None, []
    if isinstance(outcome, Remember):
        return outcome.done, None, []
    if not isinstance(outcome, CallAction):
        return outcome, None, []
    call = Call(ScopeRun(_NO_SHAPE, frame), step, step.key, outcome.input, outcome.effect, now)
    done = actions.run_action(
        call, claimed, str(claimed.root), step.timeout_s or DEFAULT_STEP_TIMEOUT_S, Facts()
    )
    assert done.outcome is not None
    mapped = actions.map_output(
        step, done.outcome, lambda result: scope_for(data, frame, now=now, extra={"result": result})
    )
    return mapped, done.request_log, done.leaked


def _run_code(
    step: Step, data: RunData, claimed: Claimed, program: RunCode
) -> tuple[Outcome, JSON, list[str]]:
    program = replace(program, timeout_s=min(program.timeout_s, MAX_TEST_S))
    call = Call(ScopeRun(_NO_SHAPE), step, step.key, program.input, "safe", clock.now())
    done = run_code(
        call, program, shared(), seed=str(claimed.root), time_zone=data.time_zone, stop=lambda: False
    )
    assert done.outcome is not None
    return done.outcome, done.request_log, []


def _looked_up(step: Step, claimed: Claimed, use: UseMemory) -> Outcome:
    """What the step would give from the memory of test runs, which stays as it is."""
    given: JSON = dict(use.names)
    try:
        return Done(memory_store.look(owner_of(claimed, Facts()), use), input=given)
    except StepFault as fault:
        return Failed(StepError(str(fault), fault.code, step.key), input=given)


def _without_secrets(shown: dict[str, Any], data: RunData, leaked: list[str]) -> dict[str, Any]:
    """What is shown and kept as a sample quotes neither secret variables nor the connection's secrets."""
    plain, everything = data.load_vars(), data.load_secrets()
    masker = Masker([str(value) for key, value in everything.items() if key not in plain] + leaked)
    return {
        name: actions.masked_input(value, masker)
        if name in ("input", "request_log")
        else actions.without(value, masker)
        for name, value in shown.items()
    }


def _shown(outcome: Outcome, log: JSON, step: Step, by: User) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "status": "COMPLETED",
        "input": None,
        "output": None,
        "error": None,
        "request_log": log,
    }
    if isinstance(outcome, Failed):
        return shown | {"status": "FAILED", "input": outcome.input, "error": outcome.error.as_json()}
    if isinstance(outcome, Done):
        return shown | {"input": outcome.input, "output": outcome.output, "ports": list(outcome.ports)}
    if isinstance(outcome, StartLoop):
        return shown | {
            "output": {"count": len(outcome.items), "failed": 0, "results": []},
            "items": outcome.items[:50],
        }
    if isinstance(outcome, AskPeople):  # nobody is asked: as if whoever tests had approved
        asked: JSON = {"message": outcome.message, "asked": list(outcome.assignees)}
        return shown | {"input": asked, "output": approval.sample(step, by.email, clock.now().isoformat())}
    if isinstance(outcome, StartChild):
        return shown | {"input": outcome.input, "output": None}
    return shown | {"output": outcome.input if hasattr(outcome, "input") else None}
