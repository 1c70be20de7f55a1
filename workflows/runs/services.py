"""What a segment may ask of the world around it; one object per worker process."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

from automate.lib import clock
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON
from automate.lib.sandbox.pool import Sandbox
from workflows.engine.document import Step
from workflows.engine.names import RunData
from workflows.engine.outcome import Record, RunCode, StartChild, StepError
from workflows.runs import actions, code, outputs, turns
from workflows.runs.cancel import BY_A_PERSON, stop_all
from workflows.runs.facts import Facts, patiently
from workflows.runs.failure import OF_FAILURE, failure_runs, is_of_failure
from workflows.runs.hops import COUNTED_FROM, MAX_DEPTH, TOO_DEEP, objection
from workflows.runs.shapes import Child, Claimed, Ending, Entry, Lease
from workflows.runs.store import current_store

if TYPE_CHECKING:
    from workflows.runs.perform import Call, Performed
    from workflows.runs.segment import Segment

POOL_SIZE = 32  # calls of one process that may wait for services beside the runs' own threads


class Services:
    """`write` hands an entry to the process's writer; everything else answers at once or in the pool.

    `is_closing`: the worker is to stop, so runs are handed over between two steps.
    """

    def __init__(self, write: Callable[[Entry], None], facts: Facts) -> None:
        self.write = write
        self.facts = facts
        self.is_closing = False
        self.sandbox = Sandbox()
        self._pool = ThreadPoolExecutor(POOL_SIZE, thread_name_prefix="call")

    def await_written(self, entry: Entry) -> None:
        """Come back once the writer has committed the entry. Raises WriterGone."""
        self.facts.writer.wait(entry.written)

    def confirm(self, lease: Lease) -> None:
        """Unless all is well: come back once a fenced write has shown whether the run is still ours. Raises WriterGone."""
        if self.facts.writer.is_overdue() or lease.is_doubted:
            entry = Entry(lease)
            self.write(entry)
            self.await_written(entry)
            lease.is_doubted = False

    def submit(self, job: Callable[[], None]) -> None:
        self._pool.submit(job)

    def effect_of(
        self, step: Step, given: dict[str, JSON], tenant_id: uuid.UUID
    ) -> Literal["safe", "unsafe"]:
        try:
            return patiently(lambda: actions.effect_of(step, given, tenant_id))
        finally:
            actions.release_database(self.facts)

    def run_action(self, call: Call, claimed: Claimed, key: str, timeout_s: float) -> Performed:
        return actions.run_action(call, claimed, key, timeout_s, self.facts)

    def run_code(self, call: Call, program: RunCode, segment: Segment) -> Performed:
        """Run a program in a child process; it is killed when its run is stopped or handed over."""
        lease = segment.lease
        return code.run_code(
            call, program, self.sandbox, seed=call.key(segment.claimed.root), time_zone=segment.data.time_zone,
            stop=lambda: lease.lost or lease.cancelled or self.is_closing,
        )  # fmt: skip

    def close(self) -> None:
        """End the child processes that run programs."""
        self.sandbox.close()

    def guard(self, record: Record, data: RunData) -> None:
        """Keep secrets out of what is stored of a step."""
        actions.guard(record, data)

    def count_rows(self, claimed: Claimed) -> tuple[int, bool, bool]:
        """How many steps are in the journal; whether one has failed, whether one is sealed."""
        return self.facts.ask(lambda: current_store().count_records(claimed.lease.execution_id))

    def records_at(self, claimed: Claimed, paths: list[str]) -> list[Record]:
        """What the journal has at these paths (one SQL query)."""
        run = claimed.lease.execution_id
        found = self.facts.ask(lambda: current_store().load_records([run], paths)).get(run, [])
        return [outputs.fetched_later(record, claimed.lease, self.facts) for record in found]

    def store(self, record: Record, claimed: Claimed) -> StepError | None:
        """Work out how the record is written; the error says why its output cannot be kept."""
        return outputs.store(record, claimed.lease, self.facts, uuid7())

    def store_run_output(self, output: JSON, claimed: Claimed) -> str | None:
        """What the run gave, as its row has it."""
        return outputs.store_run_output(output, claimed.lease, self.facts)

    def failure_runs(self, claimed: Claimed, data: RunData, ending: Ending) -> list[Child]:
        """The runs that the end of this one starts, if it failed."""
        return failure_runs(claimed, data.graph.document, ending, str(data.run["url"]), self.facts)

    def hidden(self, output: JSON) -> JSON:
        """The output of a run in which a secret came back: the steps keep their values sealed, the run shows none."""
        return None if output is None else {"hidden": "This output may hold a secret. See the steps."}

    def stop_runs(self, runs: Collection[str]) -> None:
        """Stop the sub-workflows of a run that was stopped itself."""
        self.facts.ask(lambda: stop_all(runs))

    def why_stopped(self, lease: Lease) -> str:
        """Why a run is to stop: a newer one took its place, else somebody stopped it (one SQL query)."""
        return (
            self.facts.ask(lambda: turns.why_replaced(lease.workflow_id, lease.execution_id)) or BY_A_PERSON
        )

    def child_for(self, claimed: Claimed, wanted: StartChild, path: str) -> Child | StepError:
        """The run of a sub-workflow, not yet queued; an error when there is nothing to run."""
        step = path.rsplit(".", 1)[-1]
        if claimed.depth + 1 > MAX_DEPTH:
            return StepError(TOO_DEEP, "too_deep", step)
        target = self.facts.live_workflow(claimed, wanted.workflow)
        if target is None:
            return StepError(
                f"There is no published workflow with the key `{wanted.workflow}` here. Publish it, or choose another.",
                "no_such_workflow",
                step,
            )
        if claimed.depth + 1 >= COUNTED_FROM:
            template_id = uuid.UUID(str(target["template_id"]))
            why = self.facts.ask(lambda: objection(template_id, claimed.depth + 1))
            if why:
                return StepError(why, "too_deep", step)
        return _child(claimed, wanted, path, target)


def place_in_line(claimed: Claimed, key: str) -> tuple[str, dict[str, Any]]:
    """What counts a run that this one starts, and what it has to know of those before it.

    It takes no place in a workflow that one of those holds a place in: it would wait for itself.
    """
    line = (
        [*claimed.options.get("line", []), claimed.lease.key]
        if claimed.lease.key
        else claimed.options.get("line", [])
    )
    counted = "" if claimed.is_test or key in line else key
    return counted, {"line": line} if line else {}


def _child(claimed: Claimed, wanted: StartChild, path: str, target: dict[str, Any]) -> Child:
    trigger: JSON = {
        "type": "workflow",
        "key": target["trigger_key"],
        "at": clock.now().isoformat(),
        "body": wanted.input,
        "parent": {"execution": str(claimed.lease.execution_id), "path": path},
    }
    key, line = place_in_line(claimed, str(target["limit_key"]))
    return Child(
        id=uuid7(),
        template_id=uuid.UUID(str(target["template_id"])),
        version_id=uuid.UUID(str(target["version_id"])),
        deployment_id=uuid.UUID(str(target["deployment_id"])),
        input=trigger,
        parent_path=path,
        depth=claimed.depth + 1,
        is_test=claimed.is_test,
        options=({} if wanted.wait else {"detached": True})
        | ({OF_FAILURE: True} if is_of_failure(claimed) else {})
        | line,
        concurrency_key=key,
    )
