"""People, their workspaces, and what was done by whom."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models.functions import Lower

from accounts.querysets import TenantQuerySet
from automate.lib import clock
from automate.lib.ids import uuid7

INVITATION_LIFETIME = timedelta(days=7)
TOKEN_BYTES = 32  # 256 bits, SECURITY-GOALS S12
TOKEN_PREFIX = "aut_"  # noqa: S105 - lets secret scanners recognise a leaked token


def hash_token(token: str) -> str:
    """SHA-256 of a token as hex: tokens are random, so a slow hash would buy nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Ready to work: the address counts as verified, and the workspace is there (one transaction)."""
        from accounts.signup import complete_account  # needs these models

        with transaction.atomic(using=self._db):
            user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
            complete_account(user, verified=True)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    class Theme(models.TextChoices):
        SYSTEM = "SYSTEM", "As my device"
        LIGHT = "LIGHT", "Light"
        DARK = "DARK", "Dark"

    class StepsView(models.TextChoices):
        AUTO = "auto", "Auto layout"
        FREE = "free", "Free-form"
        OUTLINE = "outline", "Outline"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=120, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    theme = models.CharField(max_length=10, choices=Theme, default=Theme.SYSTEM)
    single_key_shortcuts = models.BooleanField(default=True)
    steps_view = models.CharField(max_length=10, choices=StepsView, default=StepsView.AUTO)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=clock.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.email

    @property
    def shown_name(self) -> str:
        """What pages call this person: the name, or the part of the address before the @."""
        return self.name or self.email.split("@", 1)[0]

    @property
    def initials(self) -> str:
        words = self.shown_name.replace(".", " ").split()
        return "".join(word[0] for word in words[:2]).upper() or "?"


class Tenant(models.Model):
    """A workspace: everything people make belongs to one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    is_personal = models.BooleanField(default=False)
    branding = models.JSONField(default=dict, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    retention_days = models.PositiveIntegerField(default=30)
    require_mfa = models.BooleanField(default=False)
    on_failure = models.CharField(
        max_length=80, blank=True, help_text="Key of the workflow that runs when another one fails."
    )
    max_parallel_runs = models.PositiveIntegerField(
        null=True, blank=True, help_text="Runs that are worked on at once; null: no limit."
    )
    pause_after_failures = models.PositiveIntegerField(
        null=True, blank=True, help_text="Failed runs in a row that pause a workflow; null: never."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    members: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        User, through="Membership", related_name="tenants"
    )

    def __str__(self) -> str:
        return self.name

    def default_environment(self) -> Environment:
        """The environment that publishing uses unless told otherwise (one SQL query)."""
        return self.environments.get(is_default=True)


class Environment(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="environments")
    name = models.CharField(max_length=60)
    is_default = models.BooleanField(default=False)
    order = models.PositiveSmallIntegerField(default=0)

    objects = TenantQuerySet["Environment"].as_manager()

    class Meta:
        ordering = ["order", "name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="environment_name_once"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_default=True), name="environment_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RoleQuerySet(TenantQuerySet["Role"]):
    def offered_in(self, tenant: Tenant) -> RoleQuerySet:
        """The built-in roles and the workspace's own."""
        return self.filter(models.Q(tenant=None) | models.Q(tenant=tenant))


class Role(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(
        Tenant,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="roles",
        help_text="Empty: built in.",
    )
    name = models.CharField(max_length=60)
    permissions = models.JSONField(default=list, help_text="Names from accounts/permissions.py.")

    objects = RoleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="role_name_once"),
            models.UniqueConstraint(
                fields=["name"], name="builtin_role_once", condition=models.Q(tenant__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Group(models.Model):
    """A team inside a workspace."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=60)

    objects = TenantQuerySet["Group"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="group_name_once")]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="memberships")
    groups = models.ManyToManyField(Group, blank=True, related_name="memberships")
    guide_hidden = models.BooleanField(
        default=False, help_text="This person has put the first steps away, or done them all."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = TenantQuerySet["Membership"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}"


class Invitation(models.Model):
    """An offer to join a workspace, bound to an address, good for one use."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="invitations")
    groups = models.ManyToManyField(Group, blank=True, related_name="invitations")
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="invitations_sent"
    )
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = TenantQuerySet["Invitation"].as_manager()

    def __str__(self) -> str:
        return f"{self.email} to {self.tenant}"

    def is_open(self) -> bool:
        return self.accepted_at is None and self.expires_at > clock.now()


class ApiToken(models.Model):
    """A key for the REST API. Only its hash is stored; the text is shown once."""

    class Scope(models.TextChoices):
        READ = "read", "Read"
        RUN = "run", "Read and run"
        WRITE = "write", "Read, run and change"
        ADMIN = "admin", "Everything"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="api_tokens")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, help_text="The first characters, to tell tokens apart.")
    hash = models.CharField(max_length=64, unique=True)
    scopes = models.CharField(max_length=10, choices=Scope, default=Scope.WRITE)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = TenantQuerySet["ApiToken"].as_manager()

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= clock.now()

    @staticmethod
    def new_text() -> str:
        return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


class AuditEvent(models.Model):
    """Something a person did. Append only; `hash` chains each event to the one before it.

    The chain covers ids and hashes; names and addresses sit in `AuditDetail`, which may be erased.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="audit_events")
    number = models.PositiveBigIntegerField(
        default=0, help_text="1, 2, 3 … in each workspace: a gap is a removed event."
    )
    at = models.DateTimeField(default=clock.now)
    actor_id = models.UUIDField(null=True)
    verb = models.CharField(max_length=60)
    target_type = models.CharField(max_length=60, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    detail_hash = models.CharField(max_length=64, blank=True)
    prev_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects = TenantQuerySet["AuditEvent"].as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="audit_number_once")]

    def __str__(self) -> str:
        return f"{self.verb} {self.target_type}"

    @property
    def actor_shown(self) -> str:
        """The name, or a pseudonym once it was erased."""
        return self.shown("actor_name") or pseudonym(self.actor_id)

    def shown(self, name: str) -> Any:
        """A value of the erasable side; None once it was erased."""
        return getattr(getattr(self, "detail", None), name, None)


class AuditHead(models.Model):
    """The end of a workspace's chain, sealed with the server's key: without it a cut-off end would look complete."""

    tenant = models.OneToOneField(
        Tenant, primary_key=True, on_delete=models.CASCADE, related_name="audit_head"
    )
    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)
    seal = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.number} events"


class AuditDetail(models.Model):
    """The erasable side of an audit event: names, values before and after, the address."""

    event = models.OneToOneField(
        AuditEvent, primary_key=True, on_delete=models.CASCADE, related_name="detail"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    actor_name = models.CharField(max_length=254, blank=True)
    target_name = models.CharField(max_length=200, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    ip = models.GenericIPAddressField(null=True)
    salt = models.CharField(
        max_length=32,
        blank=True,
        default="",
        help_text="Erased with the rest, so the hash that stays tells nothing.",
    )

    def __str__(self) -> str:
        return self.target_name


def new_invitation_expiry() -> Any:
    return clock.now() + INVITATION_LIFETIME


def pseudonym(actor_id: uuid.UUID | None) -> str:
    """How an erased person is shown in the audit log."""
    return f"person-{str(actor_id)[-6:]}" if actor_id else "system"
