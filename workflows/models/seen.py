"""What a workflow has seen: the items that its steps "Remove duplicates" know from earlier runs."""

from __future__ import annotations

from django.db import models

from accounts.models import Tenant
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7
from workflows.models.template import WorkflowTemplate


class SeenItem(models.Model):
    """One item that a step has let through. `digest` stands for what makes two items the same, never for the item.

    Test runs have a memory of their own: `environment_id` is null.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="seen_items")
    environment_id = models.UUIDField(null=True)
    step_key = models.CharField(max_length=40)
    digest = models.CharField(max_length=32, help_text="The first half of a SHA-256, in hex.")
    seen_at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["SeenItem"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["template", "environment_id", "step_key", "digest"], name="seen_once"
            ),
            models.UniqueConstraint(
                fields=["template", "step_key", "digest"],
                name="seen_once_in_tests",
                condition=models.Q(environment_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step_key} {self.digest}"
