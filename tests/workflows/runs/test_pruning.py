"""Old runs, events and samples go after as many days as the workspace says; nothing that is still needed does."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import Tenant
from automate.lib import clock
from automate.lib.ids import first_id_at, uuid7
from tests.workflows.full_house import make_house
from workflows.models import (
    ActiveRun,
    Blob,
    RunEvent,
    Sample,
    StepExecution,
    TriggerReceipt,
    WaitToken,
    WorkflowExecution,
    WorkflowTemplate,
    WorkflowVersion,
)
from workflows.runs import pruning
from workflows.runs.pruning import Pruner, prune

DAY = timedelta(days=1)


@pytest.fixture
def template(alice, workspace):
    return WorkflowTemplate.objects.create(tenant=workspace, template_id="w", name="W")


@pytest.fixture
def version(template):
    return WorkflowVersion.objects.create(
        tenant=template.tenant, template=template, version_number=1, workflow_data={}, digest="d"
    )


def id_at(moment):
    return uuid.UUID(int=first_id_at(moment).int | (uuid7().int & ((1 << 64) - 1)))


def old_run(version, days, *, ended_days=None, status="COMPLETED", **more):
    """A run that was started so many days ago, with a step and a file."""
    at = clock.now() - days * DAY
    ended = None if status == "WAITING" else clock.now() - (days if ended_days is None else ended_days) * DAY
    run = WorkflowExecution.objects.create(
        id=id_at(at), tenant=version.tenant, template=version.template, version=version, status=status,
        created_at=at, completed_at=ended, **more,
    )  # fmt: skip
    StepExecution.objects.create(
        tenant=version.tenant, execution=run, path="a", step_id="a", step_status="COMPLETED"
    )
    Blob.objects.create(tenant=version.tenant, execution_id=run.pk, size_bytes=1, sha256="0", data=b"x")
    return run


def waiting(run):
    ActiveRun.objects.create(execution=run, tenant=run.tenant, workflow=run.template, state="WAITING")
    return run


def left():
    return set(WorkflowExecution.objects.values_list("pk", flat=True))


def test_runs_go_after_as_many_days_as_the_workspace_keeps_them(version):
    Tenant.objects.update(retention_days=7)
    old, young = old_run(version, 8), old_run(version, 6)

    assert sum(prune(clock.now())) == 1

    assert left() == {young.pk}
    assert old.pk not in StepExecution.objects.values_list("execution_id", flat=True)
    assert list(Blob.objects.values_list("execution_id", flat=True)) == [young.pk]


def test_each_workspace_has_its_own_number_of_days(version, charlie):
    other = charlie.tenants.get()
    Tenant.objects.filter(pk=version.tenant_id).update(retention_days=7)
    theirs = WorkflowTemplate.objects.create(tenant=other, template_id="w", name="W")
    kept = old_run(
        WorkflowVersion.objects.create(
            tenant=other, template=theirs, version_number=1, workflow_data={}, digest="d"
        ),
        20,
    )
    old_run(version, 20)

    sum(prune(clock.now()))

    assert left() == {kept.pk}


def test_days_count_from_the_end_of_a_run(version):
    kept = old_run(version, 90, ended_days=10)

    sum(prune(clock.now()))

    assert left() == {kept.pk}


def test_nothing_of_an_unfinished_run_goes(version):
    run = waiting(old_run(version, 90, status="WAITING"))
    WaitToken.objects.create(
        tenant=run.tenant,
        execution_id=run.pk,
        path="ask",
        kind="APPROVAL",
        token_hash="t",
        created_at=run.created_at,
    )

    sum(prune(clock.now()))

    assert left() == {run.pk}
    assert WaitToken.objects.exists()
    assert ActiveRun.objects.exists()


def test_runs_whose_files_an_unfinished_one_may_use_stay_until_it_has_ended(version):
    above = waiting(old_run(version, 90, status="WAITING"))
    child = old_run(version, 80, parent=above)
    first = old_run(version, 70)
    again = waiting(old_run(version, 60, status="WAITING", retry_of=first))
    sum(prune(clock.now()))
    assert left() == {above.pk, child.pk, first.pk, again.pk}

    ActiveRun.objects.all().delete()
    WorkflowExecution.objects.update(completed_at=clock.now() - 50 * DAY, status="COMPLETED")
    sum(prune(clock.now()))

    assert left() == set()


def test_old_events_and_samples_go_and_pinned_ones_stay(template):
    at = clock.now() - 40 * DAY
    new = {"tenant": template.tenant, "template": template}
    RunEvent.objects.create(id=id_at(at), kind="SKIPPED", message="Old.", at=at, **new)
    RunEvent.objects.create(kind="SKIPPED", message="New.", **new)
    Sample.objects.create(id=id_at(at), source="REQUEST", data={"n": 1}, **new)
    Sample.objects.create(id=id_at(at), source="REQUEST", data={"n": 2}, pinned=True, **new)

    sum(prune(clock.now()))

    assert [event.message for event in RunEvent.objects.all()] == ["New."]
    assert [sample.data for sample in Sample.objects.all()] == [{"n": 2}]


def test_files_of_requests_that_started_nothing_go_unless_a_pinned_sample_shows_them(template):
    at = clock.now() - 40 * DAY
    shown, loose = (
        Blob.objects.create(id=id_at(at), tenant=template.tenant, size_bytes=1, sha256="0", data=b"x")
        for _ in range(2)
    )
    Sample.objects.create(
        tenant=template.tenant,
        template=template,
        source="REQUEST",
        pinned=True,
        data={"$file": str(shown.pk)},
    )

    sum(prune(clock.now()))

    assert list(Blob.objects.values_list("pk", flat=True)) == [shown.pk]
    assert loose.pk not in Blob.objects.values_list("pk", flat=True)


def test_snapshots_of_drafts_go_with_the_last_of_their_test_runs(template):
    old = {
        "created_at": clock.now() - 40 * DAY,
        "tenant": template.tenant,
        "template": template,
        "workflow_data": {},
    }
    used = WorkflowVersion.objects.create(version_number=None, digest="a", **old)
    WorkflowVersion.objects.create(version_number=None, digest="b", **old)
    numbered = WorkflowVersion.objects.create(version_number=3, digest="c", **old)
    old_run(used, 5, is_test=True)

    sum(prune(clock.now()))

    assert set(WorkflowVersion.objects.values_list("pk", flat=True)) == {used.pk, numbered.pk}


def test_pruning_goes_in_batches_a_little_at_each_tick(version, monkeypatch):
    monkeypatch.setattr(pruning, "BATCH", 2)
    monkeypatch.setattr(pruning, "SLICE_S", 0.0)
    for _ in range(5):
        old_run(version, 90)
    pruner, counts = Pruner(), []

    for _ in range(4):
        pruner.tick()
        counts.append(len(left()))

    assert counts == [3, 1, 0, 0]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one scheduler.")
@pytest.mark.django_db(transaction=True)
def test_a_second_scheduler_does_not_prune_at_the_same_time(version):
    old_run(version, 90)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [pruning.LOCK])

        Pruner().tick()

    other.close()
    assert len(left()) == 1


def test_a_full_workspace_is_pruned_whole(alice, workspace):
    make_house(workspace, alice)
    ActiveRun.objects.all().delete()
    WorkflowExecution.objects.update(status="COMPLETED", completed_at=clock.now())

    sum(prune(clock.now() + 40 * DAY))

    assert not WorkflowExecution.objects.exists()
    assert not StepExecution.objects.exists()
    assert not Blob.objects.exists()
    assert TriggerReceipt.objects.exists()  # these have a time of their own
