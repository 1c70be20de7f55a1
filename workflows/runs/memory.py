"""Steps that read or change what a workflow remembers between its runs, from the side of the run.

What a step does to the memory travels with its record: the writer does it in the transaction that stores the record
(`memory_store.py`), or does neither. So a run that is taken over after a crash has counted once, and so has one whose
commit nobody heard of: a record that is in the journal already changes nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from automate.lib import clock
from automate.lib.jsontypes import JSON
from integrations.errors import ActionError
from workflows.engine.document import Step
from workflows.engine.outcome import Failed, Record, Remember, StepError, UseMemory
from workflows.runs import memory_store
from workflows.runs.files import RunFiles
from workflows.runs.scopes import ScopeRun
from workflows.runs.shapes import Claimed

if TYPE_CHECKING:
    from workflows.runs.facts import Facts
    from workflows.runs.segment import Segment
    from workflows.runs.waits import Note


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose memory it is. Test runs (`environment_id` None) have one of their own, so that trying out changes nothing."""

    tenant_id: uuid.UUID
    template_id: uuid.UUID
    environment_id: uuid.UUID | None


def owner_of(claimed: Claimed, facts: Facts) -> Owner:
    """The memory of a run (no SQL while the deployment is known)."""
    found = None if claimed.is_test else facts.deployment(claimed.deployment_id)["environment_id"]
    environment = uuid.UUID(str(found)) if found else None
    return Owner(claimed.lease.tenant_id, claimed.lease.workflow_id, environment)


@dataclass(slots=True)
class MemoryWork:
    """What the writer is to do with a record. It sets `fault`, or `is_late` when another run was quicker with an item;
    in both cases neither the record nor anything else of it is written."""

    owner: Owner
    use: UseMemory | None = None
    digests: tuple[str, ...] = ()
    is_secret: bool = False
    fault: StepError | None = None
    is_late: bool = False


class Around:
    """What a step that is being worked out may ask of the world outside it: earlier runs, and files."""

    def __init__(self, claimed: Claimed, facts: Facts) -> None:
        self._claimed = claimed
        self._facts = facts

    def known(self, step_key: str, digests: list[str]) -> set[str]:
        owner = owner_of(self._claimed, self._facts)
        return self._facts.ask(lambda: memory_store.known(owner, step_key, digests))

    def read_file(self, file: dict[str, JSON]) -> bytes:
        return self._files().read(file)

    def save_file(self, data: bytes, name: str, mime: str) -> dict[str, JSON]:
        try:
            return self._files().save(data, name=name, mime=mime)
        except ActionError as error:
            raise ValueError(error.message) from None

    def _files(self) -> RunFiles:
        return RunFiles(self._claimed.lease.tenant_id, self._claimed.lease.execution_id, self._facts)


class Memory(Around):
    """The same for the steps of one segment, and the way to the journal for those that change the memory."""

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment.claimed, segment.services.facts)
        self._segment = segment

    def commit(
        self,
        scope: ScopeRun,
        step: Step,
        path: str,
        wanted: UseMemory | Remember,
        started: datetime,
        note: Note,
    ) -> None:
        """Write the step's record with what it does to the memory, and go on when it is durable."""
        segment = self._segment
        record, work = self._prepared(scope, step, wanted, started)
        if isinstance(wanted, Remember):
            unkept = segment.make_storable(record)
            if unkept is not None:
                segment.fail(scope, step, path, Failed(unkept), started, note)
                return
        segment.account.rows += 1
        segment.journal.commit(record)
        segment.account.rows -= work.is_late or work.fault is not None
        if work.is_late:
            now = clock.now()
            segment.act(scope, step, path, segment.evaluate(scope, step, now), started, note)
        elif work.fault is not None:
            segment.fail(scope, step, path, Failed(work.fault, input=record.input), started, note)
        else:
            segment.data.is_tainted = segment.data.is_tainted or record.is_secret
            segment.account.has_secret = segment.account.has_secret or record.is_secret
            segment.take_in(scope, record)
            segment.dirty.append(scope)

    def _prepared(
        self, scope: ScopeRun, step: Step, wanted: UseMemory | Remember, started: datetime
    ) -> tuple[Record, MemoryWork]:
        segment = self._segment
        record = segment.new_record(scope, step, "COMPLETED", started, ("main",))
        owner = owner_of(self._claimed, self._facts)
        if isinstance(wanted, Remember):
            record.input, record.output = wanted.done.input, wanted.done.output
            work = MemoryWork(owner, digests=wanted.digests)
        else:
            record.input = {wanted.deed: _shown(wanted)}
            segment.services.guard(record, segment.data)
            work = MemoryWork(owner, wanted, is_secret=record.is_secret)
        record.memory = work
        return record, work


def _shown(use: UseMemory) -> JSON:
    """The step's input, as people see it."""
    if use.deed in ("get", "delete"):
        return next(iter(use.names)) if use.is_single else list(use.names)
    return dict(use.names)
