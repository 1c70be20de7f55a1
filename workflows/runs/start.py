"""Starting runs: one transaction, and a wake-up after it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import connection

from accounts.models import User
from automate.lib import clock
from automate.lib.ids import uuid7
from automate.lib.jsontypes import JSON
from workflows.errors import WorkflowError
from workflows.models import Deployment, LiveTrigger, TriggerReceipt, WorkflowTemplate
from workflows.runs import dispatch, hops
from workflows.runs.failpoints import failpoint
from workflows.runs.pins import pins_of
from workflows.runs.policies import FREE, admit, policy_of
from workflows.runs.snapshot import snapshot_of
from workflows.runs.store import TEST_PRIORITY, StartRow, current_store
from workflows.runs.store.together import start_together


class StartsItself(WorkflowError):
    """A chain of runs that start each other has grown too long, or too wide."""


class DedupConflict(WorkflowError):
    """The same de-duplication key came with another body."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """`dedup_key` is unique per live trigger; `body_hash` tells a repeated call from another one under its key."""

    dedup_key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class StartResult:
    """`execution_id` is None when the start was left out, as the workflow's settings ask while a run is under way."""

    execution_id: uuid.UUID | None
    duplicate: bool = False

    @property
    def is_skipped(self) -> bool:
        return self.execution_id is None


def start_run(
    *,
    deployment: Deployment,
    trigger: dict[str, JSON],
    trigger_type: str,
    live_trigger: LiveTrigger | None = None,
    receipt: Receipt | None = None,
    priority: int = 5,
    started_by: uuid.UUID | None = None,
    awaited: bool = False,
    depth: int = 0,
) -> StartResult:
    """Queue a run of what is deployed. `trigger` is what the run sees under that name; `awaited`: who starts it is going
    to wait for its answer, so its data stays for a moment even if nothing is to be kept.

    With a receipt, a second start under the same key gives the first run's id; DedupConflict if its body differs.
    On PostgreSQL one statement and one commit, unless the workflow or its workspace limits its runs. `depth`: how many
    runs led to this start; StartsItself when they are too many.
    """
    if depth and (why := hops.objection(deployment.template_id, depth)):
        raise StartsItself(why)
    row = StartRow(
        id=uuid7(),
        tenant_id=deployment.tenant_id,
        template_id=deployment.template_id,
        version_id=deployment.version_id,
        deployment_id=deployment.pk,
        live_trigger_id=live_trigger.pk if live_trigger else None,
        trigger_type=trigger_type,
        input=trigger,
        created_at=clock.now(),
        started_by=started_by,
        priority=priority,
        options={"awaited": True} if awaited else None,
        depth=depth,
    )
    result = queue_run(row, live_trigger.pk if live_trigger else None, receipt, may_skip=True)
    dispatch.wake_engine_after_commit()
    return result


def queue_run(
    row: StartRow, live_trigger_id: uuid.UUID | None, receipt: Receipt | None, *, may_skip: bool = False
) -> StartResult:
    """Write the run; no wake-up. `may_skip`: it may be left out; else it waits where others would be left out."""
    key = (live_trigger_id, receipt.dedup_key, receipt.body_hash) if receipt and live_trigger_id else None
    policy = policy_of(row.version_id) if row.deployment_id else FREE
    failpoint("start.before_commit")
    if not policy.is_free:
        admission = admit(row, key, policy, may_skip=may_skip)
        started = row.id if admission == "started" else None
        if admission == "skipped":
            return StartResult(None)
    elif connection.vendor == "postgresql" or connection.in_atomic_block:
        started = current_store().start(row, key)
    else:
        started = start_together(current_store(), row, key)
    if started is None:
        assert receipt is not None
        assert live_trigger_id is not None
        return _the_first(live_trigger_id, receipt)
    failpoint("start.after_commit")
    return StartResult(started)


def _the_first(live_trigger_id: uuid.UUID, receipt: Receipt) -> StartResult:
    first = TriggerReceipt.objects.get(live_trigger_id=live_trigger_id, dedup_key=receipt.dedup_key)
    if first.body_hash != receipt.body_hash or first.execution_id is None:
        raise DedupConflict(
            f"A call with the key “{receipt.dedup_key}” was accepted before, with another body. "
            "Send a new key with new content."
        )
    return StartResult(first.execution_id, duplicate=True)


def start_test_run(
    template: WorkflowTemplate,
    *,
    trigger: dict[str, JSON],
    trigger_type: str,
    by: User,
    until: str | None = None,
) -> uuid.UUID:
    """Run the draft as it stands, with its current connections and pinned outputs. `until`: the last step to run.

    The draft is kept as a snapshot, one per content.
    """
    version, bindings, environment_id = snapshot_of(template)
    options: dict[str, Any] = {"bindings": bindings, "environment_id": str(environment_id)}
    if until:
        options["until"] = until
    if pins := pins_of(template):
        options["pins"] = pins
    row = StartRow(
        id=uuid7(),
        tenant_id=template.tenant_id,
        template_id=template.pk,
        version_id=version.pk,
        input=trigger,
        created_at=clock.now(),
        trigger_type=trigger_type,
        is_test=True,
        options=options,
        started_by=by.pk,
        priority=TEST_PRIORITY,
    )
    queue_run(row, None, None)
    dispatch.wake_engine_after_commit()
    return row.id
