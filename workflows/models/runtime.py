"""What the engine keeps beside the runs: leases, wait tokens, blobs, events, memory."""

from __future__ import annotations

from django.db import models

from accounts.models import Tenant
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7
from workflows.models.ordered_json import OrderedJSONField
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


class EngineSwitch(models.Model):
    """One row for the installation: whether workers take runs. Starts are accepted all the while."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    is_draining = models.BooleanField(
        default=False, help_text="On: workers finish what is under way and take nothing new."
    )
    changed_at = models.DateTimeField(default=clock.now)
    changed_by = models.CharField(max_length=254, blank=True)

    class Meta:
        verbose_name_plural = "engine switch"
        constraints = [models.CheckConstraint(name="engine_switch_once", condition=models.Q(id=1))]

    def __str__(self) -> str:
        return "Draining" if self.is_draining else "Working"


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
    answer = models.JSONField(null=True, help_text="What came, as runs/answers.py writes it.")
    closed_at = models.DateTimeField(null=True, help_text="When the wait ended without this token's answer.")
    created_at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["WaitToken"].as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["tenant", "person"],
                name="wait_token_open",
                condition=models.Q(answered_at__isnull=True, closed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"


class WaitNotice(models.Model):
    """Somebody to be told about a wait, once: by mail, or in a channel of a connected app."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    execution_id = models.UUIDField(db_index=True)
    path = models.CharField(max_length=300)
    token_id = models.UUIDField(null=True, help_text="The link it brings; null: the page of the run.")
    to = models.CharField(max_length=254, help_text="An e-mail address, or a channel.")
    slot = models.CharField(max_length=40, blank=True, help_text="The connection slot of a channel.")
    is_reminder = models.BooleanField(default=False)
    due_at = models.DateTimeField(null=True, help_text="Null: sent, or not needed any more.")
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    objects = TenantQuerySet["WaitNotice"].as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="wait_notice_due", condition=models.Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.to} about {self.path}"


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
    place = models.CharField(
        max_length=20, blank=True, help_text="Where the bytes lie if not in `data`: runs/shelves.py."
    )
    created_at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["Blob"].as_manager()

    def __str__(self) -> str:
        return self.name or str(self.id)


class DueWipe(models.Model):
    """A run that has ended and whose data is not to be kept: it goes once nobody can be waiting for the run's answer."""

    execution_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    due_at = models.DateTimeField(db_index=True)

    objects = TenantQuerySet["DueWipe"].as_manager()

    def __str__(self) -> str:
        return str(self.execution_id)


class RunEvent(models.Model):
    """Why something did or did not run: a sentence people can find."""

    class Kind(models.TextChoices):
        RECORDED = "RECORDED", "Recorded, not run"
        DUPLICATE = "DUPLICATE", "Came twice"
        REJECTED = "REJECTED", "Rejected"
        SKIPPED = "SKIPPED", "Skipped"
        REPLACED = "REPLACED", "Stopped for a newer run"
        FILTERED = "FILTERED", "Ended by a filter"
        FIRED = "FIRED", "Fired"
        RECOVERED = "RECOVERED", "Taken over after a crash"
        CHANGED = "CHANGED", "Changed by a person"
        TROUBLE = "TROUBLE", "A trigger is in trouble"

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
    """A workflow's memory between runs. Test runs have one of their own: `environment_id` is null."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="memory")
    environment_id = models.UUIDField(null=True)
    key = models.CharField(max_length=120)
    value = OrderedJSONField(null=True)
    is_encrypted = models.BooleanField(
        default=False, help_text="The value quotes a secret and is kept sealed."
    )
    expires_at = models.DateTimeField(null=True, help_text="After this moment nothing is kept.")
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
