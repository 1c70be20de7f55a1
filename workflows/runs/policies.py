"""How many runs of a workflow, and of a workspace, may be under way, and what becomes of a start beyond that.

A workflow's limit counts its unfinished runs in one environment, those that wait included. A workspace's limit counts
what is being worked on: a run that only waits gives its place to others. Test runs count for neither, and what a run
starts itself (sub-workflows, failure workflows) never waits for the workspace's limit, or it would wait for its parent.

Runs with a limit carry a key in `ActiveRun.concurrency_key`: `d:<deployment>`, or `t:<tenant>` where only the workspace
has one. Runs without cost nothing: what a version and its workspace allow is kept in the process for a few seconds.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass
from typing import Any, Final, Literal

from django.db import transaction

from automate.lib import clock
from workflows.engine.document import Settings
from workflows.models import ActiveRun, RunEvent, TriggerReceipt, WorkflowVersion
from workflows.runs import events, turns
from workflows.runs.store import StartRow, current_store

FRESH_S: Final = 5.0  # how long a process may go by a limit that somebody has changed
MAX_KEPT: Final = 10_000
State = ActiveRun.State


@dataclass(frozen=True, slots=True)
class Policy:
    """`limit`: unfinished runs of the workflow; `workspace_limit`: runs of the workspace at work; None: any number."""

    overlap: str = "parallel"
    limit: int | None = None
    workspace_limit: int | None = None

    @property
    def is_free(self) -> bool:
        return self.limit is None and self.workspace_limit is None

    def key(self, deployment_id: uuid.UUID, tenant_id: uuid.UUID) -> str:
        """What counts a run of this policy; empty when nothing does."""
        if self.limit is not None:
            return f"d:{deployment_id}"
        return "" if self.workspace_limit is None else f"t:{tenant_id}"


FREE: Final = Policy()
_kept: dict[uuid.UUID, tuple[float, Policy]] = {}
_lock = threading.Lock()


def policy_of(version_id: uuid.UUID) -> Policy:
    """What holds for runs of this version (one SQL query every FRESH_S seconds)."""
    now = clock.monotonic()
    found = _kept.get(version_id)
    if found is not None and now - found[0] < FRESH_S:
        return found[1]
    policy = _read(version_id)
    with _lock:
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        _kept[version_id] = (now, policy)
    return policy


def forget() -> None:
    """What this process has kept is read again: somebody changed a limit here."""
    _kept.clear()


def _read(version_id: uuid.UUID) -> Policy:
    rows = WorkflowVersion.objects.filter(pk=version_id)
    found = rows.values_list("workflow_data__settings", "tenant__max_parallel_runs").first()
    if found is None:
        return FREE
    return policy_from(found[0], found[1])


def policy_from(settings: Any, workspace_limit: int | None) -> Policy:
    """From a document's `settings`, as stored, and the workspace's limit (0 and None: no limit)."""
    given = settings if isinstance(settings, dict) else {}
    overlap = given.get("overlap", "parallel")
    rule = Settings(overlap=overlap, max_parallel_runs=given.get("max_parallel_runs"))
    return Policy(overlap, rule.run_limit, workspace_limit or None)


Admission = Literal["started", "duplicate", "skipped"]


def admit(
    row: StartRow, receipt: tuple[uuid.UUID, str, str] | None, policy: Policy, *, may_skip: bool
) -> Admission:
    """Queue a run that has a limit: ready, or held until an earlier one ends; or leave it out, with an event.

    Starts of one key come one after another. A delivery that was taken before counts for nothing.
    """
    assert row.deployment_id is not None
    key = policy.key(row.deployment_id, row.tenant_id)
    with transaction.atomic():
        turns.lock(f"t:{row.tenant_id}" if policy.workspace_limit else key)
        if receipt is not None and _was_taken(receipt):
            return "duplicate"
        unfinished = turns.unfinished(key).count() if policy.limit is not None else 0
        is_full = policy.limit is not None and unfinished >= policy.limit
        if is_full and policy.overlap == "skip" and may_skip:
            _note_skipped(row, unfinished)
            return "skipped"
        row.concurrency_key = key
        row.is_held = (
            is_full or turns.has_held(key) or turns.is_workspace_full(row.tenant_id, policy.workspace_limit)
        )
        if current_store().start(row, receipt) is None:
            return "duplicate"
        if row.is_held:
            transaction.on_commit(lambda: turns.settle(row.tenant_id, {key}))
    return "started"


def _was_taken(receipt: tuple[uuid.UUID, str, str]) -> bool:
    live_trigger_id, dedup_key, _ = receipt
    return TriggerReceipt.objects.filter(live_trigger_id=live_trigger_id, dedup_key=dedup_key).exists()


def _note_skipped(row: StartRow, unfinished: int) -> None:
    left_out = events.seldom(row.deployment_id, "skipped")
    if left_out is None:
        return
    runs = "a run of this workflow was" if unfinished == 1 else f"{unfinished:,} runs of this workflow were"
    message = f"A start was left out, because {runs} still under way. The settings say so (“Leave the new one out”)."
    trigger = row.input if isinstance(row.input, dict) else {}
    RunEvent.objects.create(
        tenant_id=row.tenant_id,
        template_id=row.template_id,
        trigger_key=str(trigger.get("key") or ""),
        kind=RunEvent.Kind.SKIPPED,
        message=message + events.more_like_it(left_out),
        at=clock.now(),
    )
