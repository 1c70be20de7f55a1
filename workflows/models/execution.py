"""Runs: what happened (executions and their steps), and what is under way.

Rows here are written by `workflows/runs/store.py` in batches; foreign keys of the hot tables carry no
database constraint, so that starting a run locks no row of the workflow it belongs to. No index mentions
`status`: one that did would make every change of status rewrite all indexes of the row (docs/engine.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from accounts.models import Tenant
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7
from workflows.models.ordered_json import OrderedJSONField
from workflows.models.template import WorkflowTemplate
from workflows.models.trigger import LiveTrigger
from workflows.models.version import Deployment, WorkflowVersion

if TYPE_CHECKING:
    from datetime import datetime


class WorkflowExecutionQuerySet(TenantQuerySet["WorkflowExecution"]):
    def newest_first(self) -> WorkflowExecutionQuerySet:
        return self.order_by("-id")

    def since(self, moment: datetime) -> WorkflowExecutionQuerySet:
        return self.filter(created_at__gte=moment)


class WorkflowExecution(models.Model):
    """One run of a workflow."""

    class Status(models.TextChoices):
        PENDING = "PENDING", "Queued"
        RUNNING = "RUNNING", "Running"
        WAITING = "WAITING", "Waiting"
        NEEDS_ATTENTION = "NEEDS_ATTENTION", "Needs attention"
        COMPLETED = "COMPLETED", "Succeeded"
        FAILED = "FAILED", "Failed"
        CANCELLED = "CANCELLED", "Cancelled"
        TIMED_OUT = "TIMED_OUT", "Timed out"

    FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT})

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    template = models.ForeignKey(
        WorkflowTemplate,
        on_delete=models.CASCADE,
        related_name="executions",
        db_constraint=False,
        db_index=False,
    )
    version = models.ForeignKey(
        WorkflowVersion, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    deployment = models.ForeignKey(
        Deployment,
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    live_trigger = models.ForeignKey(
        LiveTrigger,
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    trigger_type = models.CharField(max_length=10, blank=True)
    number = models.PositiveBigIntegerField(null=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    is_failed = models.BooleanField(default=False)
    is_test = models.BooleanField(default=False)
    had_errors = models.BooleanField(default=False)
    input = OrderedJSONField(null=True, help_text="What a run sees as `trigger`.")
    output = OrderedJSONField(null=True)
    error = models.JSONField(null=True, help_text="{message, code, step, retryable, status}")
    parent = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="children",
        db_constraint=False,
        db_index=False,
    )
    parent_path = models.CharField(max_length=300, blank=True)
    root = models.UUIDField(null=True, help_text="First execution of a chain of retries; null: this one.")
    retry_of = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="retries",
        db_constraint=False,
        db_index=False,
    )
    depth = models.PositiveSmallIntegerField(default=0)
    options = models.JSONField(default=dict, help_text="{bindings, until}: of test runs.")
    seq = models.PositiveIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    started_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    execution_time_ms = models.PositiveBigIntegerField(null=True)

    objects = WorkflowExecutionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["template", "-id"], name="execution_by_workflow"),
            models.Index(fields=["tenant", "-id"], name="execution_by_tenant"),
            models.Index(
                fields=["tenant", "-id"], name="execution_failed", condition=models.Q(is_failed=True)
            ),
            models.Index(
                fields=["parent"], name="execution_children", condition=models.Q(parent__isnull=False)
            ),
            models.Index(
                fields=["retry_of"], name="execution_retries", condition=models.Q(retry_of__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}" if self.number else str(self.id)

    @property
    def is_final(self) -> bool:
        return self.status in self.FINAL


class ActiveRun(models.Model):
    """One row per unfinished execution: the queue. Deleted when the execution ends."""

    class State(models.TextChoices):
        READY = "READY", "Ready"
        RUNNING = "RUNNING", "Running"
        WAITING = "WAITING", "Waiting"
        ATTENTION = "ATTENTION", "Needs attention"
        HELD = "HELD", "Waiting for an earlier run"

    execution = models.OneToOneField(
        WorkflowExecution,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="active",
        db_constraint=False,
    )
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    workflow = models.ForeignKey(
        WorkflowTemplate, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    queue = models.CharField(max_length=20, default="engine")
    priority = models.SmallIntegerField(default=5, help_text="Smaller goes first; test runs are 1.")
    state = models.CharField(max_length=10, choices=State, default=State.READY)
    run_at = models.DateTimeField(null=True, help_text="Ready since, or when to wake; null: until answered.")
    worker = models.CharField(max_length=80, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    barren = models.PositiveSmallIntegerField(
        default=0, help_text="Claims in a row that ended without progress."
    )
    inflight = models.JSONField(default=list, help_text="Paths of unsafe steps being sent.")
    cursor = models.JSONField(default=dict, help_text="{waits, retries, …}: workflows/runs/state.py.")
    progress = models.JSONField(default=dict, help_text="Live step states: {path: {state, started_at}}.")
    concurrency_key = models.CharField(
        max_length=80,
        blank=True,
        help_text="Of runs with a limit, as runs/policies.py makes it; empty: none.",
    )
    cancel_requested = models.BooleanField(default=False)
    signals = models.PositiveIntegerField(
        default=0, help_text="Raised by every answer from outside (a child that ended, an approval)."
    )
    seq = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(
                fields=["queue", "priority", "run_at"], name="active_ready", condition=models.Q(state="READY")
            ),
            models.Index(
                fields=["run_at"],
                name="active_waiting",
                condition=models.Q(state__in=["WAITING", "ATTENTION"]),
            ),
            models.Index(fields=["worker"], name="active_running", condition=models.Q(state="RUNNING")),
            models.Index(fields=["tenant"], name="active_by_tenant"),
            models.Index(
                fields=["tenant", "workflow", "priority", "run_at"],
                name="active_shares",
                condition=models.Q(state="READY"),
            ),
            models.Index(
                fields=["concurrency_key", "state", "priority", "run_at"],
                name="active_limited",
                condition=~models.Q(concurrency_key=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.execution_id}"


class StepExecution(models.Model):
    """A step that has ended: written once. Unique by path, the last guard against a doubled step."""

    class Status(models.TextChoices):
        COMPLETED = "COMPLETED", "Succeeded"
        FAILED = "FAILED", "Failed"
        SKIPPED = "SKIPPED", "Skipped"
        CANCELLED = "CANCELLED", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    execution = models.ForeignKey(
        WorkflowExecution, on_delete=models.CASCADE, related_name="steps", db_constraint=False, db_index=False
    )
    path = models.CharField(max_length=300)
    step_id = models.CharField(max_length=40)
    step_name = models.CharField(max_length=200)
    step_type = models.CharField(max_length=14)
    step_status = models.CharField(max_length=10, choices=Status)
    port = models.CharField(max_length=40, blank=True, help_text="Ports taken, comma-separated.")
    input = OrderedJSONField(null=True)
    output = OrderedJSONField(null=True)
    error = models.JSONField(null=True)
    retry_count = models.PositiveSmallIntegerField(default=0)
    retry_attempt = models.PositiveSmallIntegerField(default=1)
    attempts = models.JSONField(default=list, help_text="Errors of earlier tries.")
    request_log = models.JSONField(null=True)
    is_encrypted = models.BooleanField(default=False)
    copied_from = models.UUIDField(null=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    duration_ms = models.PositiveBigIntegerField(default=0)

    objects = TenantQuerySet["StepExecution"].as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["execution", "path"], name="step_once_per_path")]

    def __str__(self) -> str:
        return self.path


class RunText(models.Model):
    """The words of a run that has ended, for the search; written when somebody searches, never by a run.

    PostgreSQL only, where `words` is a tsvector with a GIN index and the row goes with its run (migrations).
    """

    execution = models.OneToOneField(
        WorkflowExecution, primary_key=True, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    words = models.TextField(editable=False)

    objects = TenantQuerySet["RunText"].as_manager()

    def __str__(self) -> str:
        return str(self.execution_id)
