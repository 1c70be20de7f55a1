"""What a person edits: the draft of a workflow and what surrounds it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db import models

from accounts.models import Environment, Group, Role, Tenant, User
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7
from integrations.models import UserIntegration
from workflows.models.ordered_json import OrderedJSONField

if TYPE_CHECKING:
    from workflows.models.version import WorkflowVersion

MAX_DRAFT_REVISIONS = 200  # undo steps kept for a draft


class Folder(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="folders")
    name = models.CharField(max_length=80)

    objects = TenantQuerySet["Folder"].as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="folder_name_once")]

    def __str__(self) -> str:
        return self.name


class WorkflowTemplateQuerySet(TenantQuerySet["WorkflowTemplate"]):
    def not_archived(self) -> WorkflowTemplateQuerySet:
        return self.exclude(status=WorkflowTemplate.Status.ARCHIVED)

    def matching(self, text: str) -> WorkflowTemplateQuerySet:
        """Workflows whose name, key or description holds every word."""
        found = models.Q()
        for word in text.split():
            found &= (
                models.Q(name__icontains=word)
                | models.Q(template_id__icontains=word)
                | models.Q(description__icontains=word)
            )
        return self.filter(found)

    def with_activity(self) -> WorkflowTemplateQuerySet:
        """Adds `live`: whether a deployment of it is active, without a query per row."""
        from workflows.models.version import Deployment

        active = Deployment.objects.filter(template=models.OuterRef("pk"), is_active=True)
        return self.annotate(live=models.Exists(active))


class WorkflowTemplate(models.Model):
    """A workflow: its draft as rows, its versions as documents."""

    class Status(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        PUBLISHED = "PUBLISHED", "Published"
        ARCHIVED = "ARCHIVED", "Archived"
        DEPRECATED = "DEPRECATED", "Deprecated"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="workflows")
    template_id = models.CharField(max_length=80, help_text="The document's key: unique in the workspace.")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.DRAFT)
    is_public = models.BooleanField(default=False)
    metadata = models.JSONField(default=dict, blank=True)
    settings = OrderedJSONField(default=dict, blank=True, help_text="The document's settings.")
    layout = models.JSONField(null=True, blank=True, help_text="Positions, only if free-form was chosen.")
    start = models.JSONField(default=list, blank=True, help_text="Keys of the steps that triggers lead to.")
    draft_version = models.PositiveIntegerField(default=1)
    undo_position = models.PositiveIntegerField(
        default=0, help_text="`n` of the newest change that is not undone."
    )
    folder = models.ForeignKey(
        Folder, null=True, blank=True, on_delete=models.SET_NULL, related_name="workflows"
    )
    tags = models.JSONField(default=list, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)

    objects = WorkflowTemplateQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]
        constraints = [models.UniqueConstraint(fields=["tenant", "template_id"], name="workflow_key_once")]
        indexes = [models.Index(fields=["tenant", "-updated_at"], name="workflow_by_tenant")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        """Whether triggers start it now (one SQL query, unless `with_activity()` brought the answer)."""
        if hasattr(self, "live"):
            return bool(self.live)
        return self.deployments.filter(is_active=True).exists()

    @property
    def permission_user_ids(self) -> list[uuid.UUID]:
        return [row.user_id for row in self.access.all() if row.user_id]

    @property
    def permission_role_ids(self) -> list[uuid.UUID]:
        return [row.role_id for row in self.access.all() if row.role_id]

    def latest_version(self) -> WorkflowVersion | None:
        """The newest numbered version, published or rolled back to since or not."""
        return self.versions.filter(version_number__isnull=False).order_by("-version_number").first()

    def can_run(self) -> bool:
        return self.status in {self.Status.PUBLISHED, self.Status.DEPRECATED}


class Favourite(models.Model):
    """A workflow that somebody starred; theirs alone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="favourites")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")

    objects = TenantQuerySet["Favourite"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "template"], name="favourite_once")]

    def __str__(self) -> str:
        return f"{self.user} ★ {self.template}"


