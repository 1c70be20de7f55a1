"""What people were told, what they want to be told, and what has been told already."""

from __future__ import annotations

from typing import Any

from django.db import models

from accounts.models import Tenant, User
from accounts.notifications.kinds import ABOUT, Kind
from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7


class NotificationQuerySet(TenantQuerySet["Notification"]):
    def of(self, user: User) -> NotificationQuerySet:
        """What this person sees: of the workspaces they are in now, the newest first."""
        return self.filter(user=user, is_listed=True, tenant__memberships__user=user).order_by("-id")

    def unread(self) -> NotificationQuerySet:
        return self.filter(read_at=None)


class Notification(models.Model):
    """Something one person was told."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind)
    title = models.CharField(max_length=200)
    text = models.CharField(max_length=500, blank=True)
    url = models.CharField(max_length=300, help_text="A path of ours.")
    is_listed = models.BooleanField(default=True, help_text="Off: it is only mailed.")
    read_at = models.DateTimeField(null=True)
    mail_due_at = models.DateTimeField(null=True, help_text="Null: mailed, or not to be mailed.")
    tries = models.PositiveSmallIntegerField(default=0)
    at = models.DateTimeField(default=clock.now)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_of_user"),
            models.Index(
                fields=["user"],
                name="notification_unread",
                condition=models.Q(read_at__isnull=True, is_listed=True),
            ),
            models.Index(
                fields=["mail_due_at"],
                name="notification_mail_due",
                condition=models.Q(mail_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class NotificationSettings(models.Model):
    """What one person wants to be told. Without a row: what kinds.py says."""

    class Which(models.TextChoices):
        MINE = "mine", "Workflows I made or published"
        ALL = "all", "All workflows I may see"

    user = models.OneToOneField(
        User, primary_key=True, on_delete=models.CASCADE, related_name="notification_settings"
    )
    which = models.CharField(max_length=10, choices=Which, default=Which.MINE)
    choices: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, help_text="{kind: {app: bool, mail: bool}}; what is missing is as kinds.py says."
    )

    def __str__(self) -> str:
        return str(self.user)

    def wants(self, kind: str, channel: str) -> bool:
        """`channel`: "app" or "mail"."""
        usual = ABOUT[Kind(kind)].by_mail
        if channel == "mail" and usual is None:
            return False
        chosen = self.choices.get(kind, {}).get(channel)
        return chosen if isinstance(chosen, bool) else channel == "app" or bool(usual)


class Told(models.Model):
    """A state of affairs that people were told of, so that they hear of it once: open while it lasts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.UUIDField(help_text="The workflow, run, question, connection or trigger.")
    is_open = models.BooleanField(default=True)
    at = models.DateTimeField(default=clock.now, help_text="When people were told last.")

    objects = TenantQuerySet["Told"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="told_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
