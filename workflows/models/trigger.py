"""What starts a workflow: the definition in the draft, and what is live."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from accounts.models import Environment, Tenant
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7
from workflows.models.ordered_json import OrderedJSONField
from workflows.models.template import WorkflowTemplate

if TYPE_CHECKING:
    from datetime import datetime


def new_hook_token() -> str:
    """The unguessable end of a webhook's URL: 144 random bits."""
    return secrets.token_urlsafe(18)


class TriggerType(models.TextChoices):
    MANUAL = "MANUAL", "By hand"
    WEBHOOK = "WEBHOOK", "Webhook"
    SCHEDULED = "SCHEDULED", "Schedule"
    POLLING = "POLLING", "New data in an app"
    EVENT = "EVENT", "Event in an app"
    FORM = "FORM", "Form"
    EMAIL = "EMAIL", "E-mail"
    WORKFLOW = "WORKFLOW", "Another workflow"
    FAILURE = "FAILURE", "A workflow failed"


class WorkflowTrigger(models.Model):
    """A trigger of the draft. What is live is `LiveTrigger`."""

    Type = TriggerType

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="triggers")
    key = models.CharField(max_length=40)
    name = models.CharField(max_length=200, blank=True)
    type = models.CharField(max_length=10, choices=TriggerType)
    integration = models.CharField(max_length=60, blank=True)
    integration_event = models.CharField(max_length=80, blank=True)
    connection = models.CharField(max_length=40, blank=True)
    config = OrderedJSONField(default=dict, blank=True)
    cron_expression = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    is_enabled = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)

    objects = TenantQuerySet["WorkflowTrigger"].as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["template", "key"], name="trigger_key_once")]

    def __str__(self) -> str:
        return self.name or self.key


class LiveTriggerQuerySet(TenantQuerySet["LiveTrigger"]):
    def due(self, now: datetime) -> LiveTriggerQuerySet:
        """Published, active triggers whose next fire has come."""
        return self.filter(next_fire_at__lte=now, deployment__is_active=True)


class LiveTrigger(models.Model):
    """A trigger as the outside world sees it: its URL, its next fire, its cursor. Survives edits and roll-backs."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="live_triggers")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=40)
    type = models.CharField(max_length=10, choices=TriggerType)
    deployment = models.ForeignKey(
        "workflows.Deployment", null=True, on_delete=models.SET_NULL, related_name="live_triggers"
    )
    is_off = models.BooleanField(
        default=False,
        help_text="Published without this trigger: its URL answers 404 until it is published again.",
    )
    token = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 - unique, and most types have none
    next_fire_at = models.DateTimeField(null=True)
    cursor = models.JSONField(default=dict)
    subscription = models.JSONField(default=dict)
    route = models.CharField(
        max_length=200,
        blank=True,
        help_text="Events of an app: `<integration>:<account>`, whose events it wants.",
    )
    last_fired_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    objects = LiveTriggerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["template", "environment", "key"], name="live_trigger_once")
        ]
        indexes = [
            models.Index(
                fields=["next_fire_at"],
                name="live_trigger_due",
                condition=models.Q(next_fire_at__isnull=False),
            ),
            models.Index(fields=["route"], name="live_trigger_route", condition=~models.Q(route="")),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def webhook_url(self) -> str | None:
        """The address a service calls; null for triggers that have none."""
        if not self.token:
            return None
        room = "forms" if self.type == TriggerType.FORM else "hooks"
        return f"{settings.AUTOMATE_BASE_URL}/{room}/{self.token}"


class TriggerReceipt(models.Model):
    """One start that was accepted under a de-duplication key; kept at least 24 hours."""

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    live_trigger = models.ForeignKey(LiveTrigger, on_delete=models.CASCADE, related_name="receipts")
    dedup_key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    execution_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["live_trigger", "dedup_key"], name="receipt_once")]
        indexes = [models.Index(fields=["created_at"], name="receipt_age")]

    def __str__(self) -> str:
        return self.dedup_key