class WorkflowAccess(models.Model):
    """Who may do what with one workflow; no rows: the workspace role decides."""

    class Level(models.TextChoices):
        VIEW = "VIEW", "May look"
        RUN = "RUN", "May run"
        EDIT = "EDIT", "May edit"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="access")
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    role = models.ForeignKey(Role, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    level = models.CharField(max_length=8, choices=Level, default=Level.VIEW)

    objects = TenantQuerySet["WorkflowAccess"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="access_for_exactly_one",
                condition=models.Q(user__isnull=False, role__isnull=True, group__isnull=True)
                | models.Q(user__isnull=True, role__isnull=False, group__isnull=True)
                | models.Q(user__isnull=True, role__isnull=True, group__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.level} of {self.template}"


class ConnectionSlot(models.Model):
    """A named place for a connection; steps name slots, never connections."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="slots")
    key = models.CharField(max_length=40)
    integration = models.CharField(max_length=60, help_text="Slug of the integration.")
    user_integration = models.ForeignKey(
        UserIntegration, null=True, blank=True, on_delete=models.SET_NULL, related_name="slots"
    )
    order = models.PositiveSmallIntegerField(default=0)

    objects = TenantQuerySet["ConnectionSlot"].as_manager()

    class Meta:
        ordering = ["order", "key"]
        constraints = [models.UniqueConstraint(fields=["template", "key"], name="slot_key_once")]

    def __str__(self) -> str:
        return self.key


class DraftRevision(models.Model):
    """One change of a draft, for undo and redo. `patch` = `{before: document, after: document, label: text, version: draft_version after it}`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="revisions")
    n = models.PositiveIntegerField()
    patch: models.JSONField[dict[str, Any], dict[str, Any]] = OrderedJSONField()
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["DraftRevision"].as_manager()

    class Meta:
        ordering = ["-n"]
        constraints = [models.UniqueConstraint(fields=["template", "n"], name="revision_n_once")]

    def __str__(self) -> str:
        return f"{self.template} #{self.n}"


class Sample(models.Model):
    """Sample data of a trigger or a step: lives here, never in documents or versions."""

    class Source(models.TextChoices):
        REQUEST = "REQUEST", "A request that came in"
        RUN = "RUN", "A run"
        PINNED = "PINNED", "Pinned"
        TYPED = "TYPED", "Typed by hand"

    class Outcome(models.TextChoices):
        STARTED = "STARTED", "Started a run"
        RECORDED = "RECORDED", "Recorded, not run"
        REFUSED = "REFUSED", "Refused"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(WorkflowTemplate, on_delete=models.CASCADE, related_name="samples")
    step_key = models.CharField(max_length=40, blank=True)
    trigger_key = models.CharField(max_length=40, blank=True)
    data = OrderedJSONField(null=True)
    source = models.CharField(max_length=10, choices=Source)
    outcome = models.CharField(
        max_length=10, choices=Outcome, blank=True, help_text="Of a request: what came of it."
    )
    execution_id = models.UUIDField(null=True, help_text="The run that a request started.")
    note = models.TextField(blank=True, help_text="Why a request started nothing, as a sentence.")
    pinned = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["Sample"].as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["template", "step_key", "trigger_key", "-id"], name="sample_newest")]

    def __str__(self) -> str:
        return self.step_key or self.trigger_key


class WorkflowCounter(models.Model):
    """Numbers that change with every run, apart from the draft so that runs never wait for an editor."""

    template = models.OneToOneField(
        WorkflowTemplate, primary_key=True, on_delete=models.CASCADE, related_name="counter"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    last_number = models.PositiveBigIntegerField(default=0)
    running = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.last_number)


def default_environment_of(template: WorkflowTemplate) -> Environment:
    """The environment a workflow is published to unless another is named (one SQL query)."""
    return Environment.objects.for_tenant(template.tenant_id).get(is_default=True)
