"""Steps of a draft and the links between them."""

from __future__ import annotations

from django.db import models

from accounts.models import Tenant, User
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7
from workflows.models.ordered_json import OrderedJSONField
from workflows.models.template import WorkflowTemplate
from workflows.models.trigger import WorkflowTrigger


class WorkflowStep(models.Model):
    """One step of a draft. `integration` is a slug and `connection` a slot key, so that a draft may
    hold what is not (or no longer) installed; the document checker says so before publishing."""

    class Type(models.TextChoices):
        ACTION = "ACTION", "Action"
        CONDITION = "CONDITION", "Condition"
        FILTER = "FILTER", "Filter"
        LOOP = "LOOP", "Loop"
        MERGE = "MERGE", "Merge"
        DELAY = "DELAY", "Delay"
        APPROVAL = "APPROVAL", "Approval"
        CALLBACK = "CALLBACK", "Wait for a call"
        SUB_WORKFLOW = "SUB_WORKFLOW", "Run a workflow"
        TRANSFORM = "TRANSFORM", "Transform data"
        STATE = "STATE", "Remember"
        CODE = "CODE", "Code"
        RESPOND = "RESPOND", "Answer the request"
        STOP = "STOP", "Stop"
        NOTE = "NOTE", "Note"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="steps")
    key = models.CharField(max_length=40)
    name = models.CharField(max_length=200, blank=True)
    type = models.CharField(max_length=14, choices=Type)
    integration = models.CharField(max_length=60, blank=True)
    action = models.CharField(max_length=80, blank=True)
    connection = models.CharField(max_length=40, blank=True)
    condition = OrderedJSONField(null=True, blank=True)
    input_mappings = OrderedJSONField(default=dict, blank=True)
    output_mappings = OrderedJSONField(null=True, blank=True)
    config = OrderedJSONField(default=dict, blank=True)
    retry_policy = models.JSONField(null=True, blank=True)
    timeout_s = models.FloatField(null=True, blank=True)
    is_enabled = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0, help_text="Order in the document.")
    notes = models.TextField(blank=True)

    objects = TenantQuerySet["WorkflowStep"].as_manager()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["template", "key"], name="step_key_once")]

    def __str__(self) -> str:
        return self.name or self.key

    @property
    def next_steps(self) -> list[str]:
        """Keys of the steps that follow, error paths aside (reads the prefetched links)."""
        return [link.target.key for link in self.links_out.all() if link.port != "error"]

    @property
    def on_error_steps(self) -> list[str]:
        return [link.target.key for link in self.links_out.all() if link.port == "error"]


class StepLink(models.Model):
    """A line of the drawing: from a step's or trigger's port to a step."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="links")
    source_step = models.ForeignKey(
        WorkflowStep, null=True, on_delete=models.CASCADE, related_name="links_out"
    )
    source_trigger = models.ForeignKey(
        WorkflowTrigger, null=True, on_delete=models.CASCADE, related_name="links_out"
    )
    port = models.CharField(max_length=40, default="main")
    target = models.ForeignKey(WorkflowStep, on_delete=models.CASCADE, related_name="links_in")
    order = models.PositiveSmallIntegerField(default=0)

    objects = TenantQuerySet["StepLink"].as_manager()

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["source_step", "port", "target"], name="step_link_once"),
            models.UniqueConstraint(fields=["source_trigger", "port", "target"], name="trigger_link_once"),
            models.CheckConstraint(
                name="link_from_exactly_one",
                condition=models.Q(source_step__isnull=True, source_trigger__isnull=False)
                | models.Q(source_step__isnull=False, source_trigger__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.port} → {self.target_id}"


class UsedStep(models.Model):
    """A kind of step that somebody added by hand, and when last: offered first the next time."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    type = models.CharField(max_length=14, help_text="As documents write it, such as `condition`.")
    integration = models.CharField(max_length=60, blank=True)
    action = models.CharField(max_length=80, blank=True)
    used_at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["UsedStep"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "tenant", "type", "integration", "action"], name="used_step_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.integration} {self.action}".strip()
