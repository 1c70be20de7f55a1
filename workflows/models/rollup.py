"""Runs counted by the hour, for pages that show days and weeks without looking at every run.

Each run is counted once, in the hour it began, when it has ended; until then it has a row of its own here. No run writes
any of it: the scheduler counts what is there (runs/counting.py).
"""

from __future__ import annotations

from django.db import models

from accounts.models import Tenant
from accounts.querysets import TenantQuerySet
from automate.lib.ids import uuid7
from workflows.models.template import WorkflowTemplate


class RunHour(models.Model):
    """What one workflow ran in one hour. Test runs are not counted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    template = models.ForeignKey(
        WorkflowTemplate, on_delete=models.CASCADE, related_name="hours", db_constraint=False, db_index=False
    )
    hour = models.PositiveIntegerField(help_text="Hours since 1970, UTC.")
    runs = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    succeeded = models.PositiveIntegerField(default=0)
    total_ms = models.PositiveBigIntegerField(default=0, help_text="Of those that succeeded.")

    objects = TenantQuerySet["RunHour"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "hour"], name="run_hour_once")]
        indexes = [models.Index(fields=["tenant", "hour"], name="run_hour_by_tenant")]

    def __str__(self) -> str:
        return f"{self.runs} runs"


class UncountedRun(models.Model):
    """A run the counting has passed while it was still under way."""

    execution_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    template = models.ForeignKey(
        WorkflowTemplate, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    hour = models.PositiveIntegerField()

    objects = TenantQuerySet["UncountedRun"].as_manager()

    class Meta:
        indexes = [models.Index(fields=["tenant", "hour"], name="uncounted_by_tenant")]

    def __str__(self) -> str:
        return str(self.execution_id)


class Mark(models.Model):
    """How far something that goes through rows in the order of their ids has come."""

    name = models.CharField(primary_key=True, max_length=40)
    seen_id = models.UUIDField()

    def __str__(self) -> str:
        return f"{self.name}: {self.seen_id}"
