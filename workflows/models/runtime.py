"""What the engine keeps beside the runs: leases, wait tokens, blobs, events, memory."""

from __future__ import annotations

from django.db import models

from accounts.models import Tenant
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7
from workflows.models.template import WorkflowTemplate


class WorkerLease(models.Model):
    """One row per worker process; its beat is the lease of all runs it holds."""

    id = models.CharField(primary_key=True, max_length=80, help_text="host-pid-random")
    beat_at = models.DateTimeField()
    started_at = models.DateTimeField(default=clock.now)
    queues = models.CharField(max_length=100, default="engine")
    slots = models.PositiveSmallIntegerField(default=32)

    class Meta:
        indexes = [models.Index(fields=["beat_at"], name="lease_beat")]

    def __str__(self) -> str:
        return self.id


class WaitToken(models.Model):
    """An unguessable address that ends a wait: an approval or a callback."""

    class Kind(models.TextChoices):
        APPROVAL = "APPROVAL", "Approval"
        CALLBACK = "CALLBACK", "Callback"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    execution_id = models.UUIDField(db_index=True)
    path = models.CharField(max_length=300)
    token_hash = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    person = models.CharField(max_length=254, blank=True)
    expires_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["WaitToken"].as_manager()

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"


class Blob(models.Model):
    """Bytes too big for a row: files, and outputs above the inline limit."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    execution_id = models.UUIDField(null=True, db_index=True)
    name = models.CharField(max_length=255, blank=True)
    mime = models.CharField(max_length=120, blank=True)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    data = models.BinaryField()
    created_at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["Blob"].as_manager()

    def __str__(self) -> str:
        return self.name or str(self.id)


class RunEvent(models.Model):
    """Why something did or did not run: a sentence people can find."""

    class Kind(models.TextChoices):
        RECORDED = "RECORDED", "Recorded, not run"
        DUPLICATE = "DUPLICATE", "Came twice"
        REJECTED = "REJECTED", "Rejected"
        SKIPPED = "SKIPPED", "Skipped"
        FIRED = "FIRED", "Fired"
        RECOVERED = "RECOVERED", "Taken over after a crash"
        CHANGED = "CHANGED", "Changed by a person"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="events")
    execution_id = models.UUIDField(null=True)
    trigger_key = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=10, choices=Kind)
    message = models.TextField()
    data = models.JSONField(default=dict)
    at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["RunEvent"].as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["template", "-id"], name="event_by_workflow")]

    def __str__(self) -> str:
        return self.message


class StepState(models.Model):
    """A workflow's memory between runs."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="memory")
    environment_id = models.UUIDField(null=True)
    key = models.CharField(max_length=120)
    value = models.JSONField(null=True)
    updated_at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["StepState"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["template", "environment_id", "key"], name="memory_key_once"),
            models.UniqueConstraint(
                fields=["template", "key"],
                name="memory_key_once_of_tests",
                condition=models.Q(environment_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.key
