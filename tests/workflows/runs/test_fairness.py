"""Nobody's queue holds up anybody else's: by workspace, then by workflow; and test runs come first."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from automate.lib import clock
from automate.lib.ids import uuid7
from tests.factories import make_workspace
from tests.workflows.runs.conftest import make_value, start, workflow
from workflows import documents
from workflows.engine.document import load
from workflows.models import ActiveRun, Deployment, EngineSwitch, WorkflowExecution
from workflows.publishing import publish
from workflows.runs.claims import Claims
from workflows.runs.shapes import Lease
from workflows.runs.start import start_test_run
from workflows.runs.store import current_store
from workflows.runs.store.shares import Shares


@pytest.fixture
def theirs(transactional_db) -> Deployment:
    """A published workflow in a workspace of somebody else."""
    tenant = make_workspace(name="Elsewhere")
    owner = tenant.memberships.get().user
    template = documents.create(tenant, load(workflow(make_value("a"))), by=owner)
    publish(template, by=owner)
    return Deployment.objects.get(template=template)


def queue_many(deployment: Deployment, count: int, *, since_s: float = 60.0) -> None:
    """So many runs, ready since a while ago."""
    at = clock.now() - timedelta(seconds=since_s)
    trigger = {"type": "manual", "key": "go", "body": None}
    runs = [
        WorkflowExecution(
            id=uuid7(), tenant_id=deployment.tenant_id, template_id=deployment.template_id, created_at=at,
            version_id=deployment.version_id, deployment=deployment, trigger_type="MANUAL", input=trigger,
        )
        for _ in range(count)
    ]  # fmt: skip
    WorkflowExecution.objects.bulk_create(runs)
    ActiveRun.objects.bulk_create(
        ActiveRun(execution_id=run.pk, tenant_id=run.tenant_id, workflow_id=run.template_id, run_at=at)
        for run in runs
    )


def claim(limit: int, *held: Lease, cap: int = 100) -> Counter[Any]:
    """How many runs of each workflow a fair claim takes."""
    counts = Counter(owner for lease in held for owner in (lease.tenant_id, lease.workflow_id))
    with transaction.atomic():
        found = current_store().claim("worker", limit, clock.now(), Shares(counts, cap))
    return Counter(claimed.lease.workflow_id for claimed in found)


def lease_of(deployment: Deployment) -> Lease:
    return Lease(uuid7(), deployment.tenant_id, deployment.template_id, 1)


def test_a_fair_claim_gives_each_workspace_the_same(deploy, theirs):
    ours = deploy(workflow(make_value("a")))
    queue_many(ours, 40)
    queue_many(theirs, 40, since_s=1)

    assert claim(8) == {ours.template_id: 4, theirs.template_id: 4}


def test_what_one_does_not_need_goes_to_the_other(deploy, theirs):
    ours = deploy(workflow(make_value("a")))
    queue_many(ours, 40)
    start(theirs)

    assert claim(8) == {ours.template_id: 7, theirs.template_id: 1}


def test_workflows_of_a_workspace_share_its_part(deploy, theirs):
    ours, other = deploy(workflow(make_value("a"))), deploy(workflow(make_value("a"), key="other"))
    for deployment in (ours, other, theirs):
        queue_many(deployment, 20)

    assert claim(8) == {ours.template_id: 2, other.template_id: 2, theirs.template_id: 4}


def test_runs_that_are_held_already_count(deploy, theirs):
    ours = deploy(workflow(make_value("a")))
    queue_many(ours, 20)
    queue_many(theirs, 20)

    assert claim(4, *[lease_of(ours) for _ in range(4)]) == {theirs.template_id: 4}


def test_no_workspace_gets_more_than_the_cap(deploy):
    ours = deploy(workflow(make_value("a")))
    queue_many(ours, 20)

    assert claim(8, lease_of(ours), cap=3) == {ours.template_id: 2}


def test_a_single_queue_fills_all_the_slots(deploy):
    ours = deploy(workflow(make_value("a")))
    queue_many(ours, 20)

    assert claim(8) == {ours.template_id: 8}


def test_a_test_run_goes_before_a_backlog(deploy, theirs, alice):
    ours = deploy(workflow(make_value("a")))
    queue_many(ours, 20)
    queue_many(theirs, 20)
    tried = start_test_run(ours.template, trigger={"key": "go"}, trigger_type="MANUAL", by=alice)

    with transaction.atomic():
        plain = current_store().claim("worker", 1, clock.now())
        ActiveRun.objects.filter(pk=tried).update(state="READY")
        fair = current_store().claim("worker", 1, clock.now(), Shares({}, 7))

    assert [claimed.lease.execution_id for claimed in (*plain, *fair)] == [tried, tried]


def test_a_backlog_holds_up_no_other_workspace(engine, deploy, theirs):
    queue_many(deploy(workflow(make_value("a"))), 150)
    run = start(theirs)

    engine.drain()

    started = WorkflowExecution.objects.get(pk=run).started_at
    assert WorkflowExecution.objects.filter(started_at__lt=started).count() < 100
    assert set(WorkflowExecution.objects.values_list("status", flat=True)) == {"COMPLETED"}


def test_the_last_slots_are_for_workspaces_that_have_none(deploy, theirs):
    ours = deploy(workflow(make_value("a")))
    queue_many(ours, 5)
    queue_many(theirs, 2, since_s=1)
    held = [lease_of(ours) for _ in range(7)]

    wish = Claims(8).wish(held, now=100.0)
    with transaction.atomic():
        found = current_store().claim("worker", wish.limit, clock.now(), wish.shares)
        alone = current_store().claim("worker", 8, clock.now(), Claims(8).wish(held, now=100.0).shares)

    assert [claimed.lease.tenant_id for claimed in found] == [theirs.tenant_id]
    assert [claimed.lease.tenant_id for claimed in alone] == [theirs.tenant_id]


# --- when to be fair ------------------------------------------------------------------------------


def test_a_worker_without_a_backlog_claims_plainly():
    claims = Claims(32)

    wish = claims.wish([], now=100.0)
    claims.note(wish, [], [], 100.0)

    assert (wish.limit, wish.shares) == (28, None)
    assert claims.wish([], now=100.01).shares is None


def test_after_a_full_claim_it_looks_around_now_and_then():
    claims = Claims(8, is_full=True, looked_at=100.0)

    assert claims.wish([], now=100.05).shares is None
    assert claims.wish([], now=100.11).shares is not None


def test_while_several_workflows_want_slots_every_claim_is_fair():
    claims = Claims(8, is_full=True, is_mixed=True, looked_at=100.0)

    assert claims.wish([], now=100.01).shares is not None


# --- draining -------------------------------------------------------------------------------------


def test_a_drained_installation_takes_nothing_and_goes_on_when_it_may(engine, deploy):
    run = start(deploy(workflow(make_value("a"))))
    EngineSwitch.objects.create(is_draining=True)

    engine.drain()
    waiting = WorkflowExecution.objects.get(pk=run).status
    EngineSwitch.objects.update(is_draining=False)
    engine.claims.switch.looked_at = 0.0
    engine.drain()

    assert (waiting, WorkflowExecution.objects.get(pk=run).status) == ("PENDING", "COMPLETED")
