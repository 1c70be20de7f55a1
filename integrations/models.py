"""The services we can talk to, as rows, and people's connections to them."""

from __future__ import annotations

from typing import Any

from django.db import models

from accounts.models import Tenant, User
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7


class AuthType(models.TextChoices):
    NONE = "NONE", "No sign-in"
    API_KEY = "API_KEY", "API key"
    BASIC = "BASIC", "User name and password"
    BEARER = "BEARER", "Access token"
    OAUTH2 = "OAUTH2", "Sign in with the service"
    OAUTH2_CLIENT_CREDENTIALS = "OAUTH2_CLIENT_CREDENTIALS", "Client id and secret"
    AWS_SIGV4 = "AWS_SIGV4", "AWS access key"
    SERVICE_ACCOUNT = "SERVICE_ACCOUNT", "Service account"
    DSN = "DSN", "Connection address"


class DefinitionQuerySet(TenantQuerySet["IntegrationDefinition"]):
    def offered_to(self, tenant: Tenant) -> DefinitionQuerySet:
        """What this workspace may use: the shipped ones and its own, by name."""
        return self.filter(models.Q(tenant=None) | models.Q(tenant=tenant), is_active=True)

    def matching(self, text: str) -> DefinitionQuerySet:
        words = models.Q()
        for word in text.split():
            words &= (
                models.Q(display_name__icontains=word)
                | models.Q(name__icontains=word)
                | models.Q(category__icontains=word)
                | models.Q(description__icontains=word)
            )
        return self.filter(words)


