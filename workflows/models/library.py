"""The gallery of ready workflows."""

from __future__ import annotations

from typing import Any

from django.db import models

from accounts.models import Tenant, User
from automate.lib import clock
from automate.lib.ids import uuid7
from workflows.models.ordered_json import OrderedJSONField


class LibraryQuerySet(models.QuerySet["WorkflowTemplateLibrary"]):
    def offered_to(self, tenant: Tenant) -> LibraryQuerySet:
        """Published entries: the shipped ones and the workspace's own."""
        return self.filter(models.Q(tenant=None) | models.Q(tenant=tenant), is_published=True)

    def matching(self, text: str) -> LibraryQuerySet:
        found = models.Q()
        for word in text.split():
            found &= (
                models.Q(name__icontains=word)
                | models.Q(description__icontains=word)
                | models.Q(category__icontains=word)
                | models.Q(search_text__icontains=word)
            )
        return self.filter(found)


class WorkflowTemplateLibrary(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey(
        Tenant,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Empty: for everybody.",
    )
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    category = models.CharField(max_length=60, blank=True)
    template_data: models.JSONField[dict[str, Any], dict[str, Any]] = OrderedJSONField(
        help_text="A document."
    )
    source_apps = models.JSONField(default=list, blank=True)
    destination_apps = models.JSONField(default=list, blank=True)
    required_integrations = models.JSONField(default=list, blank=True)
    samples = models.JSONField(default=dict, blank=True, help_text="Sample data by trigger key.")
    asks: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(
        default=list, blank=True, help_text="What is asked when it is set up: places in the document."
    )
    source = models.ForeignKey(
        "workflows.WorkflowTemplate",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="library_entries",
        help_text="The workflow of the workspace it was made of.",
    )
    source_draft = models.PositiveIntegerField(
        default=0, help_text="The draft version of that workflow when it was taken."
    )
    edition = models.PositiveIntegerField(default=1)
    published_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    search_text = models.TextField(blank=True, editable=False)
    is_published = models.BooleanField(default=True)
    is_featured = models.BooleanField(default=False)
    is_premium = models.BooleanField(default=False, help_text="A label only; nothing is locked.")
    uses = models.PositiveIntegerField(default=0)
    order = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    objects = LibraryQuerySet.as_manager()

    class Meta:
        ordering = ["-is_featured", "order", "name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="library_slug_once"),
            models.UniqueConstraint(
                fields=["slug"], name="shipped_template_once", condition=models.Q(tenant__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name
