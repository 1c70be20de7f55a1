"""That a service was told to call us, or is to be told, or to stop."""

from __future__ import annotations

from django.db import models

from accounts.models import Tenant
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7
from workflows.models.trigger import LiveTrigger


class TriggerSubscription(models.Model):
    """One subscription of one live trigger; it outlives the trigger until the service has been told to stop.

    A row is also the order to do something: at `next_try_at` its state is brought about.
    """

    class State(models.TextChoices):
        WANTED = "WANTED", "To be subscribed"
        ACTIVE = "ACTIVE", "Subscribed"
        ENDING = "ENDING", "To be ended"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    live_trigger = models.ForeignKey(
        LiveTrigger, null=True, on_delete=models.SET_NULL, related_name="subscriptions"
    )
    integration = models.SlugField(max_length=60)
    event = models.CharField(max_length=80)
    input = models.JSONField(default=dict)
    connection_id = models.UUIDField(null=True)
    url = models.CharField(max_length=300, help_text="What the service calls.")
    digest = models.CharField(max_length=64, help_text="Of integration, event, input and connection.")
    secret = models.TextField(blank=True, editable=False, help_text="Encrypted: what the service signs with.")
    stored = models.TextField(blank=True, editable=False, help_text="Encrypted JSON: what its answer told.")
    state = models.CharField(max_length=10, choices=State, default=State.WANTED)
    expires_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now)

    objects = TenantQuerySet["TriggerSubscription"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["live_trigger"], name="subscription_once", condition=~models.Q(state="ENDING")
            )
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                name="subscription_due",
                condition=models.Q(next_try_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.integration}.{self.event}"

    def aad(self, field: str) -> str:
        """What an encrypted field is bound to: it does not decrypt in another row or field."""
        return f"{self.tenant_id}|workflows.TriggerSubscription|{self.pk}|{field}"
