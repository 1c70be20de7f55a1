"""What the engine keeps beside the runs: workers, waits, files, memory."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from automate.lib import clock
from workflows.admin.base import ReadOnly, Rows, Since
from workflows.admin.showing import json_field, link_to
from workflows.models import (
    ActiveRun,
    Blob,
    DueWipe,
    EngineSwitch,
    RunHour,
    RunText,
    SeenItem,
    StepState,
    WaitNotice,
    WaitToken,
    WorkerLease,
    WorkflowExecution,
)
from workflows.runs.claims import set_draining


@admin.register(WorkerLease)
class WorkerLeaseAdmin(ReadOnly):
    list_display = ["id", "is_alive", "beat_at", "started_at", "queues", "held", "slots"]
    list_filter = ["beat_at"]
    search_fields = ["id"]
    ordering = ["-beat_at"]
    fields = [("id", "is_alive"), ("beat_at", "started_at"), ("queues", "held", "slots")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkerLease]:
        mine = ActiveRun.objects.filter(worker=OuterRef("pk"), state=ActiveRun.State.RUNNING).order_by()
        count = mine.values("worker").annotate(n=Count("pk")).values("n")
        held = Coalesce(Subquery(count, output_field=IntegerField()), 0)
        rows: QuerySet[WorkerLease] = super().get_queryset(request)
        return rows.annotate(n_held=held)

    @admin.display(boolean=True, description="alive")
    def is_alive(self, row: WorkerLease) -> bool:
        return row.beat_at > clock.now() - timedelta(seconds=settings.AUTOMATE_LEASE_S)

    @admin.display(description="runs held", ordering="n_held")
    def held(self, row: Any) -> int:
        return int(row.n_held)


@admin.register(EngineSwitch)
class EngineSwitchAdmin(Rows):
    """One row: whether workers take runs."""

    list_display = ["__str__", "is_draining", "changed_at", "changed_by"]
    fields = ["is_draining", "changed_at", "changed_by"]
    readonly_fields = ["changed_at", "changed_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request)) and not EngineSwitch.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: EngineSwitch | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: EngineSwitch, form: Any, change: bool) -> None:
        set_draining(obj.is_draining, by=str(request.user))


@admin.register(WaitToken)
class WaitTokenAdmin(ReadOnly):
    """Who knows a token may answer, and not even its hash is shown."""

    list_display = ["path", "kind", "tenant", "run", "person", "created_at", "expires_at", "answered_at"]
    list_filter = ["kind", ("answered_at", admin.EmptyFieldListFilter)]
    search_fields = ["path", "person", "tenant__name"]
    list_select_related = ["tenant"]
    id_fields = ("pk", "execution_id")
    ordering = ["-created_at"]
    heavy = ("answer",)
    fields = [
        ("kind", "path", "person"), ("tenant", "run"), ("created_at", "expires_at", "answered_at"), "answer_shown",
    ]  # fmt: skip
    answer_shown = json_field("answer")

    @admin.display
    def run(self, row: WaitToken) -> str:
        return link_to(WorkflowExecution, row.execution_id)


@admin.register(WaitNotice)
class WaitNoticeAdmin(ReadOnly):
    """Who was told about a wait, and why they were not."""

    list_display = ["to", "path", "tenant", "run", "is_reminder", "due_at", "sent_at", "tries"]
    list_filter = [
        "is_reminder",
        ("sent_at", admin.EmptyFieldListFilter),
        ("error", admin.EmptyFieldListFilter),
        Since,
    ]
    search_fields = ["to", "path", "tenant__name"]
    list_select_related = ["tenant"]
    id_fields = ("pk", "execution_id")
    ordering = ["-id"]
    fields = [
        ("to", "slot", "path"),
        ("tenant", "run"),
        ("due_at", "sent_at", "tries"),
        "is_reminder",
        "error",
    ]

    @admin.display
    def run(self, row: WaitNotice) -> str:
        return link_to(WorkflowExecution, row.execution_id)


@admin.register(Blob)
class BlobAdmin(ReadOnly):
    """That there is a file, not what is in it."""

    list_display = ["__str__", "mime", "size_bytes", "tenant", "run", "created_at"]
    list_filter = [Since]
    search_fields = ["name", "mime", "tenant__name"]
    list_select_related = ["tenant"]
    id_fields = ("pk", "execution_id")
    ordering = ["-id"]
    fields = [("name", "mime", "size_bytes"), ("tenant", "run"), ("sha256", "created_at")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Blob]:
        return super().get_queryset(request).defer("data")

    @admin.display
    def run(self, row: Blob) -> str:
        return link_to(WorkflowExecution, row.execution_id)


@admin.register(StepState)
class StepStateAdmin(ReadOnly):
    """What workflows remember from run to run."""

    list_display = ["key", "template", "tenant", "updated_at"]
    list_filter = ["updated_at"]
    search_fields = ["key", "template__name", "tenant__name"]
    list_select_related = ["template", "tenant"]
    ordering = ["-updated_at"]
    heavy = ("value",)
    fields = [
        ("key", "template", "tenant"), ("environment_id", "updated_at", "expires_at"), "is_encrypted", "value_shown",
    ]  # fmt: skip
    value_shown = json_field("value")


@admin.register(SeenItem)
class SeenItemAdmin(ReadOnly):
    """Items that a step knows from earlier runs, as hashes."""

    list_display = ["digest", "step_key", "template", "tenant", "seen_at"]
    list_filter = ["seen_at"]
    search_fields = ["digest", "step_key", "template__name", "tenant__name"]
    list_select_related = ["template", "tenant"]
    ordering = ["-id"]
    fields = [("digest", "step_key"), ("template", "tenant"), ("environment_id", "seen_at")]


@admin.register(RunText)
class RunTextAdmin(ReadOnly):
    """Runs that the search knows. Their words are not shown: they are what the runs show, in another order."""

    list_display = ["run", "tenant"]
    search_fields = ["tenant__name"]
    list_select_related = ["tenant"]
    ordering = ["-pk"]
    heavy = ("words",)
    fields = [("run", "tenant")]

    @admin.display
    def run(self, row: RunText) -> str:
        return link_to(WorkflowExecution, row.execution_id)


@admin.register(DueWipe)
class DueWipeAdmin(ReadOnly):
    list_display = ["execution_id", "tenant", "due_at"]
    search_fields = ["tenant__name"]
    list_select_related = ["tenant"]
    ordering = ["due_at"]
    fields = [("execution_id", "tenant"), "due_at"]


@admin.register(RunHour)
class RunHourAdmin(ReadOnly):
    """Runs counted by the hour, which pages with days and weeks are drawn from."""

    list_display = ["template", "tenant", "hour", "runs", "failed", "succeeded", "total_ms"]
    search_fields = ["template__name", "tenant__name"]
    list_select_related = ["template", "tenant"]
    ordering = ["-id"]
    fields = [("template", "tenant", "hour"), ("runs", "failed", "succeeded", "total_ms")]