class IntegrationDefinition(models.Model):
    class Source(models.TextChoices):
        CATALOGUE = "CATALOGUE", "Shipped"
        CUSTOM = "CUSTOM", "Made here"
        OPENAPI = "OPENAPI", "From an OpenAPI file"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(
        Tenant,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Empty: for everybody.",
    )
    name = models.SlugField(max_length=60)
    display_name = models.CharField(max_length=120)
    suite = models.CharField(max_length=80, blank=True)
    category = models.CharField(max_length=60, blank=True)
    description = models.TextField(blank=True)
    logo = models.CharField(max_length=200, blank=True)
    docs_url = models.URLField(max_length=300, blank=True)
    auth_type = models.CharField(max_length=30, choices=AuthType, default=AuthType.NONE)
    auth_config = models.JSONField(
        default=list, blank=True, help_text="The ways to connect, as in the manifest."
    )
    parameters = models.JSONField(
        default=dict, blank=True, help_text="JSON Schema of what a person fills in."
    )
    base_url = models.CharField(max_length=300, blank=True)
    http = models.JSONField(default=dict, blank=True, help_text="The manifest's http section.")
    protocol = models.CharField(
        max_length=20, default="http", help_text="What carries it out, as in the manifest."
    )
    source = models.CharField(max_length=10, choices=Source, default=Source.CATALOGUE)
    version = models.PositiveIntegerField(default=1)
    digest = models.CharField(max_length=64, blank=True)
    is_active = models.BooleanField(default=True)

    objects = DefinitionQuerySet.as_manager()

    class Meta:
        ordering = ["display_name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="integration_name_once"),
            models.UniqueConstraint(
                fields=["name"], name="shipped_integration_once", condition=models.Q(tenant__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.display_name


class IntegrationAction(models.Model):
    class Effect(models.TextChoices):
        SAFE = "safe", "May be sent again"
        UNSAFE = "unsafe", "Must not be sent twice"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    integration = models.ForeignKey(IntegrationDefinition, on_delete=models.CASCADE, related_name="actions")
    name = models.SlugField(max_length=80)
    display_name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    endpoint = models.CharField(max_length=400, blank=True)
    method = models.CharField(max_length=10, blank=True)
    input_schema = models.JSONField(default=dict, blank=True)
    output_schema = models.JSONField(default=dict, blank=True)
    default_config = models.JSONField(default=dict, blank=True, help_text="The rest of the manifest's entry.")
    scopes = models.JSONField(default=list, blank=True)
    effect = models.CharField(max_length=10, choices=Effect, default=Effect.UNSAFE)
    sample = models.JSONField(null=True, blank=True)
    is_deprecated = models.BooleanField(default=False)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["order", "name"]
        constraints = [models.UniqueConstraint(fields=["integration", "name"], name="action_name_once")]

    def __str__(self) -> str:
        return self.display_name


class IntegrationTrigger(models.Model):
    class Type(models.TextChoices):
        WEBHOOK = "WEBHOOK", "The service calls us"
        POLLING = "POLLING", "We ask regularly"
        EVENT = "EVENT", "Event"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    integration = models.ForeignKey(IntegrationDefinition, on_delete=models.CASCADE, related_name="triggers")
    name = models.SlugField(max_length=80)
    display_name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    type = models.CharField(max_length=10, choices=Type)
    input_schema = models.JSONField(default=dict, blank=True)
    output_schema = models.JSONField(default=dict, blank=True)
    webhook_url = models.CharField(max_length=300, blank=True)
    default_config = models.JSONField(default=dict, blank=True)
    scopes = models.JSONField(default=list, blank=True)
    sample = models.JSONField(null=True, blank=True)
    is_deprecated = models.BooleanField(default=False)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["order", "name"]
        constraints = [models.UniqueConstraint(fields=["integration", "name"], name="event_name_once")]

    def __str__(self) -> str:
        return self.display_name


class UserIntegrationQuerySet(TenantQuerySet["UserIntegration"]):
    def usable_by(self, user: User, tenant: Tenant) -> UserIntegrationQuerySet:
        """One's own connections in this workspace, and the shared ones."""
        return self.for_tenant(tenant).filter(
            models.Q(user=user) | models.Q(sharing=UserIntegration.Sharing.WORKSPACE), is_active=True
        )


class UserIntegration(models.Model):
    """Somebody's access to a service; shown to people as *connection*."""

    class Sharing(models.TextChoices):
        PRIVATE = "PRIVATE", "Only me"
        WORKSPACE = "WORKSPACE", "Everybody in the workspace"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="connections")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="connections")
    integration = models.ForeignKey(
        IntegrationDefinition, on_delete=models.PROTECT, related_name="connections"
    )
    name = models.CharField(max_length=120)
    auth_type = models.CharField(max_length=30, choices=AuthType)
    credentials = models.TextField(blank=True, editable=False, help_text="Encrypted JSON object.")
    refresh_token = models.TextField(blank=True, editable=False, help_text="Encrypted.")
    token_expires_at = models.DateTimeField(null=True, blank=True)
    scopes = models.JSONField(default=list, blank=True)
    public_values = models.JSONField(
        default=dict, blank=True, help_text="What the service told about the account; nothing secret."
    )
    account_label = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    needs_reconnect = models.BooleanField(default=False)
    sharing = models.CharField(max_length=10, choices=Sharing, default=Sharing.PRIVATE)
    workflow = models.ForeignKey(
        "workflows.WorkflowTemplate",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="own_connections",
        help_text="Set: belongs to this workflow alone.",
    )
    refresh_lock = models.CharField(max_length=40, blank=True, editable=False)
    refresh_locked_until = models.DateTimeField(null=True, editable=False)
    last_checked_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = UserIntegrationQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["tenant", "integration"], name="connection_by_tenant")]

    def __str__(self) -> str:
        return self.name

    def may_be_used_by(self, user: User) -> bool:
        return self.sharing == self.Sharing.WORKSPACE or self.user_id == user.pk

    def aad(self, field: str) -> str:
        """What an encrypted field is bound to: it does not decrypt in another row or field."""
        return f"{self.tenant_id}|integrations.UserIntegration|{self.pk}|{field}"


class OAuthState(models.Model):
    """One sign-in under way at a service; used once, bound to session, user, tenant and integration."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    state_hash = models.CharField(max_length=64, unique=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    integration = models.ForeignKey(IntegrationDefinition, on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(
        UserIntegration,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Set when reconnecting.",
    )
    session_hash = models.CharField(max_length=64)
    verifier = models.TextField(help_text="Encrypted PKCE verifier.")
    data: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.integration} for {self.user}"
