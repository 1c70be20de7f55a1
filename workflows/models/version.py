"""What is published: immutable versions, and where each is deployed."""

from __future__ import annotations

from typing import Any

from django.db import models

from accounts.models import Environment, Tenant, User
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7
from workflows.models.ordered_json import OrderedJSONField
from workflows.models.template import WorkflowTemplate


class WorkflowVersionQuerySet(TenantQuerySet["WorkflowVersion"]):
    def numbered(self) -> WorkflowVersionQuerySet:
        """Published versions, without the snapshots of test runs."""
        return self.filter(version_number__isnull=False)


class WorkflowVersion(models.Model):
    """A document that never changes again. Without a number: the snapshot of a test run.

    `deprecated_at` and its note are said about it later; they are no part of the document.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="versions")
    version_number = models.PositiveIntegerField(null=True)
    workflow_data: models.JSONField[dict[str, Any], dict[str, Any]] = OrderedJSONField()
    digest = models.CharField(max_length=64)
    change_description = models.TextField(blank=True)
    is_rollback_version = models.BooleanField(default=False)
    rollback_of = models.PositiveIntegerField(null=True, help_text="The version number this one brings back.")
    deprecated_at = models.DateTimeField(null=True, help_text="Since when nobody should go back to it.")
    deprecation_note = models.TextField(blank=True, help_text="Why not, as people wrote it.")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = WorkflowVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["template", "version_number"], name="version_number_once"),
            models.UniqueConstraint(
                fields=["template", "digest"],
                condition=models.Q(version_number__isnull=True),
                name="snapshot_once",
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.version_number}" if self.version_number else "snapshot"

    @property
    def is_active(self) -> bool:
        """Whether a deployment runs this version now (one SQL query)."""
        return self.deployments.filter(is_active=True).exists()


class Deployment(models.Model):
    """The version of a workflow that runs in an environment, with the connections frozen at publish."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="deployments")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="deployments")
    version = models.ForeignKey(WorkflowVersion, on_delete=models.PROTECT, related_name="deployments")
    bindings: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        default=dict, help_text="Slot key → id of the connection."
    )
    is_active = models.BooleanField(default=True, help_text="Off: paused; triggers record but start nothing.")
    published_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    published_at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["Deployment"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "environment"], name="deployment_once")]

    def __str__(self) -> str:
        return f"{self.template} in {self.environment}"
