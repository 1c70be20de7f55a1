"""Values shared by the workflows of a workspace."""

from __future__ import annotations

from django.db import models

from accounts.models import Environment, Tenant
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7


class WorkflowVariable(models.Model):
    class Type(models.TextChoices):
        STRING = "STRING", "Text"
        NUMBER = "NUMBER", "Number"
        BOOLEAN = "BOOLEAN", "Yes or no"
        JSON = "JSON", "JSON"
        SECRET = "SECRET", "Secret"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="variables")
    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.CASCADE, related_name="variables"
    )
    key = models.CharField(max_length=60)
    value = models.TextField(blank=True, help_text="JSON text; of a SECRET: encrypted.")
    type = models.CharField(max_length=10, choices=Type, default=Type.STRING)
    is_encrypted = models.BooleanField(default=False)
    is_system = models.BooleanField(default=False)
    updated_at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["WorkflowVariable"].as_manager()

    class Meta:
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "environment", "key"], name="variable_key_once"),
            models.UniqueConstraint(
                fields=["tenant", "key"],
                name="variable_key_once_for_all",
                condition=models.Q(environment__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.key

    def aad(self) -> str:
        """What an encrypted value is bound to."""
        return f"{self.tenant_id}|workflows.WorkflowVariable|{self.pk}|value"
