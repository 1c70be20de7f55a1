"""Workflows as people see them: one page with all of its parts, and what can be done to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join

from accounts.request import client_ip
from workflows import keeping, publishing
from workflows.admin.base import ReadOnly, ReadOnlyInline, Rows, staff
from workflows.admin.showing import NOTHING, json_field, link_to_list
from workflows.models import (
    ConnectionSlot,
    Deployment,
    DraftRevision,
    Favourite,
    Folder,
    LiveTrigger,
    RunEvent,
    Sample,
    SeenItem,
    StepState,
    WorkflowAccess,
    WorkflowExecution,
    WorkflowStep,
    WorkflowTemplate,
    WorkflowTrigger,
    WorkflowVersion,
)  # fmt: skip


class StepInline(ReadOnlyInline):
    model = WorkflowStep
    fields = [
        "key", "name", "type", "integration", "action", "connection", "leads_to", "is_enabled",
    ]  # fmt: skip
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowStep]:
        return WorkflowStep.objects.prefetch_related("links_out__target")

    @admin.display(description="leads to")
    def leads_to(self, row: WorkflowStep) -> str:
        return _targets(row)


class TriggerInline(ReadOnlyInline):
    model = WorkflowTrigger
    fields = [
        "key", "name", "type", "integration", "integration_event", "cron_expression", "leads_to", "is_enabled",
    ]  # fmt: skip
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowTrigger]:
        return WorkflowTrigger.objects.prefetch_related("links_out__target")

    @admin.display(description="leads to")
    def leads_to(self, row: WorkflowTrigger) -> str:
        return _targets(row)


def _targets(row: WorkflowStep | WorkflowTrigger) -> str:
    return ", ".join(f"{link.port} → {link.target.key}" for link in row.links_out.all()) or NOTHING


class SlotInline(ReadOnlyInline):
    model = ConnectionSlot
    fields = ["key", "integration", "user_integration"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConnectionSlot]:
        return ConnectionSlot.objects.select_related("user_integration")


class DeploymentInline(ReadOnlyInline):
    model = Deployment
    fields = ["environment", "version", "is_active", "published_by", "published_at"]
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Deployment]:
        rows = Deployment.objects.select_related("template", "environment", "version", "published_by")
        return rows.defer("version__workflow_data")


class LiveTriggerInline(ReadOnlyInline):
    model = LiveTrigger
    fields = ["key", "type", "environment", "is_off", "next_fire_at", "last_fired_at"]
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[LiveTrigger]:
        return LiveTrigger.objects.select_related("environment").order_by("key")


class AccessInline(ReadOnlyInline):
    model = WorkflowAccess
    verbose_name_plural = "who else may do what"
    fields = ["level", "user", "role", "group"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowAccess]:
        return WorkflowAccess.objects.select_related("template", "user", "role", "group")


@admin.register(WorkflowTemplate)
class WorkflowTemplateAdmin(ReadOnly):
    """Look, pause, resume, put away, delete. Drafts change in the builder, which keeps undo and versions right."""

    list_display = [
        "name", "tenant", "status", "running", "last_run", "folder", "created_by", "updated_at", "draft_version",
    ]  # fmt: skip
    list_filter = ["status", "updated_at", "is_public"]
    search_fields = [
        "name",
        "template_id",
        "description",
        "tenant__name",
        "tenant__slug",
        "created_by__email",
    ]
    list_select_related = ["tenant", "folder", "created_by", "counter"]
    date_hierarchy = "created_at"
    heavy = ("settings", "layout", "metadata")
    fields = [
        ("name", "template_id", "tenant"),
        "description",
        ("status", "running", "is_public"),
        ("folder", "tags"),
        "more",
        ("draft_version", "undo_position", "start"),
        "settings_shown",
        ("created_by", "created_at", "updated_at"),
    ]
    inlines = [
        DeploymentInline, LiveTriggerInline, TriggerInline, StepInline, SlotInline, AccessInline,
    ]  # fmt: skip
    actions = ["pause", "resume", "archive", "bring_back"]
    settings_shown = json_field("settings")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkflowTemplate]:
        return super().get_queryset(request).with_activity()  # type: ignore[attr-defined,no-any-return]

    @admin.display(boolean=True, description="active")
    def running(self, row: WorkflowTemplate) -> bool:
        return row.is_active

    @admin.display(description="runs", ordering="counter__last_number")
    def last_run(self, row: WorkflowTemplate) -> int:
        counter = getattr(row, "counter", None)
        return counter.last_number if counter else 0

    @admin.display(description="see also")
    def more(self, row: WorkflowTemplate) -> str:
        models = {
            WorkflowExecution: "Runs", WorkflowVersion: "Versions", RunEvent: "Events", Sample: "Samples",
            StepState: "Memory", SeenItem: "Items seen", DraftRevision: "Changes of the draft",
        }  # fmt: skip
        links = ((link_to_list(model, text, template__id__exact=row.pk),) for model, text in models.items())
        return format_html_join(" · ", "{}", links)

    @admin.action(description="Pause the chosen workflows", permissions=["operate"])
    def pause(self, request: HttpRequest, rows: QuerySet[WorkflowTemplate]) -> None:
        by = staff(request)
        self.do(request, rows, lambda row: publishing.pause(row, by), "Paused")

    @admin.action(description="Resume the chosen workflows", permissions=["operate"])
    def resume(self, request: HttpRequest, rows: QuerySet[WorkflowTemplate]) -> None:
        by = staff(request)
        self.do(request, rows, lambda row: publishing.resume(row, by), "Resumed")

    @admin.action(description="Archive the chosen workflows", permissions=["operate"])
    def archive(self, request: HttpRequest, rows: QuerySet[WorkflowTemplate]) -> None:
        by = staff(request)
        self.do(request, rows, lambda row: keeping.archive(row, by=by), "Archived")

    @admin.action(description="Bring the chosen workflows back from the archive", permissions=["operate"])
    def bring_back(self, request: HttpRequest, rows: QuerySet[WorkflowTemplate]) -> None:
        by = staff(request)
        self.do(request, rows, lambda row: keeping.bring_back(row, by=by), "Brought back")

    # --- deleting ------------------------------------------------------------------------------
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super(Rows, self).has_delete_permission(request, obj)

    def get_deleted_objects(
        self, objs: Sequence[WorkflowTemplate] | QuerySet[WorkflowTemplate], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes, in numbers: there may be more runs than a page can list."""
        said = [
            f"{template.name} ({template.tenant}): {keeping.losses(template).sentence()}" for template in objs
        ]
        return said, {str(self.opts.verbose_name_plural): len(said)}, set(), []

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Not in one transaction, as Django has it: `keeping.delete` goes in batches so that the engine need not wait."""
        return self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined,no-any-return]

    def delete_model(self, request: HttpRequest, obj: WorkflowTemplate) -> None:
        keeping.delete(obj, by=staff(request), ip=client_ip(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WorkflowTemplate]) -> None:
        for template in queryset.select_related("tenant"):
            self.delete_model(request, template)


@admin.register(Folder)
class FolderAdmin(ReadOnly):
    list_display = ["name", "tenant", "filed"]
    search_fields = ["name", "tenant__name"]
    list_select_related = ["tenant"]
    fields = ["name", "tenant", "filed"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Folder]:
        rows: QuerySet[Folder] = super().get_queryset(request)
        return rows.annotate(n_workflows=Count("workflows"))

    @admin.display(description="workflows", ordering="n_workflows")
    def filed(self, row: Any) -> str:
        return link_to_list(WorkflowTemplate, str(row.n_workflows), folder__id__exact=row.pk)


@admin.register(Favourite)
class FavouriteAdmin(ReadOnly):
    list_display = ["template", "user", "tenant"]
    search_fields = ["template__name", "user__email", "tenant__name"]
    list_select_related = ["template", "user", "tenant"]
    fields = [("template", "user", "tenant")]
