"""What is published: versions, where they run, and the triggers that are live."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html_join

from integrations.models import UserIntegration
from workflows.admin.base import ReadOnly, Since
from workflows.admin.showing import NOTHING, json_field, link_to, masked
from workflows.models import (
    Deployment,
    LiveTrigger,
    RunEvent,
    TriggerReceipt,
    TriggerSubscription,
    WorkflowExecution,
    WorkflowVersion,
)  # fmt: skip


@admin.register(WorkflowVersion)
class WorkflowVersionAdmin(ReadOnly):
    """Never changed, never deleted alone: runs and roll-backs need them."""

    list_display = [
        "__str__", "template", "tenant", "change_description", "is_rollback_version", "created_by", "created_at",
    ]  # fmt: skip
    list_filter = [("version_number", admin.EmptyFieldListFilter), "is_rollback_version", "created_at"]
    search_fields = [
        "template__name", "template__template_id", "tenant__name", "change_description", "digest",
    ]  # fmt: skip
    list_select_related = ["template", "tenant", "created_by"]
    date_hierarchy = "created_at"
    heavy = ("workflow_data",)
    fields = [
        ("template", "tenant"),
        ("version_number", "digest"),
        "change_description",
        ("is_rollback_version", "rollback_of"),
        ("created_by", "created_at"),
        "document",
    ]
    document = json_field("workflow_data", "document")


@admin.register(Deployment)
class DeploymentAdmin(ReadOnly):
    list_display = [
        "template",
        "environment",
        "version",
        "is_active",
        "tenant",
        "published_by",
        "published_at",
    ]
    list_filter = ["is_active", "published_at"]
    search_fields = ["template__name", "tenant__name", "environment__name", "published_by__email"]
    list_select_related = ["template", "environment", "version", "tenant", "published_by"]
    date_hierarchy = "published_at"
    ordering = ["-published_at"]
    heavy = ("bindings", "version__workflow_data")
    fields = [
        ("template", "tenant"),
        ("environment", "version", "is_active"),
        ("published_by", "published_at"),
        "connections",
    ]

    @admin.display
    def connections(self, row: Deployment) -> str:
        """Slot by slot (one SQL query)."""
        names = dict(UserIntegration.objects.filter(pk__in=row.bindings.values()).values_list("pk", "name"))
        found = {str(pk): name for pk, name in names.items()}
        lines = (
            (slot, link_to(UserIntegration, pk, found[pk]) if pk in found else "deleted since")
            for slot, pk in row.bindings.items()
        )
        return format_html_join("", "{}: {}<br>", lines) or NOTHING


@admin.register(LiveTrigger)
class LiveTriggerAdmin(ReadOnly):
    """Who knows a hook's address may start the workflow, so its end is not shown."""

    list_display = [
        "key", "template", "type", "tenant", "environment", "address", "state", "next_fire_at", "last_fired_at",
    ]  # fmt: skip
    list_filter = ["type", "is_off", ("last_error", admin.EmptyFieldListFilter), "next_fire_at"]
    search_fields = ["key", "template__name", "template__template_id", "tenant__name", "environment__name"]
    list_select_related = ["template", "tenant", "environment", "deployment"]
    ordering = ["-id"]
    heavy = ("cursor", "subscription", "deployment__bindings")
    fields = [
        ("key", "type", "state"),
        ("template", "tenant", "environment"),
        ("deployment", "address"),
        ("next_fire_at", "last_fired_at"),
        "last_error",
        "cursor_shown",
        "subscription_shown",
    ]
    cursor_shown = json_field("cursor")
    subscription_shown = json_field("subscription")

    @admin.display
    def address(self, row: LiveTrigger) -> str:
        return masked(row.token)

    @admin.display
    def state(self, row: LiveTrigger) -> str:
        if row.is_off:
            return "off"
        if row.deployment is None:
            return "in the draft only"
        return "active" if row.deployment.is_active else "paused"


@admin.register(TriggerReceipt)
class TriggerReceiptAdmin(ReadOnly):
    """Starts that were accepted under a key; the same key again starts nothing."""

    list_display = ["dedup_key", "live_trigger", "workflow", "tenant", "run", "created_at"]
    list_filter = ["created_at"]
    search_fields = ["dedup_key", "live_trigger__template__name", "tenant__name"]
    list_select_related = ["live_trigger__template", "tenant"]
    id_fields = ("execution_id",)
    ordering = ["-id"]
    fields = [("dedup_key", "live_trigger"), ("tenant", "run"), ("body_hash", "created_at")]

    @admin.display
    def workflow(self, row: TriggerReceipt) -> str:
        return str(row.live_trigger.template)

    @admin.display
    def run(self, row: TriggerReceipt) -> str:
        return link_to(WorkflowExecution, row.execution_id)


@admin.register(RunEvent)
class RunEventAdmin(ReadOnly):
    """Why something did or did not run."""

    list_display = ["message", "kind", "template", "tenant", "trigger_key", "run", "at"]
    list_filter = ["kind", Since]
    search_fields = ["message", "template__name", "tenant__name", "trigger_key"]
    list_select_related = ["template", "tenant"]
    id_fields = ("pk", "execution_id")
    heavy = ("data",)
    fields = [("kind", "at"), "message", ("template", "tenant"), ("trigger_key", "run"), "data_shown"]
    data_shown = json_field("data")

    @admin.display
    def run(self, row: RunEvent) -> str:
        return link_to(WorkflowExecution, row.execution_id)


@admin.register(TriggerSubscription)
class TriggerSubscriptionAdmin(ReadOnly):
    """Its secret and what the service told are encrypted, and shown nowhere."""

    list_display = [
        "integration",
        "event",
        "state",
        "live_trigger",
        "expires_at",
        "next_try_at",
        "tries",
        "tenant",
    ]
    list_filter = ["state", "integration"]
    search_fields = ["integration", "event", "tenant__name", "url"]
    list_select_related = ["live_trigger", "tenant"]
    fields = [
        ("integration", "event", "state"), ("live_trigger", "tenant"), "url", "input", ("connection_id", "digest"),
        ("expires_at", "next_try_at", "tries"), "last_error", "created_at",
    ]  # fmt: skip
