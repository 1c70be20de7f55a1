"""The parts of drafts, to find who uses what; each has its place on its workflow's page too."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.fields.json import KT
from django.http import HttpRequest

from workflows.admin.base import ReadOnly
from workflows.admin.showing import NOTHING, json_field, pretty
from workflows.models import DraftRevision, Sample, WorkflowStep, WorkflowTrigger


@admin.register(WorkflowStep)
class WorkflowStepAdmin(ReadOnly):
    """To find who uses what; the drafts they belong to have their own page."""

    list_display = ["__str__", "key", "type", "integration", "action", "template", "tenant", "is_enabled"]
    list_filter = ["type", "is_enabled"]
    search_fields = ["name", "key", "integration", "action", "template__name", "tenant__name"]
    list_select_related = ["template", "tenant"]
    ordering = ["-id"]
    heavy = ("condition", "input_mappings", "output_mappings", "config", "retry_policy", "notes")
    fields = [
        ("key", "name", "type"),
        ("template", "tenant"),
        ("integration", "action", "connection"),
        ("is_enabled", "timeout_s", "position"),
        "condition_shown",
        "input_shown",
        "output_shown",
        "config_shown",
        "retry_shown",
        "notes",
    ]
    condition_shown = json_field("condition")
    input_shown = json_field("input_mappings", "input")
    output_shown = json_field("output_mappings", "output")
    config_shown = json_field("config")
    retry_shown = json_field("retry_policy", "retry")


@admin.register(WorkflowTrigger)
class WorkflowTriggerAdmin(ReadOnly):
    """Triggers of drafts; what is live has its own list."""

    list_display = [
        "__str__", "key", "type", "integration", "integration_event", "cron_expression", "template", "tenant",
        "is_enabled",
    ]  # fmt: skip
    list_filter = ["type", "is_enabled"]
    search_fields = ["name", "key", "integration", "integration_event", "template__name", "tenant__name"]
    list_select_related = ["template", "tenant"]
    ordering = ["-id"]
    heavy = ("config",)
    fields = [
        ("key", "name", "type"),
        ("template", "tenant"),
        ("integration", "integration_event", "connection"),
        ("cron_expression", "time_zone", "is_enabled"),
        "config_shown",
    ]
    config_shown = json_field("config")


@admin.register(DraftRevision)
class DraftRevisionAdmin(ReadOnly):
    list_display = ["__str__", "label", "template", "tenant", "by", "at"]
    search_fields = ["template__name", "tenant__name", "by__email"]
    list_select_related = ["template", "tenant", "by"]
    ordering = ["-id"]
    heavy = ("patch",)
    fields = [("template", "tenant", "n"), ("by", "at"), "before", "after"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DraftRevision]:
        rows: QuerySet[DraftRevision] = super().get_queryset(request)
        return rows.annotate(label=KT("patch__label"))

    @admin.display
    def label(self, row: Any) -> str:
        return row.label or NOTHING

    @admin.display
    def before(self, row: DraftRevision) -> str:
        return pretty(row.patch.get("before"))

    @admin.display
    def after(self, row: DraftRevision) -> str:
        return pretty(row.patch.get("after"))


@admin.register(Sample)
class SampleAdmin(ReadOnly):
    list_display = ["__str__", "template", "tenant", "source", "pinned", "created_at"]
    list_filter = ["source", "pinned", "created_at"]
    search_fields = ["template__name", "tenant__name", "step_key", "trigger_key"]
    list_select_related = ["template", "tenant"]
    heavy = ("data",)
    fields = [
        ("template", "tenant"), ("trigger_key", "step_key"), ("source", "pinned", "created_at"), "data_shown",
    ]  # fmt: skip
    data_shown = json_field("data")
