"""Running again: always a new execution that knows which one it repeats."""

from __future__ import annotations

import re
import uuid
from typing import Any, Literal

from django.db import transaction

from accounts.audit import record
from accounts.models import User
from automate.lib import clock
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON
from workflows.engine.graph import Graph
from workflows.errors import NothingPublished, WorkflowError
from workflows.models import Deployment, StepExecution, WorkflowExecution
from workflows.runs import dispatch
from workflows.runs.outputs import copied
from workflows.runs.program import programs
from workflows.runs.start import queue_run
from workflows.runs.store import PRIORITY, TEST_PRIORITY, StartRow
from workflows.runs.tokens import take_along

COPIED_AT_ONCE = 500  # steps


class NotRetryable(WorkflowError):
    """The run cannot be repeated as asked."""


def retry(
    execution: WorkflowExecution,
    *,
    start: str = "failed",
    version: Literal["same", "newest"] = "same",
    input: JSON = None,
    by: User | None,
    id: uuid.UUID | None = None,
) -> uuid.UUID:
    """A new run of the same trigger data. `start`: "failed" keeps the finished steps, "start" none, a path keeps what
    does not come after it. Kept steps are copied; idempotency keys are those of the first run unless it starts anew.
    `id`: of the new run, for who must be able to ask twice; a run that has it already is left alone.

    Raises NotRetryable.
    """
    if id is not None and WorkflowExecution.objects.filter(pk=id).exists():
        return id
    if not execution.is_final:
        raise NotRetryable("The run has not ended yet. Stop it first, or wait for its end.")
    version_id, deployment_id = _target(execution, version)
    kept = [] if start == "start" or input is not None else _kept(execution, start, version_id)
    row = StartRow(
        id=id or uuid7(),
        tenant_id=execution.tenant_id,
        template_id=execution.template_id,
        version_id=version_id,
        deployment_id=deployment_id,
        live_trigger_id=execution.live_trigger_id,
        trigger_type=execution.trigger_type,
        input=_input(execution, input),
        created_at=clock.now(),
        is_test=execution.is_test,
        root=(execution.root or execution.pk) if kept else None,
        retry_of_id=execution.pk,
        options=_options(execution, bool(kept)),
        started_by=by.pk if by else None,
        priority=TEST_PRIORITY if execution.is_test else PRIORITY,
    )
    with transaction.atomic():
        queue_run(row, None, None)
        _copy(kept, row.id)
        if kept and _has_callbacks(version_id):
            take_along(execution.pk, row.id, [step.path for step in kept])
        record(execution.tenant, by, "execution.retried", execution, after={"execution": str(row.id)})
        dispatch.wake_engine_after_commit()
    return row.id


def _has_callbacks(version_id: uuid.UUID) -> bool:
    program = programs.get({version_id}).get(version_id)
    return program is not None and program.has_callbacks


def _options(execution: WorkflowExecution, has_journal: bool) -> dict[str, Any]:
    options = {
        key: value
        for key, value in execution.options.items()
        if key in ("bindings", "environment_id", "pins")
    }
    return options | ({"has_journal": True} if has_journal else {})


def _input(execution: WorkflowExecution, changed: JSON) -> JSON:
    given: JSON = execution.input
    if changed is None:
        return given
    trigger = given if isinstance(given, dict) else {}
    if _files(changed) - _files(trigger):
        raise NotRetryable(
            "The changed data names a file that the run did not have. Only files of the run can be used."
        )
    return {**trigger, "body": changed}


def _files(value: JSON) -> set[str]:
    """The ids of the stored files that a value names."""
    found, waiting = set(), [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "$file" in part:
                found.add(str(part["$file"]))
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return found


def _target(execution: WorkflowExecution, version: str) -> tuple[uuid.UUID, uuid.UUID | None]:
    if version == "same" or execution.is_test:
        return execution.version_id, execution.deployment_id
    deployments = Deployment.objects.filter(template_id=execution.template_id)
    deployment = (
        deployments.filter(pk=execution.deployment_id or uuid.UUID(int=0)).first() or deployments.first()
    )
    if deployment is None:
        raise NothingPublished("The workflow has no published version. Publish it first.")
    return deployment.version_id, deployment.pk


def _kept(execution: WorkflowExecution, start: str, version_id: uuid.UUID) -> list[StepExecution]:
    """Finished steps that stay: completed ones that do not come after what is run again."""
    program = programs.get({version_id}).get(version_id)
    if program is None:
        raise NotRetryable(
            "The version of this run is gone. Run it again on the newest version, from the start."
        )
    steps = list(StepExecution.objects.filter(execution=execution).defer("input", "output", "request_log"))
    if start == "failed":
        again = [step.path for step in steps if step.step_status in ("FAILED", "CANCELLED")]
    else:
        again = [start]
        if _key(start) not in program.graph.steps:
            raise NotRetryable(
                f"There is no step `{start}` in this run. Choose one of its steps, `failed` or `start`."
            )
    redo = _Redo(program.graph, again)
    return [step for step in steps if _may_stay(step) and not redo.has(step.path)]


def _may_stay(step: StepExecution) -> bool:
    """A stop is asked again: kept, it would end the new run before it began."""
    return step.step_status == StepExecution.Status.COMPLETED and step.step_type != "STOP"


def _key(path: str) -> str:
    return path.rsplit(".", 1)[-1]


class _Redo:
    """The paths that are run again: the given ones, what follows them in their item, and the loops around them.

    Other items of those loops keep what they have done.
    """

    def __init__(self, graph: Graph, paths: list[str]) -> None:
        self.graph = graph
        self.exact: set[str] = set(paths)
        self.following: set[tuple[str, str]] = set()
        for path in paths:
            self._add(path)

    def _add(self, path: str) -> None:
        prefix = path[: len(path) - len(_key(path))]
        for key in self._after(_key(path)):
            self.following.add((prefix, key))
        if prefix:
            loop = prefix.rsplit("[", 1)[0]
            self.exact.add(loop)
            self._add(loop)

    def _after(self, key: str) -> set[str]:
        scope = self.graph.loop_of.get(key)
        found: set[str] = set()
        stack = [key]
        while stack:
            for link in self.graph.outgoing.get(stack.pop(), ()):
                if self.graph.loop_of.get(link.target) == scope and link.target not in found:
                    found.add(link.target)
                    stack.append(link.target)
        return found

    def has(self, path: str) -> bool:
        if path in self.exact:
            return True
        return any(
            path.startswith(prefix) and re.split(r"[.\[]", path[len(prefix) :], maxsplit=1)[0] == key
            for prefix, key in self.following
        )


def _copy(kept: list[StepExecution], execution_id: uuid.UUID) -> None:
    """Some at a time: a loop may have left a hundred thousand."""
    ids = [step.pk for step in kept]
    for start in range(0, len(ids), COPIED_AT_ONCE):
        rows = list(StepExecution.objects.filter(pk__in=ids[start : start + COPIED_AT_ONCE]).order_by("id"))
        for step in rows:
            source, step.copied_from, step.pk = step.pk, step.pk, uuid7()
            step.input = copied(step, "input", source, execution_id)
            step.output = copied(step, "output", source, execution_id)
            step.execution_id = execution_id
        StepExecution.objects.bulk_create(rows)
