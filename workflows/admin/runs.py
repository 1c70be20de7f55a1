"""Runs and their steps: what happened, and what is under way."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html_join

from accounts.models import User
from automate.templatetags.formats import duration
from workflows.admin.base import OneOf, ReadOnly, ReadOnlyInline, Since, staff
from workflows.admin.showing import (
    ENCRYPTED,
    NOTHING,
    json_field,
    link_to,
    link_to_list,
    message_of,
    pretty,
)  # fmt: skip
from workflows.models import (
    ActiveRun,
    RunEvent,
    StepExecution,
    TriggerType,
    WorkflowExecution,
    WorkflowStep,
)  # fmt: skip
from workflows.runs.cancel import cancel
from workflows.runs.retry import retry

STEPS_SHOWN = 200  # on a run's page; a loop may have made thousands
RUN_DATA = ("input", "output", "error", "options")
STEP_DATA = ("input", "output", "attempts", "request_log")


class TriggerKind(OneOf):
    title = "trigger"
    parameter_name = "trigger_type"
    choices_: ClassVar = list(TriggerType.choices)


class StepKind(OneOf):
    title = "type"
    parameter_name = "step_type"
    choices_: ClassVar = list(WorkflowStep.Type.choices)


class FirstSteps(BaseInlineFormSet):  # type: ignore[type-arg] # not generic at run time
    """Asked for its rows again and again, so they are read once."""

    @cached_property
    def _rows(self) -> QuerySet[StepExecution]:
        return super().get_queryset()[:STEPS_SHOWN]

    def get_queryset(self) -> QuerySet[StepExecution]:
        return self._rows


class StepInline(ReadOnlyInline):
    model = StepExecution
    formset = FirstSteps
    verbose_name_plural = f"steps that have ended (the first {STEPS_SHOWN})"
    fields = [
        "page", "step_name", "step_type", "step_status", "retry_count", "duration_ms", "started_at", "message",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[StepExecution]:
        return StepExecution.objects.defer(*STEP_DATA)

    @admin.display(description="step")
    def page(self, row: StepExecution) -> str:
        return link_to(StepExecution, row.pk, row.path)

    @admin.display
    def message(self, row: StepExecution) -> str:
        return message_of(row.error)


@admin.register(WorkflowExecution)
class WorkflowExecutionAdmin(ReadOnly):
    """Look, stop, run again. What a run did stays as it was recorded."""

    list_display = [
        "__str__",
        "template",
        "tenant",
        "status",
        "created_at",
        "took",
        "started_by_a",
        "is_test",
    ]
    list_filter = ["status", Since, TriggerKind, "had_errors", "is_test"]
    search_fields = ["template__name", "template__template_id", "tenant__name", "tenant__slug"]
    list_select_related = ["template", "tenant"]
    ordering = ["-id"]
    heavy = RUN_DATA
    fields = [
        ("number", "status", "trigger_type"),
        ("template", "version", "tenant"),
        ("deployment", "live_trigger", "started_by_whom"),
        ("is_test", "is_failed", "had_errors"),
        ("created_at", "started_at", "completed_at", "execution_time_ms"),
        ("retry_of", "parent", "parent_path"),
        "more",
        "under_way",
        "error_shown",
        "input_shown",
        "output_shown",
        "options_shown",
    ]
    inlines = [StepInline]
    actions = ["stop", "retry_failed", "retry_all"]
    input_shown = json_field("input")
    output_shown = json_field("output")
    error_shown = json_field("error")
    options_shown = json_field("options")

    @admin.display(description="took", ordering="execution_time_ms")
    def took(self, row: WorkflowExecution) -> str:
        return duration(row.execution_time_ms)

    @admin.display(description="trigger", ordering="trigger_type")
    def started_by_a(self, row: WorkflowExecution) -> str:
        return dict(TriggerType.choices).get(row.trigger_type, row.trigger_type) or NOTHING

    @admin.display(description="started by")
    def started_by_whom(self, row: WorkflowExecution) -> str:
        by = User.objects.filter(pk=row.started_by).first() if row.started_by else None
        return str(by) if by else NOTHING

    @admin.display(description="see also")
    def more(self, row: WorkflowExecution) -> str:
        links = [
            (link_to_list(StepExecution, "All steps", execution__id__exact=row.pk),),
            (link_to_list(WorkflowExecution, "Sub-workflows", parent__id__exact=row.pk),),
            (link_to_list(WorkflowExecution, "Retries", retry_of__id__exact=row.pk),),
            (link_to_list(RunEvent, "Events", q=row.pk),),
        ]
        return format_html_join(" · ", "{}", links)

    @admin.display(description="under way")
    def under_way(self, row: WorkflowExecution) -> str:
        active = ActiveRun.objects.filter(pk=row.pk).first()
        return link_to(ActiveRun, row.pk, active.get_state_display()) if active else NOTHING

    @admin.action(description="Stop the chosen runs", permissions=["operate"])
    def stop(self, request: HttpRequest, rows: QuerySet[WorkflowExecution]) -> None:
        by = staff(request)
        self.do(request, rows.select_related("tenant"), lambda row: cancel(row, by=by), "Stopped")

    @admin.action(description="Run again from where they failed", permissions=["operate"])
    def retry_failed(self, request: HttpRequest, rows: QuerySet[WorkflowExecution]) -> None:
        self._retry(request, rows, "failed")

    @admin.action(description="Run again from the start", permissions=["operate"])
    def retry_all(self, request: HttpRequest, rows: QuerySet[WorkflowExecution]) -> None:
        self._retry(request, rows, "start")

    def _retry(self, request: HttpRequest, rows: QuerySet[WorkflowExecution], start: str) -> None:
        by = staff(request)
        self.do(
            request, rows.select_related("tenant"), lambda row: retry(row, start=start, by=by), "Queued again"
        )


@admin.register(StepExecution)
class StepExecutionAdmin(ReadOnly):
    list_display = [
        "path", "step_name", "step_type", "step_status", "run", "tenant", "retry_count", "duration_ms", "started_at",
    ]  # fmt: skip
    list_filter = ["step_status", Since, StepKind]
    search_fields = ["path", "step_name", "tenant__name"]
    list_select_related = ["tenant"]
    ordering = ["-id"]
    id_fields = ("pk", "execution_id")
    heavy = (*STEP_DATA, "error")
    fields = [
        ("path", "step_id", "step_name"),
        ("step_type", "step_status", "port"),
        ("execution", "tenant", "copied"),
        ("started_at", "completed_at", "duration_ms"),
        ("retry_count", "retry_attempt", "is_encrypted"),
        "error_shown",
        "input_shown",
        "output_shown",
        "attempts_shown",
        "log_shown",
    ]
    error_shown = json_field("error")
    attempts_shown = json_field("attempts", "earlier tries")

    @admin.display
    def run(self, row: StepExecution) -> str:
        return link_to(WorkflowExecution, row.execution_id)

    @admin.display(description="copied from")
    def copied(self, row: StepExecution) -> str:
        return link_to(StepExecution, row.copied_from)

    @admin.display(description="input")
    def input_shown(self, row: StepExecution) -> str:
        return ENCRYPTED if row.is_encrypted else pretty(row.input)

    @admin.display(description="output")
    def output_shown(self, row: StepExecution) -> str:
        return ENCRYPTED if row.is_encrypted else pretty(row.output)

    @admin.display(description="request log")
    def log_shown(self, row: StepExecution) -> str:
        return ENCRYPTED if row.is_encrypted else pretty(row.request_log)


@admin.register(ActiveRun)
class ActiveRunAdmin(ReadOnly):
    """The queue: one row for each run that has not ended."""

    list_display = [
        "__str__", "workflow", "tenant", "state", "priority", "run_at", "worker", "attempt", "barren",
        "cancel_requested",
    ]  # fmt: skip
    list_filter = ["state", "cancel_requested", Since, "queue"]
    search_fields = ["workflow__name", "tenant__name", "worker"]
    list_select_related = ["workflow", "tenant"]
    ordering = ["priority", "run_at"]
    heavy = ("inflight", "cursor", "progress")
    fields = [
        ("execution", "workflow", "tenant"),
        ("state", "queue", "priority"),
        ("run_at", "worker", "attempt", "barren"),
        ("cancel_requested", "signals", "seq", "concurrency_key"),
        "inflight_shown",
        "progress_shown",
        "cursor_shown",
    ]
    actions = ["stop"]
    inflight_shown = json_field("inflight", "unsafe steps being sent")
    progress_shown = json_field("progress", "live step states")
    cursor_shown = json_field("cursor", "waits and answers")

    @admin.action(description="Stop the chosen runs", permissions=["operate"])
    def stop(self, request: HttpRequest, rows: QuerySet[ActiveRun]) -> None:
        by = staff(request)
        rows = rows.select_related("execution__tenant")
        self.do(request, rows, lambda row: cancel(row.execution, by=by), "Stopped")
